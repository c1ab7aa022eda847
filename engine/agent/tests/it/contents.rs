//! Claiming a folder and releasing it.

use krun_model::{Effect, FaultCode, Target, TargetState, Undo};

use crate::lab::Lab;

#[tokio::test]
async fn releases_what_appeared() {
    let lab = Lab::new();
    lab.file("data/before", "b");
    lab.file("data/.krun-a1b2c3.tmp", "");
    let claim = Effect::Claim {
        path: lab.path("data"),
        quarantine: lab.path("aside/data"),
    };
    let before = lab.observe(claim.target()).await;
    assert_eq!(before, TargetState::Contents(["before".to_owned()].into()));
    lab.achieve(claim.clone()).await;
    lab.file("data/log/1", "1");
    lab.file("data/meta", "m");
    let Undo::By(release) = claim.undo(&before) else {
        panic!("a claim is taken back by a release");
    };
    lab.achieve(release.clone()).await;
    assert_eq!(lab.names("aside/data"), ["log", "meta"]);
    assert_eq!(lab.names("data"), [".krun-a1b2c3.tmp", "before"]);
    lab.achieve(release.clone()).await;
    lab.file("data/meta", "again");
    lab.achieve(release).await;
    assert_eq!(lab.names("aside/data"), ["log", "meta", "meta-2"]);
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
    assert_eq!(read("aside/data/meta"), "m");
    assert_eq!(read("aside/data/meta-2"), "again");
}

#[tokio::test]
async fn of_nothing_and_of_a_file() {
    let lab = Lab::new();
    let contents = |name: &str| Target::Contents(lab.path(name));
    assert_eq!(lab.observe(contents("no")).await, TargetState::Absent);
    let release = |name: &str| Effect::Release {
        path: lab.path(name),
        keep: [].into(),
        quarantine: lab.path("aside"),
    };
    lab.achieve(release("no")).await;
    lab.file("f", "");
    let fault = lab.perform(release("f")).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(!lab.path("aside").exists());
}
