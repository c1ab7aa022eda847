//! Secrets: values are planted, and every byte that krun wrote outside its target files is searched for
//! them, and every command line of every process that was started.

mod kafka;
mod keys;
mod planted;
mod rotation;

use std::fs;

use krun_tests::tree::listing;

use planted::{Bench, mode};

/// Files with three secrets: a whole text, a value among others, and a copy of the first.
const RUNBOOK: &str = r#"
let db = secret("db");
let token = secret("token", #{file: "LAB/secrets/token"});
let pass = secret("pass", #{command: ["cat", "LAB/secrets/pass"]});
let top = directory("top", #{path: "LAB/root"});
let f = file("f", #{path: "LAB/root/f.conf", content: `user=me
line=${db}
token=${token}
`, after: top});
file_clone("copy", #{from: f.path, to: "LAB/root/copy.conf", after: f});
properties("p", #{path: "LAB/root/old/server.properties", set: #{
    "listener.name.sasl.plain.sasl.jaas.config": `Module required username="a" password="${db}";`,
    "ssl.keystore.password": pass,
    "num.io.threads": 8,
}});
"#;

fn bench() -> Bench {
    let bench = Bench::new(RUNBOOK, &["db", "token", "pass"]);
    bench.lab.write(
        "root/old/server.properties",
        "# ours\nbroker.id=1\nnum.io.threads=3\n",
    );
    bench
}

#[test]
fn nothing_but_the_targets_carries_a_secret() {
    let bench = bench();
    let runbook = bench.runbook();
    let runbook = runbook.as_str();
    let before = listing(&bench.lab.path("root"));

    bench.without_values(&["check", runbook]).expect(0);
    for verb in ["plan", "run"] {
        let refused = bench.without_values(&[verb, runbook]).expect(4);
        for part in ["`db`", "KRUN_SECRET_DB", "--secret db=", "secrets.rhai:"] {
            assert!(refused.err().contains(part), "{part} in {}", refused.err());
        }
    }
    let planned = bench.krun(&["plan", runbook]).expect(0);
    assert!(planned.out().contains("(secret db)"), "{}", planned.out());
    bench.krun(&["plan", runbook, "--out", "a.plan"]).expect(0);
    bench.krun(&["plan", runbook, "--json"]).expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.krun(&["run", "a.plan", "--json"]).expect(0);
    for (name, secrets) in [
        ("f.conf", &["db", "token"][..]),
        ("copy.conf", &["db", "token"]),
        ("old/server.properties", &["db", "pass"]),
    ] {
        let path = bench.lab.path("root").join(name);
        let text = fs::read_to_string(&path).expect("a target");
        let properties = krun_properties::Document::parse(text.as_bytes()).expect("properties");
        let all = format!("{text}{:?}", properties.effective().values());
        for secret in secrets {
            let value = bench.value(secret);
            let there = all.contains(&value)
                || properties
                    .effective()
                    .values()
                    .any(|one| one.contains(&value));
            assert!(there, "{secret} in {name}");
        }
        assert_eq!(mode(&path), 0o600, "{name}");
    }
    bench.search();

    assert_eq!(
        bench.krun(&["run", runbook, "--json"]).expect(0).finished()["changed"],
        0
    );
    bench.krun(&["status"]).expect(0);
    bench.krun(&["status", "--json"]).expect(0);
    bench.krun(&["status", "--check"]).expect(0);
    bench.krun(&["history", "--json"]).expect(0);
    bench.krun(&["show", "last", "--json"]).expect(0);
    bench.krun(&["resolve"]).expect(0);
    bench.krun(&["state", "check"]).expect(0);
    bench
        .krun(&["state", "export", "--out", "export.json"])
        .expect(0);
    bench.krun(&["state", "backup", "backup"]).expect(0);
    for more in [&["import", "export.json"][..], &["check"]] {
        let words = [&["--state", "imported", "state"], more].concat();
        bench.krun(&words).expect(0);
    }
    bench.krun(&["gc", "--yes", "--older-than", "0"]).expect(0);
    bench.krun(&["state", "check"]).expect(0);
    bench.krun(&["help", runbook]).expect(0);
    bench.krun(&["doc", runbook, "--out", "guide.md"]).expect(0);
    bench.search();

    // The way back needs no value, and an imported state has all that it needs.
    bench.without_values(&["rollback", "--plan"]).expect(0);
    let imported = ["--state", "imported", "rollback", "--yes", "--json"];
    bench.without_values(&imported).expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    let original = bench.without_values(&["rollback", "--yes", "--json"]);
    original.expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    bench.search();
}

#[test]
fn an_override_says_where_a_value_is_had_from() {
    let bench = bench();
    let runbook = bench.runbook();
    let other = bench
        .lab
        .write("secrets/other", "an override to be found\n");
    let given = format!("db=file:{}", other.display());
    bench
        .without_values(&["--secret", &given, "run", &runbook])
        .expect(0);
    let text = fs::read_to_string(bench.lab.path("root/f.conf")).expect("f.conf");
    assert!(text.contains("line=an override to be found\n"));
    let given = "db=command:[\"printf\", \"a b; $HOME\"]";
    bench
        .without_values(&["run", &runbook, "--secret", given])
        .expect(0);
    let text = fs::read_to_string(bench.lab.path("root/f.conf")).expect("f.conf");
    assert!(text.contains("line=a b; $HOME\n"), "no shell");
    let value = bench
        .krun(&["run", &runbook, "--secret", "db=hunter2hunter2"])
        .expect(2);
    assert!(!value.err().contains("hunter2"), "{}", value.err());
}

#[test]
fn a_wider_mode_is_refused_and_one_that_is_there_is_narrowed() {
    let bench = Bench::new(
        "file(\"f\", #{path: \"LAB/root/f\", mode: \"0640\", content: secret(\"db\")});\n",
        &["db"],
    );
    let refused = bench.krun(&["check", &bench.runbook()]).expect(3);
    for part in ["for its owner alone", "0640", "secrets.rhai:2:1"] {
        assert!(refused.err().contains(part), "{part} in {}", refused.err());
    }
    let bench = self::bench();
    let runbook = bench.runbook();
    let path = bench.lab.path("root/old/server.properties");
    assert_eq!(mode(&path), 0o644);
    let plan = bench.krun(&["plan", &runbook]).expect(0);
    assert!(plan.out().contains("0600"), "{}", plan.out());
    bench.krun(&["run", &runbook]).expect(0);
    planted::set_mode(&path, 0o644);
    let status = bench.krun(&["status", "--check"]).expect(6);
    assert!(status.out().contains("holds a secret"), "{}", status.out());
    bench.krun(&["run", &runbook]).expect(0);
    assert_eq!(mode(&path), 0o600);
    bench.krun(&["rollback", "--yes"]).expect(0);
    assert_eq!(mode(&path), 0o644);
    bench.search();
}

/// A program in the place of Java that prints what it was given, and dies.
#[test]
fn what_a_dying_process_says_is_searched() {
    let java = "#!/bin/sh\ncase $1 in -version|--version) echo 'openjdk version \"17.0.9\" 2023-10-17' >&2; exit ;; esac\n\
                for last; do :; done\ncat \"$last\" >&2\nprintf '%s\\n' \"ERROR cannot log in with $LOGIN_PW\" >&2\nexit 1\n";
    let bench = Bench::new(
        r#"
let db = secret("db");
let c = file("c", #{path: "LAB/root/server.properties", content: "broker.id=1\nx=" + db + "\n"});
kafka::broker("b", #{id: 1, config: c.path, home: "LAB/kafka", java: "LAB/java", address: "127.0.0.1",
    port: PORT, log_dirs: ["LAB/root/data"], log_dir: "LAB/root/logs", cluster: "k", heap: "16m",
    peers: ["127.0.0.1:PORT"], env: #{LOGIN_PW: `x${db}y`, PLAIN: "p"}, after: c});
"#,
        &["db"],
    );
    bench.lab.write("kafka/libs/kafka_2.13-3.9.1.jar", "");
    let java = bench.lab.write("java", java);
    planted::set_mode(&java, 0o755);
    let before = listing(&bench.lab.path("root"));
    let runbook = bench.runbook();
    let failed = bench.krun(&["run", &runbook]);
    assert_ne!(failed.code(), 0);
    assert!(
        failed.err().contains("cannot log in with x(secret db)y"),
        "{}",
        failed.err()
    );
    bench.krun(&["run", &runbook, "--json"]);
    let log = bench.lab.path("root/logs/kafkaServer.out");
    let said = fs::read_to_string(&log).expect("the process's own log");
    assert!(said.contains(&bench.value("db")), "{said}");
    bench.is_a_target(&log);
    let logs = bench.without_values(&["logs", "b"]).expect(0);
    assert!(logs.out().contains("x(secret db)y"), "{}", logs.out());
    bench.without_values(&["diagnose"]).expect(0);
    bench.krun(&["status", "--json"]).expect(0);
    bench.krun(&["history", "--json"]).expect(0);
    bench.krun(&["show", "last", "--json"]).expect(0);
    bench.search();
    bench.without_values(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&bench.lab.path("root")), before);
    // The log was set aside as it is: it is the process's, not krun's.
    bench.is_a_target(&bench.lab.path("state/quarantine"));
    bench.search();
}
