//! Making and removing folders.

use std::os::unix::fs::symlink;

use krun_model::{Effect, FaultCode};

use crate::lab::Lab;

#[tokio::test]
async fn makes_with_its_mode_and_removes() {
    let lab = Lab::new();
    let path = lab.path("d");
    let make = |mode| Effect::MakeDir {
        path: path.clone(),
        mode,
    };
    for mode in [0o777, 0o700, 0o700, 0o1755] {
        lab.achieve(make(mode)).await;
    }
    assert_eq!(lab.names(""), ["d"]);
    for _ in 0..2 {
        lab.achieve(Effect::RemoveDir { path: path.clone() }).await;
    }
    lab.achieve(make(0o755)).await;
}

#[tokio::test]
async fn two_may_make_one_folder() {
    let lab = Lab::new();
    let make = Effect::MakeDir {
        path: lab.path("d"),
        mode: 0o755,
    };
    let all = (0..8).map(|_| lab.perform(make.clone()));
    for result in futures_of(all).await {
        result.unwrap();
    }
    assert_eq!(lab.names(""), ["d"]);
}

/// Drives futures to their ends at the same time.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = all.map(|one| Some(Box::pin(one))).collect();
    let mut done = vec![];
    std::future::poll_fn(|cx| {
        for slot in &mut running {
            if let Some(one) = slot
                && let std::task::Poll::Ready(output) = one.as_mut().poll(cx)
            {
                done.push(output);
                *slot = None;
            }
        }
        if running.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn refuses() {
    let lab = Lab::new();
    for n in 0..8 {
        lab.file(&format!("full/f{n}"), "");
    }
    std::fs::create_dir(lab.path("real")).unwrap();
    symlink(lab.path("real"), lab.path("link")).unwrap();
    let fault = lab
        .perform(Effect::RemoveDir {
            path: lab.path("full"),
        })
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert_eq!(
        fault.evidence,
        ["f0", "f1", "f2", "f3", "f4", "… and 3 more"]
    );
    for path in ["full/f0", "link"] {
        let path = lab.path(path);
        let make = Effect::MakeDir {
            path: path.clone(),
            mode: 0o755,
        };
        assert_eq!(
            lab.perform(make).await.unwrap_err().code,
            FaultCode::Conflict
        );
        let remove = Effect::RemoveDir { path };
        assert_eq!(
            lab.perform(remove).await.unwrap_err().code,
            FaultCode::Conflict
        );
    }
}

#[tokio::test]
async fn what_a_killed_krun_left_goes_with_the_folder() {
    let lab = Lab::new();
    lab.file("d/.krun-a1b2c3.tmp", "half a file");
    std::fs::create_dir(lab.path("d/.krun-d4e5f6.tmp")).unwrap();
    lab.achieve(Effect::RemoveDir {
        path: lab.path("d"),
    })
    .await;
}
