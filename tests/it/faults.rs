//! Faults that are really caused: full disks, rights and folders taken away mid-run, things replaced
//! by others, calls that fail, clocks that go back, pids that somebody else has. Each ends in a known
//! exit code, loses nothing, and can be gone on with and taken back.

mod calls;
mod clock;
mod pids;

use std::{
    fs,
    io::{BufRead as _, BufReader, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::{Child, Command, Stdio},
};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};

use crate::state::{chain, runbook};

/// A krun command as another program begins it.
fn through(wrapper: &[&str], krun: &Command) -> Command {
    let mut command = Command::new(wrapper[0]);
    command
        .args(&wrapper[1..])
        .arg(krun.get_program())
        .args(krun.get_args())
        .current_dir(krun.get_current_dir().expect("the lab"))
        .stdin(Stdio::null());
    for (name, value) in krun.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs a script in a mount namespace of its own, as [`in_own`] does.
pub fn in_own_mounts(lab: &Lab, runbook: &str, script: &str) -> Done {
    in_own(&["--mount"], lab, runbook, script)
}

/// Runs a script in namespaces of its own. `$KRUN`, `$RUNBOOK`, `$ROOT` and `$STATE` are what they
/// say; `step CODE COMMAND…` expects an exit code, and prints what the command did.
fn in_own(namespaces: &[&str], lab: &Lab, runbook: &str, script: &str) -> Done {
    let krun = lab.krun(&[]);
    let all = format!(
        "step() {{ wanted=$1; shift; \"$@\" 2>&1; code=$?; \
           [ $code = $wanted ] || {{ echo \"$*: $code, not $wanted\"; exit 99; }}; }}\n{script}"
    );
    let shell = ["--map-root-user", "sh", "-c", &all];
    let mut command = through(&[&["unshare"], namespaces, &shell].concat(), &krun);
    command
        .env("KRUN", krun.get_program())
        .env("RUNBOOK", runbook)
        .env("ROOT", lab.path("root"))
        .env("STATE", lab.path("state"));
    Done::of(command)
}

#[test]
fn a_disk_that_fills_while_the_journal_is_written() {
    let lab = Lab::default();
    let runbook = chain(&lab, 150);
    lab.write("root/f7", "was here before\n");
    let done = in_own_mounts(
        &lab,
        &runbook,
        "mkdir $STATE; mount -t tmpfs -o size=1m none $STATE\n\
         step 4 $KRUN $RUNBOOK -q\n\
         [ $(ls $ROOT | wc -l) -gt 1 ] || exit 98\n\
         step 0 $KRUN status -q\n\
         mount -o remount,size=50m $STATE\n\
         step 0 $KRUN $RUNBOOK -q\n\
         step 0 $KRUN state check\n\
         step 0 $KRUN status --check\n\
         step 0 $KRUN rollback --yes -q\n",
    )
    .expect(0);
    assert!(done.out().contains("krun::disk-full"), "{}", done.out());
    assert_eq!(
        listing(&lab.path("root")).lines().count(),
        2,
        "{}",
        listing(&lab.path("root"))
    );
    assert_eq!(
        fs::read_to_string(lab.path("root/f7")).expect("f7"),
        "was here before\n"
    );
}

#[test]
fn a_disk_that_is_full_for_a_before_image() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.write("root/f0", &"x".repeat(3 << 20));
    let before = listing(&lab.path("root"));
    let done = in_own_mounts(
        &lab,
        &runbook,
        "mkdir $STATE; mount -t tmpfs -o size=2m none $STATE\n\
         step 4 $KRUN $RUNBOOK -q\n\
         wc -c < $ROOT/f0\n\
         mount -o remount,size=50m $STATE\n\
         step 0 $KRUN $RUNBOOK -q\n\
         step 0 $KRUN rollback --yes -q\n",
    )
    .expect(0);
    assert!(done.out().contains("krun::disk-full"), "{}", done.out());
    assert!(done.out().contains("3145728"), "untouched: {}", done.out());
    assert_eq!(listing(&lab.path("root")), before);
}

