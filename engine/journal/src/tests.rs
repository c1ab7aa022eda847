//! What the SQLite store promises beyond the conformance suite, one file a promise.

mod care;
mod crash;
mod damage;
mod locks;
mod opening;
mod tail;

use std::cell::RefCell;

use camino::Utf8Path;
use krun_model::{DeploymentName, Entry, Journal, RunId};
use tempfile::TempDir;

use crate::{LockHolder, Store, conformance};

#[test]
fn conforms() {
    let folders = RefCell::new(vec![]);
    conformance::run(|| {
        let folder = TempDir::new().unwrap();
        let store = Store::open(utf8(&folder)).unwrap();
        folders.borrow_mut().push(folder);
        Box::new(store)
    });
}

fn utf8(folder: &TempDir) -> &Utf8Path {
    Utf8Path::from_path(folder.path()).unwrap()
}

fn name(text: &str) -> DeploymentName {
    text.parse().unwrap()
}

fn append(store: &Store, deployment: &str, id: &str, durable: bool) {
    let entry = Entry::Created { id: id.to_owned() };
    store
        .append(&name(deployment), RunId(1), &entry, durable)
        .unwrap();
}

fn holder(command: &str) -> LockHolder {
    LockHolder {
        pid: std::process::id(),
        user: "anna".to_owned(),
        host: "kite".to_owned(),
        since_ms: 1_767_225_600_999,
        command: command.to_owned(),
    }
}
