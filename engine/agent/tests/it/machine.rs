//! Rights, room, programs, and where things are set aside.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::Utf8Path;
use krun_model::{Effector, FaultCode, ReadHost, Target, host::Machine, topic::TopicRef};

use crate::lab::Lab;

#[tokio::test]
async fn rights_and_room() {
    let lab = Lab::new();
    let file = lab.file("f", "x");
    let host = &lab.machine;
    assert!(host.writable(&file).await.unwrap());
    assert!(host.writable(&lab.path("a/b/c")).await.unwrap());
    assert!(!host.writable(&lab.path("f/below-a-file")).await.unwrap());
    std::os::unix::fs::symlink("nowhere", lab.path("dangling")).unwrap();
    assert!(!host.writable(&lab.path("dangling")).await.unwrap());
    assert!(host.free_disk(&lab.path("a/b/c")).await.unwrap() > 0);
    assert!(host.free_memory().await.unwrap() > 1 << 20);
    assert_eq!(host.env("NO_SUCH_VARIABLE").await, None);
    assert_eq!(host.cache().await.unwrap(), lab.path("cache"));
    assert!(lab.path("cache").is_dir());
}

#[tokio::test]
async fn programs() {
    let lab = Lab::new();
    let script = lab.file("tool", "#!/bin/sh\n");
    let which = async |program: &str| lab.machine.which(program).await.unwrap();
    assert!(which("sh").await.unwrap().is_absolute());
    assert_eq!(which("no-such-program").await, None);
    assert_eq!(which(script.as_str()).await, None);
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(which(script.as_str()).await, Some(script.clone()));
}

#[tokio::test]
async fn sets_aside_on_the_same_filesystem() {
    let lab = Lab::new();
    let path = lab.path("data/kafka");
    let preferred = lab.path("state/quarantine");
    let root = lab.machine.quarantine_root(&path, &preferred).await;
    assert_eq!(root.unwrap(), preferred);
    let other = Utf8Path::new("/dev/shm/state");
    let device = |path: &Utf8Path| path.metadata().unwrap().dev();
    if device(Utf8Path::new("/dev/shm")) == device(&lab.path("")) {
        return;
    }
    let root = lab.machine.quarantine_root(&path, other).await.unwrap();
    assert_eq!(root.file_name(), Some(".krun-quarantine"));
    assert!(
        !root.exists()
            && lab
                .path("")
                .canonicalize_utf8()
                .unwrap()
                .starts_with(root.parent().unwrap())
    );
    // Of a path that is a whole filesystem, there is no place but in it.
    let root = lab
        .machine
        .quarantine_root(Utf8Path::new("/dev/shm"), &preferred)
        .await
        .unwrap();
    assert_eq!(root, "/dev/shm/.krun-quarantine");
}

#[tokio::test]
async fn topics_are_not_of_a_machine() {
    let lab = Lab::new();
    let topic = TopicRef {
        bootstrap: vec!["localhost:1".to_owned()],
        name: "t".into(),
    };
    let fault = lab
        .machine
        .observe(&Target::Topic(topic))
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
}
