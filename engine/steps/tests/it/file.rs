use std::os::unix::fs::{PermissionsExt, symlink};

use krun_model::{Change, FaultCode, kind::Check};
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn writes_and_rewrites() {
    let lab = Lab::new();
    let path = lab.path("conf/f");
    let args = json!({ "path": path, "content": "a\nb\n" });
    let (change, why, diff) = lab.drift("file", &args).await;
    assert_eq!((change, &*why), (Change::Create, "the file is missing"));
    assert_eq!(diff, ["line 1: - -> a", "line 2: - -> b"]);
    lab.apply("file", &args).await;
    assert_eq!(mode(&path), 0o644);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let args = json!({ "path": path, "content": "a\nc\n" });
    let (change, why, diff) = lab.drift("file", &args).await;
    assert_eq!((change, &*why), (Change::Update, "the content differs"));
    assert_eq!(diff, ["line 2: b -> c"]);
    lab.apply("file", &args).await;
    assert_eq!(mode(&path), 0o600, "kept");
    let args = json!({ "path": path, "content": "a\n", "mode": "0640" });
    let (_, why, diff) = lab.drift("file", &args).await;
    assert_eq!(why, "the content differs and the mode is 0600");
    assert_eq!(diff, ["line 2: c -> gone", "mode: 0600 -> 0640"]);
    lab.apply("file", &args).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n");
}

#[tokio::test]
async fn an_edit_is_seen_whatever_its_time() {
    let lab = Lab::new();
    let path = lab.path("f");
    let args = json!({ "path": path, "content": "one" });
    lab.apply("file", &args).await;
    let time = path.metadata().unwrap().modified().unwrap();
    std::fs::write(&path, "two").unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    let check = lab.check("file", &args).await.unwrap();
    assert!(matches!(check, Check::Drift { .. }));
}

#[tokio::test]
async fn refuses_what_is_no_file() {
    let lab = Lab::new();
    symlink(lab.file("f", ""), lab.path("link")).unwrap();
    std::fs::create_dir(lab.path("dir")).unwrap();
    for name in ["link", "dir"] {
        let args = json!({ "path": lab.path(name), "content": "" });
        let fault = lab.check("file", &args).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict);
        let fault = lab.try_apply("file", &args).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict);
    }
}

fn mode(path: &camino::Utf8Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}
