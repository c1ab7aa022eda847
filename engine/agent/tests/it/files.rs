//! Looking at files.

use std::os::unix::fs::symlink;

use krun_model::{Digest, FaultCode, ReadHost, TargetState, host::FileKind};

use crate::lab::Lab;

#[tokio::test]
async fn looks() {
    let lab = Lab::new();
    let file = lab.file("d/f", "0123456789");
    lab.file("d/.krun-a1b2c3.tmp", "");
    symlink("f", lab.path("d/l")).unwrap();
    let host = &lab.machine;
    let stat = host.stat(&file).await.unwrap().unwrap();
    assert_eq!((stat.kind, stat.size), (FileKind::File, 10));
    let link = lab.path("d/l");
    assert_eq!(
        host.stat(&link).await.unwrap().unwrap().kind,
        FileKind::Link
    );
    assert_eq!(host.read(&link).await.unwrap().unwrap(), b"0123456789");
    let state = host.path_state(&link).await.unwrap();
    assert_eq!(state, TargetState::Link { to: "f".into() });
    assert_eq!(host.read_from(&file, 3, 4).await.unwrap(), b"3456");
    assert_eq!(host.read_from(&file, 8, 99).await.unwrap(), b"89");
    assert_eq!(host.read_from(&file, 99, 1).await.unwrap(), b"");
    let digest = host.digest(&file).await.unwrap();
    assert_eq!(digest, Some(Digest::of("0123456789")));
    assert_eq!(
        host.list(&lab.path("d")).await.unwrap().unwrap(),
        ["f", "l"]
    );
}

#[tokio::test]
async fn nothing_is_none() {
    let lab = Lab::new();
    lab.file("f", "x");
    let host = &lab.machine;
    for name in ["no", "no/no", "f/no"] {
        let path = lab.path(name);
        assert_eq!(host.stat(&path).await.unwrap(), None);
        assert_eq!(host.read(&path).await.unwrap(), None);
        assert_eq!(host.read_from(&path, 0, 9).await.unwrap(), b"");
        assert_eq!(host.list(&path).await.unwrap(), None);
        assert_eq!(host.digest(&path).await.unwrap(), None);
        assert_eq!(host.path_state(&path).await.unwrap(), TargetState::Absent);
    }
    assert_eq!(host.list(&lab.path("f")).await.unwrap(), None);
}

#[tokio::test]
async fn refuses_what_is_no_file() {
    let lab = Lab::new();
    let pipe = lab.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let host = &lab.machine;
    for path in [lab.path(""), pipe.clone()] {
        let fault = host.read(&path).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Conflict, "{fault}");
    }
    assert_eq!(host.path_state(&pipe).await.unwrap(), TargetState::Other);
    let big = std::fs::File::create(lab.path("big")).unwrap();
    big.set_len((64 << 20) + 1).unwrap();
    assert_eq!(
        host.read(&lab.path("big")).await.unwrap_err().code,
        FaultCode::Io
    );
}

#[tokio::test]
async fn many_small_files_are_quick() {
    let lab = Lab::new();
    let files: Vec<_> = (0..60)
        .map(|n| lab.file(&format!("f{n}"), &"x".repeat(4096)))
        .collect();
    let began = std::time::Instant::now();
    for file in &files {
        lab.machine.path_state(file).await.unwrap();
    }
    // Far above what it takes, so that a busy machine does not fail it.
    assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
    println!("60 files: {:?}", began.elapsed());
}
