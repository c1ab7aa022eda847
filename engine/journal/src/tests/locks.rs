//! One run at a time, and the second one hears who has it.

use std::fs;

use krun_model::FaultCode;

use super::*;

#[test]
fn the_second_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    let other = Store::open(utf8(&folder)).unwrap();
    assert_eq!(store.holder(&name("staging")), Ok(None));
    let lock = store
        .lock(&name("staging"), &holder("krun run kafka.rhai"))
        .unwrap();

    let fault = other.lock(&name("staging"), &holder("krun")).unwrap_err();
    assert_eq!(fault.code, FaultCode::Locked);
    let expected = format!(
        "deployment `staging` is in use: it is held by anna on kite (pid {}, `krun run kafka.rhai`) \
         since 2026-01-01T00:00:00Z",
        std::process::id()
    );
    assert_eq!(fault.to_string(), expected);
    assert!(fault.hints[0].contains("krun status"));

    let seen = Store::open_read(utf8(&folder)).unwrap().unwrap();
    let held = seen.holder(&name("staging")).unwrap();
    assert_eq!(held, Some(holder("krun run kafka.rhai")));
    append(&store, "staging", "one", false);
    assert_eq!(
        seen.read(&name("staging")).unwrap().len(),
        1,
        "readers go on"
    );
    drop(other.lock(&name("production"), &holder("krun")).unwrap());

    drop(lock);
    assert_eq!(seen.holder(&name("staging")), Ok(None));
    drop(other.lock(&name("staging"), &holder("krun")).unwrap());
}

#[test]
fn a_holder_that_has_not_written_yet() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    let _lock = store.lock(&name("staging"), &holder("krun")).unwrap();
    for text in ["", "{\"pid\": 1, \"us", "\0\0\0"] {
        fs::write(folder.path().join("locks/staging.lock"), text).unwrap();
        let fault = store.lock(&name("staging"), &holder("krun")).unwrap_err();
        assert_eq!(fault.code, FaultCode::Locked);
        assert!(
            fault.to_string().contains("has not said who it is"),
            "{fault}"
        );
        assert_eq!(store.holder(&name("staging")).unwrap().unwrap().pid, 0);
    }
}

#[test]
fn asking_for_the_holder_does_not_refuse_the_taker() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    drop(store.lock(&name("staging"), &holder("krun")).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2000 {
                store.holder(&name("staging")).unwrap();
            }
        });
        for _ in 0..200 {
            drop(store.lock(&name("staging"), &holder("krun")).unwrap());
        }
    });
}
