//! The key: made once, for its owner only; missing or another, it keeps nothing else from going on.

use std::fs;

use krun_tests::tree::listing;

use super::{bench, planted::mode};

#[test]
fn without_its_key_nothing_is_lost() {
    let bench = bench();
    let runbook = bench.runbook();
    let before = listing(&bench.lab.path("root"));
    let key = bench.lab.path("config/krun/secret.key");
    bench.krun(&["plan", &runbook]).expect(0);
    assert!(!key.exists(), "a plan makes nothing");
    bench.krun(&["run", &runbook]).expect(0);
    assert_eq!(
        (mode(&key), mode(key.parent().expect("a folder"))),
        (0o600, 0o700)
    );

    let kept = bench.lab.path("elsewhere.key");
    fs::rename(&key, &kept).expect("moved");
    bench.rotate("db");
    let refused = bench.krun(&["run", &runbook]).expect(4);
    assert!(
        refused.err().contains("krun::secret-key"),
        "{}",
        refused.err()
    );
    assert!(refused.err().contains("KRUN_KEY_FILE"), "{}", refused.err());
    assert!(!key.exists(), "no other is made in its place");
    bench.krun(&["status"]).expect(0);
    bench.krun(&["history"]).expect(0);

    let incomplete = bench.without_values(&["rollback", "--yes"]).expect(7);
    assert!(incomplete.err().contains("missing"), "{}", incomplete.err());
    assert!(
        bench.lab.path("root/f.conf").exists(),
        "what can't be judged stays"
    );
    fs::write(&key, format!("krun-key-1 {}\n", "ab".repeat(32))).expect("another key");
    super::planted::set_mode(&key, 0o600);
    let another = bench.without_values(&["rollback", "--yes"]).expect(7);
    assert!(another.err().contains("not the key"), "{}", another.err());
    fs::remove_file(&key).expect("removed");

    let kept = kept.display().to_string();
    bench
        .krun_with(&["rollback", "--yes"], &[("KRUN_KEY_FILE", &kept)])
        .expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.search();
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let bench = bench();
    let runbook = bench.runbook();
    bench.krun(&["run", &runbook]).expect(0);
    let key = bench.lab.path("config/krun/secret.key");
    super::planted::set_mode(&key, 0o644);
    bench.rotate("db");
    let refused = bench.krun(&["run", &runbook]).expect(4);
    assert!(refused.err().contains("chmod 600"), "{}", refused.err());
}
