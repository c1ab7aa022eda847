//! Wrong runbooks and parameters: found before anything runs, each with what, where, why, what to do.

use krun_tests::lab::{Lab, repository};

const HEAD: &str = "runbook(#{ name: \"t\", version: \"1.0.0\", summary: \"a test\" });\n";

/// A script, the exit code of `krun check`, and what its words must hold.
#[track_caller]
fn check(script: &str, code: i32, expected: &[&str]) {
    let lab = Lab::default();
    let path = lab.write("t.rhai", &format!("{HEAD}{script}"));
    for verb in ["check", "run"] {
        let done = lab.run(&[verb, path.to_str().expect("UTF-8")]).expect(code);
        for text in expected {
            assert!(done.err().contains(text), "`{text}` in\n{}", done.err());
        }
    }
    assert!(!lab.path("made").exists(), "nothing ran");
}

#[test]
fn syntax_error() {
    check("let x = ;\n", 3, &["krun::syntax", "t.rhai:2:"]);
}

#[test]
fn unknown_function() {
    check(
        "directry(\"d\", #{ path: \"/x\" });\n",
        3,
        &["krun::unknown-function", "directory"],
    );
}

#[test]
fn unknown_argument() {
    check(
        "directory(\"d\", #{ pth: \"/x\" });\n",
        3,
        &["krun::unknown-arg", "path"],
    );
}

#[test]
fn wrong_type() {
    check("directory(\"d\", #{ path: 5 });\n", 3, &["absolute path"]);
}

#[test]
fn duplicate_address() {
    let step = "directory(\"d\", #{ path: \"/nowhere/made\" });\n";
    check(
        &format!("{step}{step}"),
        3,
        &["krun::duplicate-address", "`d`"],
    );
}

#[test]
fn cycle() {
    check(
        "directory(\"a\", #{ path: \"/nowhere/a\", after: \"b\" });\n\
         directory(\"b\", #{ path: \"/nowhere/b\", after: \"a\" });\n",
        3,
        &["krun::cycle", "a"],
    );
}

#[test]
fn two_steps_write_one_file() {
    check(
        "file(\"a\", #{ path: \"/nowhere/f\", content: \"1\" });\n\
         file(\"b\", #{ path: \"/nowhere/f\", content: \"2\" });\n",
        3,
        &["krun::write-conflict", "/nowhere/f"],
    );
}

#[test]
fn no_way_out_of_the_closed_world() {
    check("eval(\"1\");\n", 3, &["eval"]);
    check(
        "let t = timestamp();\n",
        3,
        &["krun::closed-world", "timestamp"],
    );
    check("loop { }\n", 3, &["operations"]);
    check("import \"../x\" as x;\n", 3, &["../x"]);
}

#[test]
fn an_output_is_opaque() {
    check(
        "let f = zookeeper::snapshot_folders(\"f\", #{ config: \"/nowhere/made\" });\n\
         let x = f.data_dir + \"/x\";\n",
        3,
        &["krun::unknown-value", "f"],
    );
}

/// A parameter given to the shipped runbook, and the exit code and words of its refusal.
#[track_caller]
fn param(given: &[&str], code: i32, expected: &[&str]) {
    let lab = Lab::default();
    let runbook = repository().join("runbooks/single-host-3-broker.rhai");
    let root = format!("root={}", lab.path("root").display());
    let mut arguments = vec!["run", runbook.to_str().expect("UTF-8"), "--param", &root];
    for param in given {
        arguments.extend(["--param", param]);
    }
    let done = lab.run(&arguments).expect(code);
    for text in expected {
        assert!(done.err().contains(text), "`{text}` in\n{}", done.err());
    }
    assert!(!lab.path("root").exists(), "nothing was made");
}

#[test]
fn params() {
    param(
        &["partitions=many"],
        2,
        &["krun::param-type", "partitions", "many", "int"],
    );
    param(
        &["partitions=0"],
        2,
        &["krun::param-range", "partitions", "1"],
    );
    param(&["zookeeper_port=70000"], 2, &["zookeeper_port", "65535"]);
    param(&["heap=lots"], 2, &["heap", "lots"]);
    param(&["partition=5"], 2, &["krun::unknown-param", "partitions"]);
    param(&["kafka_version=0.1"], 2, &["kafka_version", "3.9.1"]);
    param(&["nonsense"], 2, &["NAME=VALUE"]);
}

#[test]
fn more_replicas_than_brokers() {
    param(&["replication_factor=4"], 3, &["replication", "4", "3"]);
}

#[test]
fn a_params_file_with_an_error() {
    let lab = Lab::default();
    let runbook = repository().join("runbooks/single-host-3-broker.rhai");
    let file = lab.write("p.yaml", "partitions: 5\nheap: [1, \n");
    let arguments = [
        "check",
        runbook.to_str().expect("UTF-8"),
        "--params",
        file.to_str().expect("UTF-8"),
    ];
    let done = lab.run(&arguments).expect(2);
    assert!(done.err().contains("p.yaml"), "{}", done.err());
}

#[test]
fn help_lists_params() {
    let lab = Lab::default();
    let runbook = repository().join("runbooks/single-host-3-broker.rhai");
    let help = lab
        .run(&["help", runbook.to_str().expect("UTF-8")])
        .expect(0)
        .out();
    for text in [
        "broker_ports <list<port>>",
        "[9091,9092,9093]",
        "transaction_min_isr",
        "identity",
    ] {
        assert!(help.contains(text), "`{text}` in\n{help}");
    }
}
