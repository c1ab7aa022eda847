//! Moving within a filesystem.

use krun_model::{Effect, FaultCode, Target, TargetState, Undo};

use crate::lab::Lab;

#[tokio::test]
async fn moves_there_and_back() {
    let lab = Lab::new();
    lab.file("data/f", "x");
    let (from, to) = (lab.path("data"), lab.path("aside/run-1/data"));
    let effect = Effect::Move {
        from: from.clone(),
        to: to.clone(),
    };
    let target = Target::Moved {
        from: from.clone(),
        to: to.clone(),
    };
    let before = lab.observe(target).await;
    assert_eq!(
        before,
        TargetState::Moved {
            from: true,
            to: false
        }
    );
    for _ in 0..2 {
        lab.achieve(effect.clone()).await;
    }
    assert!(!from.exists() && to.join("f").exists());
    let Undo::By(back) = effect.undo(&before) else {
        panic!("a move is taken back by a move");
    };
    lab.achieve(back).await;
    assert!(from.join("f").exists() && !to.exists());
}

#[tokio::test]
async fn replaces_nothing() {
    let lab = Lab::new();
    lab.file("a", "a");
    lab.file("b", "b");
    std::fs::create_dir(lab.path("empty")).unwrap();
    for (from, to) in [("a", "b"), ("a", "empty"), ("no", "none")] {
        let effect = Effect::Move {
            from: lab.path(from),
            to: lab.path(to),
        };
        let fault = lab.perform(effect).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict, "{fault}");
    }
    assert_eq!(lab.names(""), ["a", "b", "empty"]);
}

#[tokio::test]
async fn says_when_it_would_cross_filesystems() {
    let lab = Lab::new();
    let from = lab.file("a", "a");
    // Shared memory is a filesystem of its own wherever it is mounted.
    let other = tempfile::Builder::new().tempdir_in("/dev/shm").unwrap();
    let other = camino::Utf8Path::from_path(other.path()).unwrap();
    let device = |path: &camino::Utf8Path| {
        use std::os::unix::fs::MetadataExt;
        path.metadata().unwrap().dev()
    };
    if device(&lab.path("")) == device(other) {
        return;
    }
    let effect = Effect::Move {
        from: from.clone(),
        to: other.join("a"),
    };
    let fault = lab.perform(effect).await.unwrap_err();
    assert!(fault.why.unwrap().contains("different filesystems"));
    assert!(from.exists());
}
