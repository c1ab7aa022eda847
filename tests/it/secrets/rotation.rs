//! A value that changes, a secret that comes into a file that was there, kills in between.

use std::fs;

use krun_tests::tree::listing;

use super::{bench, planted::Bench};

#[test]
fn a_rotated_value_is_drift() {
    let bench = bench();
    let runbook = bench.runbook();
    let before = listing(&bench.lab.path("root"));
    bench.krun(&["run", &runbook]).expect(0);
    bench.rotate("db");
    let plan = bench
        .krun(&["plan", &runbook, "--detailed-exitcode"])
        .expect(2);
    assert!(plan.out().contains("(secret db) changed"), "{}", plan.out());
    let status = bench.krun(&["status", "--check", "--json"]).expect(6);
    assert!(status.out().contains("\"p\""), "{}", status.out());
    bench.krun(&["run", &runbook, "--json"]).expect(0);
    let text = fs::read_to_string(bench.lab.path("root/f.conf")).expect("f.conf");
    assert!(text.contains(&bench.value("db")));
    bench.krun(&["history", "--json"]).expect(0);
    bench.search();
    // A value of before that is put back by hand is somebody else's change, and is not shown.
    bench.rotate("db");
    bench.krun(&["plan", &runbook, "--json"]).expect(0);
    fs::write(bench.lab.path("root/f.conf"), "by hand\n").expect("a change");
    bench.without_values(&["rollback", "--yes"]).expect(6);
    bench
        .without_values(&["rollback", "--yes", "--force"])
        .expect(0);
    // The copy of a file is made once, and goes with all else.
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.search();
}

#[test]
fn a_secret_comes_into_a_file_that_krun_wrote_before() {
    let plain = "file(\"f\", #{path: \"LAB/root/f\", content: \"a=1\\n\"});\n";
    let bench = Bench::new(plain, &["db"]);
    bench.lab.write("root/f", "of the administrator\n");
    let before = listing(&bench.lab.path("root"));
    bench.krun(&["run", &bench.runbook()]).expect(0);
    let first = listing(&bench.lab.path("root"));
    let with =
        "file(\"f\", #{path: \"LAB/root/f\", content: \"a=\" + secret(\"db\") + \"\\n\"});\n";
    bench.write_runbook(with);
    bench.krun(&["run", &bench.runbook(), "--json"]).expect(0);
    bench.search();
    bench
        .without_values(&["rollback", "--run", "last", "--yes"])
        .expect(0);
    assert_eq!(listing(&bench.lab.path("root")), first);
    bench.krun(&["run", &bench.runbook()]).expect(0);
    bench.write_runbook(plain);
    bench.krun(&["run", &bench.runbook(), "--json"]).expect(0);
    bench.search();
    bench.without_values(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.search();
}

#[test]
fn killed_at_every_record_nothing_is_lost() {
    for point in ["before:2:p", "after:2:p", "acted:2:p", "after:2:f"] {
        let bench = super::bench();
        let before = listing(&bench.lab.path("root"));
        let runbook = bench.runbook();
        let killed = bench.krun_with(&["run", &runbook], &[("KRUN_KILL_AT", point)]);
        assert_ne!(killed.code(), 0, "{point}");
        bench.search();
        bench.krun(&["run", &runbook, "--json"]).expect(0);
        assert_eq!(
            bench
                .krun(&["run", &runbook, "--json"])
                .expect(0)
                .finished()["changed"],
            0
        );
        let killed = bench.krun_with(&["rollback", "--yes"], &[("KRUN_KILL_AT", "after:1:p")]);
        assert_ne!(killed.code(), 0, "rollback after {point}");
        bench.without_values(&["rollback", "--yes"]).expect(0);
        assert_eq!(listing(&bench.lab.path("root")), before, "{point}");
        bench.search();
    }
}

/// With secrets in a text, a property and a copy, from none and from values that were there before.
const SWEPT: &str = r#"
let root = param("root", #{type: "path", default: "/var/empty/krun-sweep", identity: true});
let text = param("text", #{type: "string", default: "one"});
let db = secret("db");
let top = directory("top", #{path: root});
let f = file("f", #{path: `${root}/f`, content: `${text} ${db}`, after: top});
let c = file_clone("c", #{from: `${root}/f`, to: `${root}/c.properties`, after: f});
properties("p", #{path: `${root}/c.properties`, set: #{"a.password": db, "b": text}, after: c});
"#;

#[test]
fn the_whole_sweep_with_secrets() {
    let bench = Bench::new(SWEPT, &["db"]);
    bench.lab.write("earlier/root/f", "was here before\n");
    bench.is_a_target(&bench.lab.path("scratch"));
    let (scratch, earlier) = (bench.lab.path("scratch"), bench.lab.path("earlier"));
    let (scratch, earlier) = (scratch.display().to_string(), earlier.display().to_string());
    let runbook = bench.runbook();
    let swept = bench.krun(&[
        "test",
        &runbook,
        "--crash-at-every-record",
        "--json",
        "--scratch",
        &scratch,
        "--start-from",
        &earlier,
        "--then",
        "text=two",
    ]);
    let swept = swept.expect(0).events();
    let last = swept.last().expect("a line");
    assert_eq!(
        (&last["failed"], &last["trials"]),
        (&0.into(), &last["all"]),
        "{last}"
    );
    bench.search();
}

#[test]
fn a_simulated_machine_has_values_of_its_own() {
    let bench = Bench::new(SWEPT, &["db"]);
    let runbook = bench.runbook();
    let lived = bench.without_values(&["simulate", &runbook, "--seeds", "300", "--json"]);
    lived.expect(0);
    bench.search();
}

#[test]
fn what_is_in_doubt_shows_no_text() {
    let bench = bench();
    let runbook = bench.runbook();
    let before = listing(&bench.lab.path("root"));
    bench.krun_with(&["run", &runbook], &[("KRUN_KILL_AT", "after:2:f")]);
    fs::write(
        bench.lab.path("root/f.conf"),
        format!("x={}\n", bench.value("db")),
    )
    .expect("a file");
    bench.krun(&["run", &runbook]).expect(9);
    bench.without_values(&["resolve", "--json"]).expect(9);
    bench.search();
    bench.without_values(&["resolve", "f", "--redo"]).expect(0);
    let text = fs::read_to_string(bench.lab.path("root/f.conf")).expect("f.conf");
    assert!(
        text.contains(&format!("line={}\n", bench.value("db"))),
        "from the sealed blob"
    );
    bench.krun(&["run", &runbook]).expect(0);
    bench.without_values(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.search();
}
