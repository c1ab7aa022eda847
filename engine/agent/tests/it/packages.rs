//! What is installed; nothing is.

use krun_model::{Effector, FaultCode, ReadHost, Target, TargetState};

use crate::lab::Lab;

#[tokio::test]
async fn sees_what_is_missing() {
    let lab = Lab::new();
    let names = ["dpkg", "no-such-package-at-all"].map(str::to_owned);
    if lab.machine.which("dpkg-query").await.unwrap().is_none() {
        let fault = lab.machine.missing_packages(&names).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Prerequisite);
        return;
    }
    let missing = lab.machine.missing_packages(&names).await.unwrap();
    assert_eq!(missing, ["no-such-package-at-all"]);
    let observe = async |names: &[String]| {
        let target = Target::Packages(names.to_vec());
        lab.machine.observe(&target).await.unwrap()
    };
    assert_eq!(observe(&names).await, TargetState::Absent);
    assert_eq!(observe(&names[..1]).await, TargetState::Installed);
}
