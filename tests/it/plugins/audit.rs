//! Plugins in the audit log: which ones a run used, by which bytes, and with which grants.

use serde_json::{Value, json};

use super::*;

/// What the audit log says of the sources of each run.
fn sources(lab: &Lab) -> Vec<Value> {
    let runs = lab.run(&["history", "--json"]).expect(0).events();
    runs.into_iter()
        .map(|mut run| run["source"].take())
        .collect()
}

/// As another program computes it.
fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output();
    let output = output.expect("coreutils are there");
    assert!(output.status.success(), "{}", path.display());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let sum = text.split_whitespace().next();
    sum.expect("a sum").to_owned()
}

/// Each run has its own, whatever the lock says since; a run that used none has none.
#[test]
fn plugins_are_in_the_audit_log_as_each_run_pinned_them() {
    let lab = lab_for_writing("shared-line", "etc");
    let write = format!("write:{}", lab.path("etc").display());
    let read = format!("read:{}", lab.path("etc").display());
    let line = |line: &str| {
        let file = lab.path("etc/hosts").display().to_string();
        let step =
            format!("shared_line::line(\"line\", #{{ file: \"{file}\", line: \"{line}\" }});\n");
        runbook(&lab, "shared-line", &step);
        lab.run(&["test.rhai"]).expect(0);
    };
    line("10.0.0.1 one");
    let file = component("shared-line");
    add(&lab, &lab.path(""), &file, &[write.clone(), read.clone()]).expect(0);
    line("10.0.0.2 two");
    lab.run(&["rollback", "--yes"]).expect(0);
    // A plugin in the lock that the runbook does not use is none of it.
    let plain = "runbook(#{ name: \"test\", version: \"1\", summary: \"a test\" });\n\
                 directory(\"d\", #{ path: \"ROOT\" });\n"
        .replace("ROOT", lab.path("d").to_str().expect("UTF-8"));
    lab.write("test.rhai", &plain);
    lab.run(&["test.rhai"]).expect(0);
    let used = |grants: &[&String]| {
        let hash = sha256(&file);
        json!([{"name": "shared-line", "version": "0.1.0", "sha256": hash, "grants": grants}])
    };
    let said = sources(&lab);
    assert_eq!(said.len(), 4, "{said:#?}");
    assert_eq!(said[0]["plugins"], used(&[&write]));
    assert_eq!(said[1]["plugins"], used(&[&read, &write]));
    assert_eq!(said[2], Value::Null, "a rollback needs no runbook");
    assert_eq!(said[3]["plugins"], json!([]));
    // What is collected is not known any more, and said to be.
    lab.run(&["gc", "--older-than", "0s", "--yes"]).expect(0);
    let said = sources(&lab);
    let plugins = said.iter().map(|source| source["plugins"].clone());
    let unknown = Value::Null;
    assert_eq!(
        plugins.collect::<Vec<_>>(),
        [unknown.clone(), unknown.clone(), unknown, json!([])]
    );
}

/// A runbook that is a component is a plugin of its runs, with the grants of its kinds.
#[test]
fn a_component_that_is_run_is_in_the_audit_log() {
    let lab = lab_with("declares", &[]);
    let grant = format!("write:{}", lab.path("mine").display());
    let file = lab.path("plugins/declares.wasm");
    add(&lab, &lab.path(""), &file, std::slice::from_ref(&grant)).expect(0);
    let root = format!("root={}", lab.path("mine").display());
    lab.run(&["plugins/declares.wasm", "-p", &root]).expect(0);
    let hash = sha256(&file);
    assert_eq!(
        sources(&lab)[0]["plugins"],
        json!([{"name": "declares", "version": "0.1.0", "sha256": hash, "grants": [grant]}])
    );
}
