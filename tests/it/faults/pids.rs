//! Pids that somebody else has now. In a pid namespace of its own the test says which pid comes next.

use krun_tests::{lab::Lab, tree::listing};

use super::in_own;
use crate::state::chain;

/// A krun that was killed leaves its pid in the deployment's lock. Whoever has that pid next, another
/// process or a krun, neither holds the deployment nor is touched.
#[test]
fn the_pid_of_a_dead_krun() {
    let lab = Lab::default();
    let runbook = chain(&lab, 3);
    lab.write("root/f1", "was here before\n");
    let before = listing(&lab.path("root"));
    let done = in_own(
        &["--pid", "--fork", "--mount-proc"],
        &lab,
        &runbook,
        "killed() { wait $1; [ $? = 137 ] || { echo \"krun was not killed\"; exit 97; }; }\n\
         next() { echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid || \
           { echo 'the kernel does not let the next pid be chosen'; exit 96; }; }\n\
         KRUN_KILL_AT=after:1:f-1 $KRUN $RUNBOOK -q & dead=$!\n\
         killed $dead\n\
         grep -q \"\\\"pid\\\":$dead,\" $STATE/locks/kept.lock || exit 95\n\
         next $dead\n\
         sleep 600 & other=$!\n\
         [ $other = $dead ] || { echo \"$other, not $dead\"; exit 94; }\n\
         step 0 $KRUN status -q\n\
         step 0 $KRUN $RUNBOOK -q\n\
         step 0 $KRUN status --check\n\
         KRUN_KILL_AT=after:2:f-2 $KRUN $RUNBOOK -q -p text=two & dead=$!\n\
         killed $dead\n\
         next $dead\n\
         $KRUN $RUNBOOK -q -p text=two & again=$!\n\
         [ $again = $dead ] || { echo \"$again, not $dead\"; exit 93; }\n\
         wait $again || exit 92\n\
         grep -q two $ROOT/f2 || exit 91\n\
         step 0 $KRUN rollback --yes -q\n\
         kill -0 $other || { echo 'the other process was ended'; exit 90; }\n",
    );
    done.expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}