#[test]
fn a_disk_that_is_full_for_a_target() {
    let lab = Lab::default();
    let script = format!(
        "runbook(#{{ name: \"big\", version: \"1.0.0\", summary: \"s\" }});\n\
         let text = \"y\";\n\
         for i in 0..19 {{ text += text; }}\n\
         let small = file(\"small\", #{{ path: \"{root}/small\", content: \"s\" }});\n\
         file(\"big\", #{{ path: \"{root}/big\", content: text, after: small }});\n",
        root = lab.path("root").display()
    );
    let runbook = lab.write("big.rhai", &script);
    let done = in_own_mounts(
        &lab,
        runbook.to_str().expect("UTF-8"),
        "mkdir -p $ROOT; mount -t tmpfs -o size=256k none $ROOT; echo old > $ROOT/big\n\
         step 4 $KRUN $RUNBOOK -q\n\
         step 0 cat $ROOT/big\n\
         [ $(ls -A $ROOT | wc -l) -le 2 ] || { ls -la $ROOT; exit 97; }\n\
         mount -o remount,size=50m $ROOT\n\
         step 0 $KRUN $RUNBOOK -q\n\
         [ $(wc -c < $ROOT/big) = 524288 ] || exit 96\n\
         step 0 $KRUN rollback --yes -q\n\
         [ \"$(ls -A $ROOT)\" = big ] && [ \"$(cat $ROOT/big)\" = old ] || { ls -la $ROOT; exit 95; }\n",
    )
    .expect(0);
    assert!(done.out().contains("krun::disk-full"), "{}", done.out());
    assert!(done.out().contains("old"), "{}", done.out());
}

#[test]
fn filesystems_that_can_only_be_read() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.write("root/f0", "was here before\n");
    let before = listing(&lab.path("root"));
    let done = in_own_mounts(
        &lab,
        &runbook,
        "mount --bind $ROOT $ROOT; mount -o remount,bind,ro $ROOT\n\
         $KRUN $RUNBOOK -q 2>&1; code=$?; [ $code = 1 -o $code = 4 ] || { echo $code; exit 94; }\n\
         mount -o remount,bind,rw $ROOT\n\
         step 0 $KRUN $RUNBOOK -q\n\
         mount --bind $STATE $STATE; mount -o remount,bind,ro $STATE\n\
         step 0 $KRUN status --check\n\
         step 0 $KRUN history\n\
         step 8 $KRUN $RUNBOOK -p text=two -q\n\
         step 8 $KRUN rollback --yes -q\n\
         mount -o remount,bind,rw $STATE\n\
         step 0 $KRUN rollback --yes -q\n",
    )
    .expect(0);
    assert!(done.out().contains("krun::state"), "{}", done.out());
    assert_eq!(listing(&lab.path("root")), before);
}

/// Starts a run and waits until some of its events were seen.
fn begin(mut krun: Command, events: usize) -> (Child, impl Iterator<Item = String>) {
    let mut child = krun
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("krun starts");
    let stdout = BufReader::new(child.stdout.take().expect("stdout"));
    let mut lines = stdout.lines().map_while(Result::ok);
    let seen = lines.by_ref().take(events).count();
    assert_eq!(seen, events, "the run goes on for long enough");
    (child, lines)
}

fn end(child: Child, lines: impl Iterator<Item = String>) -> (i32, String) {
    let events: Vec<String> = lines.collect();
    let output = child.wait_with_output().expect("krun ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code().unwrap_or(-1),
        format!("{}\n{said}", events.join("\n")),
    )
}

