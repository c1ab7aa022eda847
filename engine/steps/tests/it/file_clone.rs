use std::os::unix::fs::PermissionsExt;

use krun_model::{Change, FaultCode, Target, kind::Check};
use serde_json::json;

use crate::lab::{Lab, shown};

#[tokio::test]
async fn copies_once_and_keeps_edits() {
    let lab = Lab::new();
    let (from, to) = (lab.path("from"), lab.path("conf/to"));
    let args = json!({ "from": from, "to": to });
    match lab.check("file_clone", &args).await.unwrap() {
        Check::Unknown { why, diff } => {
            assert_eq!(why, format!("{from} is not there yet"));
            assert_eq!(shown(&diff), [format!("{to}: - -> a copy of {from}")]);
        }
        other => panic!("{other:?}"),
    }
    assert!(lab.try_apply("file_clone", &args).await.is_err());
    lab.file("from", "text");
    std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(lab.drift("file_clone", &args).await.0, Change::Create);
    lab.apply("file_clone", &args).await;
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "text");
    assert_eq!(to.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    std::fs::write(&to, "edited").unwrap();
    std::fs::remove_file(&from).unwrap();
    lab.apply("file_clone", &args).await;
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "edited");
}

#[test]
fn declares_the_copy() {
    let lab = Lab::new();
    let declared = lab.declare("file_clone", json!({ "from": "/a", "to": "/b" }));
    assert_eq!(declared.unwrap().writes, [Target::Path("/b".into())]);
    let same = lab.declare("file_clone", json!({ "from": "/a", "to": "/a" }));
    assert_eq!(same.unwrap_err().code, FaultCode::Script);
}
