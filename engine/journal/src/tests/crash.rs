//! What is left when krun is killed or the disk fails: a helper process is this test binary run
//! again.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use krun_model::FaultCode;
use tempfile::TempDir;

use super::*;

const FOLDER: &str = "KRUN_JOURNAL_TEST_FOLDER";

/// Starts the helper, and waits until it has done what it does.
fn helper(folder: &TempDir) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::crash::hold", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .map_while(Result::ok)
        .any(|line| line.contains("held"));
    assert!(ready, "the helper ended early");
    child
}

#[test]
#[ignore = "the helper of the other tests here"]
fn hold() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let store = Store::open(Utf8Path::new(&folder)).unwrap();
    let _lock = store
        .lock(&name("staging"), &holder("krun helper"))
        .unwrap();
    append(&store, "staging", "durable", true);
    append(&store, "staging", "not durable", false);
    println!("\nheld");
    // Ends when it is killed, or with the test that started it.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_killed_holder_holds_nothing() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    let mut child = helper(&folder);
    let held = store.holder(&name("staging")).unwrap().unwrap();
    assert_eq!(
        (held.pid, held.command.as_str()),
        (child.id(), "krun helper")
    );
    store.lock(&name("staging"), &holder("krun")).unwrap_err();

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(store.holder(&name("staging")), Ok(None));
    let _lock = store.lock(&name("staging"), &holder("krun next")).unwrap();
    let held = store.holder(&name("staging")).unwrap().unwrap();
    assert_eq!(held.command, "krun next");
}

#[test]
fn entries_survive_a_kill() {
    let folder = TempDir::new().unwrap();
    let mut child = helper(&folder);
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    assert_eq!(reader.read(&name("staging")).unwrap().len(), 2);

    child.kill().unwrap();
    child.wait().unwrap();
    drop(reader);
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    assert_eq!(reader.read(&name("staging")).unwrap().len(), 2);
    let store = Store::open(utf8(&folder)).unwrap();
    append(&store, "staging", "next", true);
    assert_eq!(reader.read(&name("staging")).unwrap().len(), 3);
}

#[test]
#[ignore = "the helper of the test below"]
fn fail() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let store = Store::open(Utf8Path::new(&folder)).unwrap();
    let append = |size: usize| {
        let id = "x".repeat(size);
        store.append(&name("staging"), RunId(1), &Entry::Created { id }, true)
    };
    let written = (0..1000).find_map(|n| append(3000).err().map(|fault| (n, fault)));
    let (written, fault) = written.unwrap();
    assert_eq!(fault.code, FaultCode::State, "{fault}");
    assert_eq!(append(1), Err(fault), "nobody knows what the disk holds");
    assert_eq!(store.read(&name("staging")).unwrap().len(), written);
}

#[test]
fn after_an_io_error_nothing_is_promised() {
    let folder = TempDir::new().unwrap();
    // A limit on the size of files makes a write fail with EFBIG, once the signal is ignored.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "tests::crash::fail", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let store = Store::open(utf8(&folder)).unwrap();
    assert!(!store.read(&name("staging")).unwrap().is_empty());
    append(&store, "staging", "the next krun goes on", true);
}