#[test]
fn the_state_folder_is_taken_away_mid_run() {
    let lab = Lab::default();
    let runbook = chain(&lab, 300);
    lab.write("root/f250", "was here before\n");
    let before = listing(&lab.path("root"));
    let (child, lines) = begin(lab.krun(&[&runbook, "--json"]), 40);
    fs::rename(lab.path("state"), lab.path("away")).expect("rename");
    let (code, said) = end(child, lines);
    assert_eq!(code, 8, "{said}");
    assert!(
        said.contains("not there any more") || said.contains("state"),
        "{said}"
    );
    assert!(fs::read_dir(lab.path("root")).expect("root").count() < 290);
    // It comes back, and nothing was lost.
    let _ = fs::remove_dir_all(lab.path("state"));
    fs::rename(lab.path("away"), lab.path("state")).expect("rename");
    lab.run(&["state", "check"]).expect(0);
    lab.run(&[&runbook]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// Removes a folder in which krun still writes: a file that comes between the last look and the end is removed, too.
fn remove_in_use(folder: &Path) {
    while let Err(error) = fs::remove_dir_all(folder) {
        match error.kind() {
            ErrorKind::NotFound => return,
            ErrorKind::DirectoryNotEmpty => {}
            _ => panic!("{}: {error}", folder.display()),
        }
    }
}

#[test]
fn the_state_folder_is_deleted_mid_run() {
    let lab = Lab::default();
    let runbook = chain(&lab, 300);
    let (child, lines) = begin(lab.krun(&[&runbook, "--json"]), 40);
    remove_in_use(&lab.path("state"));
    let (code, said) = end(child, lines);
    assert_eq!(code, 8, "{said}");
    assert!(fs::read_dir(lab.path("root")).expect("root").count() < 290);
    lab.run(&[&runbook]).expect(0);
    lab.run(&["status", "--check"]).expect(0);
}

/// As a user to whom rights mean something.
fn as_nobody(lab: &Lab, arguments: &[&str]) -> Command {
    let krun = lab.krun(arguments);
    if fs::metadata(lab.path("")).expect("the lab").uid() != 0 {
        return krun;
    }
    for path in [lab.path(""), lab.path("root"), lab.path("root/f250")] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("chown");
    }
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    through(&nobody, &krun)
}

#[test]
fn rights_are_taken_away_mid_run() {
    let lab = Lab::default();
    let runbook = chain(&lab, 300);
    lab.write("root/f250", "was here before\n");
    let first = as_nobody(&lab, &[&runbook, "--json"]);
    let before = listing(&lab.path("root"));
    let rights = |mode| {
        fs::set_permissions(lab.path("root"), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    let mode = fs::metadata(lab.path("root")).expect("root").permissions();
    let (child, lines) = begin(first, 40);
    rights(0o555);
    let (code, said) = end(child, lines);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("ermission denied"), "{said}");
    rights(mode.mode() & 0o7777);
    Done::of(as_nobody(&lab, &[&runbook])).expect(0);
    Done::of(as_nobody(&lab, &["rollback", "--yes"])).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// The terminal goes away: krun finishes what it has in hand, and can be gone on with.
#[test]
fn a_hangup_stops_after_the_effect_in_hand() {
    let lab = Lab::default();
    let runbook = chain(&lab, 300);
    let (child, lines) = begin(lab.krun(&[&runbook, "--json"]), 40);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("SIGHUP");
    let (code, said) = end(child, lines);
    assert_eq!(code, 130, "{said}");
    let check = lab.run(&["state", "check"]).expect(0);
    assert!(check.out().contains("sound"));
    let open = lab.run(&["status", "--check", "--json"]).expect(6);
    assert_eq!(open.events()[0]["open_effects"], 0);
    lab.run(&["resume"]).expect(0);
    lab.run(&["status", "--check"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("root").exists());
}

/// A terminal of one's own, closed in the middle of a run: the kernel says so to krun, whose words
/// nobody takes any more.
#[test]
fn the_terminal_is_closed() {
    use std::io::Read as _;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let lab = Lab::default();
    let runbook = chain(&lab, 300);
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).expect("a terminal");
    grantpt(&terminal).expect("grantpt");
    unlockpt(&terminal).expect("unlockpt");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
    let side = || {
        fs::File::options()
            .read(true)
            .write(true)
            .custom_flags(noctty)
            .open(name.to_str().expect("UTF-8"))
            .expect("the other side")
    };
    let mut command = through(&["setsid", "--ctty"], &lab.krun(&[&runbook]));
    command.stdin(side()).stdout(side()).stderr(side());
    let mut child = command.spawn().expect("krun starts");
    drop(command);
    let mut terminal = fs::File::from(terminal);
    let (mut bytes, written) = ([0; 4096], lab.path("root/f30"));
    while !written.exists() {
        assert!(
            terminal.read(&mut bytes).is_ok(),
            "krun goes on for long enough"
        );
    }
    drop(terminal);
    assert_eq!(child.wait().expect("krun ends").code(), Some(130));
    assert!(!lab.path("root/f299").exists());
    lab.run(&["state", "check"]).expect(0);
    lab.run(&["resume"]).expect(0);
    lab.run(&["status", "--check"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("root").exists());
}

#[test]
fn a_target_that_was_replaced() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.run(&[&runbook]).expect(0);
    // By a folder with something in it.
    let target = lab.path("root/f0");
    fs::remove_file(&target).expect("remove");
    lab.write("root/f0/inside", "a person's\n");
    let tree = listing(&lab.path("root"));
    let refused = lab.run(&[&runbook]).expect(1);
    assert!(refused.err().contains("f0"), "{}", refused.err());
    lab.run(&["rollback", "--yes"]).expect(6);
    assert_eq!(listing(&lab.path("root")), tree, "nothing was touched");
    // By a link to a person's file, of the very content.
    fs::remove_dir_all(&target).expect("remove");
    let theirs = lab.write("theirs", "one 0");
    symlink(&theirs, &target).expect("a link");
    lab.run(&["rollback", "--yes"]).expect(6);
    let _ = lab.run(&[&runbook, "-p", "text=two"]);
    lab.run(&["rollback", "--yes", "--force"]);
    assert_eq!(fs::read_to_string(&theirs).expect("theirs"), "one 0");
}

/// A folder that krun made was moved out of the root, and a link leads to it.
#[test]
fn a_link_that_leads_out_of_the_root() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.run(&[&runbook]).expect(0);
    fs::rename(lab.path("root"), lab.path("outside")).expect("rename");
    symlink(lab.path("outside"), lab.path("root")).expect("a link");
    let tree = listing(&lab.path("outside"));
    let refused = lab.run(&["rollback", "--yes"]).expect(6);
    assert!(refused.err().contains("root"), "{}", refused.err());
    assert_eq!(listing(&lab.path("outside")), tree, "nothing was touched");
}

/// Started in the same instant, a hundred times: one after the other, or one is refused.
#[test]
fn two_at_once() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    for round in 0..100 {
        let text = format!("text={round}");
        let start = || {
            lab.krun(&[&runbook, "-q", "-p", &text])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("krun starts")
        };
        let both = [start(), start()];
        let mut codes: Vec<i32> = vec![];
        for child in both {
            let output = child.wait_with_output().expect("krun ends");
            let code = output.status.code().unwrap_or(-1);
            assert!(
                [0, 5].contains(&code),
                "{code}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            codes.push(code);
        }
        assert!(codes.contains(&0), "round {round}: one of them runs");
        let wanted = format!("{round} 0");
        assert_eq!(fs::read_to_string(lab.path("root/f0")).ok(), Some(wanted));
    }
    lab.run(&["state", "check"]).expect(0);
    let history = lab.run(&["history", "--json"]).expect(0);
    let writes = history.events();
    let writes = writes
        .iter()
        .flat_map(|run| run["changes"].as_array().expect("changes"))
        .filter(|change| change["effect"] == "write_file");
    assert_eq!(writes.count(), 100, "no write was done twice");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("root").exists());
}

/// What stands in a lock's file decides nothing: not a pid that somebody else has now, nor one from
/// before a reboot.
#[test]
fn a_lock_file_that_speaks_of_a_living_process() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    let holder = format!(
        "{{\"pid\":{},\"user\":\"a\",\"host\":\"b\",\"since_ms\":0,\"command\":\"krun run\"}}",
        std::process::id()
    );
    fs::write(lab.path("state/locks/kept.lock"), holder).expect("write");
    lab.run(&[&runbook, "-p", "text=two"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
}
