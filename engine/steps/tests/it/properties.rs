use std::os::unix::fs::{MetadataExt, PermissionsExt};

use krun_model::{Change, FaultCode, Target, kind::Check};
use serde_json::json;

use crate::lab::{Lab, shown};

const TEXT: &str = "# The id.\nbroker.id = 0\n\nlog.dirs=/tmp/logs\nold=1\nkept = yes\n";

#[tokio::test]
async fn sets_and_removes_keys_and_nothing_else() {
    let lab = Lab::new();
    let path = lab.file("server.properties", TEXT);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let is_root = path.metadata().unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(&path, Some(4711), Some(4712)).unwrap();
    }
    let args = json!({
        "path": path,
        "set": { "broker.id": 7, "log.dirs": "/data", "kept": "yes", "auto.create": false },
        "remove": ["old", "never"],
    });
    let (change, why, diff) = lab.drift("properties", &args).await;
    assert_eq!((change, &*why), (Change::Update, "4 properties differ"));
    assert_eq!(
        diff,
        [
            "auto.create: - -> false",
            "broker.id: 0 -> 7",
            "log.dirs: /tmp/logs -> /data",
            "old: 1 -> gone",
        ]
    );
    lab.apply("properties", &args).await;
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "# The id.\nbroker.id = 7\n\nlog.dirs=/data\nkept = yes\nauto.create=false\n"
    );
    let meta = path.metadata().unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640);
    if is_root {
        assert_eq!((meta.uid(), meta.gid()), (4711, 4712));
    }
}

#[tokio::test]
async fn an_edit_is_seen_whatever_its_time() {
    let lab = Lab::new();
    let path = lab.file("f", "a=1\n");
    let args = json!({ "path": path, "set": { "a": "1" } });
    assert!(matches!(
        lab.check("properties", &args).await.unwrap(),
        Check::Satisfied(_)
    ));
    let time = path.metadata().unwrap().modified().unwrap();
    std::fs::write(&path, "a=2\n").unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    let (_, why, diff) = lab.drift("properties", &args).await;
    assert_eq!(why, "1 property differs");
    assert_eq!(diff, ["a: 2 -> 1"]);
}

#[tokio::test]
async fn a_missing_file_is_not_known_yet() {
    let lab = Lab::new();
    let args = json!({ "path": lab.path("f"), "set": { "a": 1, "b": true } });
    match lab.check("properties", &args).await.unwrap() {
        Check::Unknown { diff, .. } => assert_eq!(shown(&diff), ["a: - -> 1", "b: - -> true"]),
        other => panic!("{other:?}"),
    }
    let fault = lab.try_apply("properties", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Io);
}

#[tokio::test]
async fn a_file_that_java_would_refuse_is_a_conflict() {
    let lab = Lab::new();
    let path = lab.file("f", "a=1\nb=\\u00x0\n");
    let args = json!({ "path": path, "set": {} });
    let fault = lab.check("properties", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert_eq!(fault.place.unwrap(), format!("{path}:2:3"));
}

#[test]
fn declares() {
    let lab = Lab::new();
    let args = json!({ "path": "/f", "set": { "a": 1 } });
    let declared = lab.declare("properties", args).unwrap();
    assert_eq!(declared.writes, [Target::Path("/f".into())]);
    let both = json!({ "path": "/f", "set": { "a": 1 }, "remove": ["a"] });
    let fault = lab.declare("properties", both).unwrap_err();
    assert_eq!(fault.code, FaultCode::Script);
}
