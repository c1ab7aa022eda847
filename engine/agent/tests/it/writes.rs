//! Writing, linking and removing files.

use std::os::unix::fs::{MetadataExt, symlink};

use krun_model::{Content, Effect, FaultCode, TargetState, Undo};

use crate::lab::Lab;

fn write(path: &camino::Utf8Path, text: &str, mode: u32) -> Effect {
    Effect::WriteFile {
        path: path.to_owned(),
        content: Content::new(text.as_bytes()),
        mode,
        owner: None,
    }
}

#[tokio::test]
async fn writes_whole_files_and_leaves_nothing_else() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("d")).unwrap();
    let path = lab.path("d/f");
    lab.achieve(write(&path, "one", 0o640)).await;
    let before = path.metadata().unwrap().ino();
    lab.achieve(write(&path, "two", 0o2751)).await;
    let meta = path.metadata().unwrap();
    assert_ne!(meta.ino(), before, "a reader of the old file keeps it");
    assert_eq!(meta.mode() & 0o7777, 0o2751);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    assert_eq!(lab.names("d"), ["f"]);
}

#[tokio::test]
async fn gives_a_file_to_its_owner() {
    let lab = Lab::new();
    let path = lab.path("f");
    let own = std::fs::metadata(lab.path("")).unwrap();
    let is_root = own.uid() == 0;
    let owner = if is_root {
        (4711, 4712)
    } else {
        (own.uid(), own.gid())
    };
    let state = lab
        .achieve(Effect::WriteFile {
            path: path.clone(),
            content: Content::new(&b"x"[..]),
            mode: 0o600,
            owner: Some(owner),
        })
        .await;
    let (TargetState::File { uid, gid, .. }, Undo::By(undo)) =
        (&state, write(&path, "y", 0o644).undo(&state))
    else {
        panic!("{state:?}");
    };
    assert_eq!((*uid, *gid), owner);
    // The way back keeps the owner; its bytes come from the journal.
    let Effect::WriteFile {
        path, mode, owner, ..
    } = undo
    else {
        panic!("{undo:?}");
    };
    lab.achieve(write(&path, "y", 0o644)).await;
    let content = Content::new(&b"x"[..]);
    let back = lab
        .achieve(Effect::WriteFile {
            path,
            content,
            mode,
            owner,
        })
        .await;
    assert_eq!(back, state);
}

#[tokio::test]
async fn refuses_what_is_no_file() {
    let lab = Lab::new();
    let target = lab.file("target", "t");
    symlink(&target, lab.path("link")).unwrap();
    std::fs::create_dir(lab.path("dir")).unwrap();
    for name in ["link", "dir"] {
        let fault = lab
            .perform(write(&lab.path(name), "x", 0o644))
            .await
            .unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict, "{fault}");
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "t");
    let fault = lab
        .perform(Effect::RemoveFile {
            path: lab.path("dir"),
        })
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    let fault = lab
        .perform(write(&lab.path("no/f"), "x", 0o644))
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Io);
    let unloaded = Effect::WriteFile {
        path: lab.path("f"),
        content: Content::stored(krun_model::Digest::of("x")),
        mode: 0o644,
        owner: None,
    };
    assert_eq!(
        lab.perform(unloaded).await.unwrap_err().code,
        FaultCode::Internal
    );
}

#[tokio::test]
async fn removes_files_and_links() {
    let lab = Lab::new();
    let file = lab.file("d/f", "x");
    symlink(&file, lab.path("d/l")).unwrap();
    for name in ["d/l", "d/f", "d/f", "no/f"] {
        lab.achieve(Effect::RemoveFile {
            path: lab.path(name),
        })
        .await;
    }
    assert!(lab.names("d").is_empty());
}

#[tokio::test]
async fn links() {
    let lab = Lab::new();
    let link = |path: &str, to: &str| Effect::Link {
        path: lab.path(path),
        to: to.to_owned(),
    };
    lab.achieve(link("current", "v1")).await;
    lab.achieve(link("current", "v2")).await;
    assert_eq!(lab.names(""), ["current"]);
    lab.file("f", "x");
    let fault = lab.perform(link("f", "v1")).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
}
