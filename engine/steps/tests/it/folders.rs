use krun_model::FaultCode;
use krun_steps::folders::{ensure_dir, ensure_parent, missing};

use crate::lab::Lab;

#[tokio::test]
async fn makes_each_missing_one() {
    let lab = Lab::new();
    let host = lab.host();
    let path = lab.path("a/b/c");
    let expected = ["a", "a/b", "a/b/c"].map(|name| lab.path(name));
    assert_eq!(missing(&host, &path).await.unwrap(), expected);
    ensure_parent(&host, &path).await.unwrap();
    assert_eq!(missing(&host, &path).await.unwrap(), expected[2..]);
    for _ in 0..2 {
        ensure_dir(&host, &path, 0o700).await.unwrap();
    }
    assert!(missing(&host, &path).await.unwrap().is_empty());
    let below = lab.file("f", "").join("x/y");
    let fault = ensure_dir(&host, &below, 0o755).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
}
