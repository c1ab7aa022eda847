use std::os::unix::fs::{PermissionsExt, symlink};

use krun_model::{Change, FaultCode, Target, kind::Check};
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn makes_it_and_what_is_above() {
    let lab = Lab::new();
    let path = lab.path("a/b");
    let args = json!({ "path": path, "mode": "0700" });
    let (change, why, diff) = lab.drift("directory", &args).await;
    assert_eq!((change, &*why), (Change::Create, "the folder is missing"));
    let parent = path.parent().unwrap();
    assert_eq!(
        diff,
        [
            format!("{parent}: - -> folder, mode 0755"),
            format!("{path}: - -> folder, mode 0700"),
        ]
    );
    lab.apply("directory", &args).await;
    let mode = |path: &camino::Utf8Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(parent), mode(&path)), (0o755, 0o700));
    // Without a mode any mode will do, with one it is drift.
    let any = lab.check("directory", &json!({ "path": path })).await;
    assert!(matches!(any.unwrap(), Check::Satisfied(_)));
    let args = json!({ "path": path, "mode": "0750" });
    let (change, _, diff) = lab.drift("directory", &args).await;
    assert_eq!(change, Change::Update);
    assert_eq!(diff, ["mode: 0700 -> 0750"]);
    lab.apply("directory", &args).await;
}

#[tokio::test]
async fn a_link_to_a_folder_will_do() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("real")).unwrap();
    symlink(lab.path("real"), lab.path("link")).unwrap();
    lab.apply("directory", &json!({ "path": lab.path("link") }))
        .await;
    lab.apply("directory", &json!({ "path": lab.path("link/below") }))
        .await;
    assert!(lab.path("real/below").is_dir());
    let args = json!({ "path": lab.path("link"), "mode": "0123" });
    let fault = lab.check("directory", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
}

#[tokio::test]
async fn refuses_what_is_in_the_way() {
    let lab = Lab::new();
    lab.file("f", "");
    symlink("nowhere", lab.path("dangling")).unwrap();
    for path in ["f", "f/below", "dangling", "dangling/below"] {
        let args = json!({ "path": lab.path(path) });
        let fault = lab.check("directory", &args).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict, "{path}: {fault}");
    }
}

#[test]
fn declares() {
    let lab = Lab::new();
    let declared = lab.declare("directory", json!({ "path": "/a" })).unwrap();
    assert_eq!(declared.writes, [Target::Path("/a".into())]);
    let bad = json!({ "path": "/a", "mode": "rwx" });
    let fault = lab.declare("directory", bad).unwrap_err();
    assert_eq!(fault.code, FaultCode::Script);
    assert_eq!(fault.place.as_deref(), Some("step"));
}
