//! Nothing is installed here: the agent proves that against a stand-in.

use krun_model::{FaultCode, ReadHost, Target, kind::Check};
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn a_command_that_is_there_is_enough() {
    let lab = Lab::new();
    let args = json!({ "names": ["no-such-package-at-all"], "command": "sh" });
    lab.apply("package", &args).await;
}

#[tokio::test]
async fn says_what_is_missing_or_what_to_do() {
    let lab = Lab::new();
    let host = lab.host();
    if host.which("dpkg-query").await.unwrap().is_none() {
        return;
    }
    lab.apply("package", &json!({ "names": ["dpkg"] })).await;
    let args = json!({ "names": ["dpkg", "no-such-package"], "command": "no-such-command" });
    let can_install = host.which("apt-get").await.unwrap().is_some()
        && host.writable("/var/lib/dpkg".into()).await.unwrap();
    match lab.check("package", &args).await {
        Ok(Check::Drift { why, .. }) if can_install => {
            assert_eq!(why, "no-such-package is not installed");
        }
        Err(fault) if !can_install => {
            assert_eq!(fault.code, FaultCode::Prerequisite);
            assert!(fault.hints[0].ends_with("no-such-package"), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn declares() {
    let lab = Lab::new();
    let declared = lab.declare("package", json!({ "names": ["maven", "g++"] }));
    let names = vec!["maven".to_owned(), "g++".to_owned()];
    assert_eq!(declared.unwrap().writes, [Target::Packages(names)]);
    for bad in [json!([]), json!(["--force-yes"]), json!(["a b"])] {
        let fault = lab.declare("package", json!({ "names": bad })).unwrap_err();
        assert_eq!(fault.code, FaultCode::Script);
    }
}
