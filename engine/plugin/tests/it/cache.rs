//! Compiled code is run as it stands: it is taken from nobody else.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;

use crate::lab::{Lab, describing};

fn compiled(lab: &Lab) -> Utf8PathBuf {
    let mut found: Vec<_> = lab
        .path("cache")
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().into_path())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn lab() -> (Lab, Vec<u8>) {
    let (lab, bytes) = (Lab::new(), describing("unreachable", ""));
    assert!(lab.refusal(&bytes).contains("it gave up"));
    (lab, bytes)
}

fn mode(path: &Utf8PathBuf, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn only_this_user_can_write_it() {
    let (lab, _) = lab();
    let stat = fs::metadata(lab.path("cache")).unwrap();
    assert_eq!(stat.permissions().mode() & 0o777, 0o700);
    assert_eq!(
        fs::metadata(compiled(&lab)).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_folder_that_others_may_write() {
    let (lab, bytes) = lab();
    mode(&lab.path("cache"), 0o777);
    let refusal = lab.refusal(&bytes);
    assert!(
        refusal.contains("others may write it (mode 0777)"),
        "{refusal}"
    );
}

#[test]
fn a_file_that_others_may_write() {
    let (lab, bytes) = lab();
    mode(&compiled(&lab), 0o666);
    let refusal = lab.refusal(&bytes);
    assert!(refusal.contains("others may write it"), "{refusal}");
}

#[test]
fn a_file_that_is_a_link() {
    let (lab, bytes) = lab();
    let file = compiled(&lab);
    let elsewhere = lab.path("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let refusal = lab.refusal(&bytes);
    assert!(refusal.contains("it is a link"), "{refusal}");
}

#[test]
fn a_file_of_somebody_else() {
    let (lab, bytes) = lab();
    let file = compiled(&lab);
    match std::os::unix::fs::chown(&file, Some(12345), None) {
        Ok(()) => {
            let refusal = lab.refusal(&bytes);
            assert!(refusal.contains("it belongs to user 12345"), "{refusal}");
        }
        // Only root can give files away.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    }
}

#[test]
fn what_is_no_compiled_code_is_compiled_anew() {
    let (lab, bytes) = lab();
    let file = compiled(&lab);
    let sound = fs::read(&file).unwrap();
    for wrong in [&b""[..], b"not code", &sound[..sound.len() / 2]] {
        fs::write(&file, wrong).unwrap();
        assert!(lab.refusal(&bytes).contains("it gave up"));
        assert_eq!(fs::read(&file).unwrap(), sound, "kept anew");
    }
}

/// A component that was built once, as a file of which it is known again: its last change is some time ago. The
/// time of an inode can't be set, so it is waited for.
fn settled(lab: &Lab) -> Utf8PathBuf {
    let file = lab.path("owners.wasm");
    fs::copy(CORPUS, &file).unwrap();
    let opened = || lab.runtime().open(&file, None).map(drop).unwrap();
    let began = Instant::now();
    while kept(lab, "seen").is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "never known");
        std::thread::sleep(Duration::from_millis(100));
        opened();
    }
    file
}

const CORPUS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/plugins/1.0.0/owners.wasm"
);

/// How many files of a kind are kept.
fn kept(lab: &Lab, extension: &str) -> Vec<Utf8PathBuf> {
    let all = lab.path("cache").read_dir_utf8();
    let all = all.into_iter().flatten();
    let all = all.map(|entry| entry.unwrap().into_path());
    all.filter(|path| path.extension() == Some(extension))
        .collect()
}

#[test]
fn what_a_component_says_is_kept_and_not_believed() {
    let lab = Lab::new();
    let file = lab.path("owners.wasm");
    fs::copy(CORPUS, &file).unwrap();
    let first = lab.runtime().open(&file, None).unwrap();
    let said = kept(&lab, "said");
    let text = fs::read_to_string(&said[0]).unwrap();
    // Kept where somebody else could have put it, it is refused; what can't be is refused as ever.
    mode(&said[0], 0o622);
    let fault = lab.runtime().open(&file, None).map(drop).unwrap_err();
    assert!(fault.why.unwrap().contains("others may write it"));
    mode(&said[0], 0o600);
    fs::write(&said[0], text.replace("\"owners\"", "\"OWNERS\"")).unwrap();
    let fault = lab.runtime().open(&file, None).map(drop).unwrap_err();
    assert_eq!(fault.what, "what the plugin says of itself can't be");
    // Another krun's, or cut: it is asked anew.
    fs::write(&said[0], &text[..text.len() / 2]).unwrap();
    let again = lab.runtime().open(&file, None).unwrap();
    assert_eq!(again.name(), first.name());
    assert_eq!(fs::read_to_string(&said[0]).unwrap(), text);
}

/// A file that was hashed is known again, and no change of it goes unseen.
#[test]
fn a_file_that_is_known() {
    let lab = Lab::new();
    let file = settled(&lab);
    let pinned = lab.runtime().open(&file, None).unwrap().sha256().to_owned();
    let known = |file: &Utf8PathBuf| lab.runtime().open(file, Some(&pinned)).map(drop);
    known(&file).unwrap();
    // One byte, and the times of the file as they were.
    let before = fs::metadata(&file).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let times = fs::FileTimes::new()
        .set_modified(before.modified().unwrap())
        .set_accessed(before.accessed().unwrap());
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_times(times)
        .unwrap();
    assert_eq!(
        fs::metadata(&file).unwrap().modified().unwrap(),
        before.modified().unwrap()
    );
    assert_eq!(
        known(&file).unwrap_err().what,
        "the plugin's file is not the one in krun.lock"
    );
    // Another pin is another component, also where the file is known.
    fs::copy(CORPUS, &file).unwrap();
    known(&file).unwrap();
    let other = "0".repeat(64);
    let fault = lab.runtime().open(&file, Some(&other)).map(drop);
    assert!(fault.unwrap_err().why.unwrap().contains(&other));
}

/// What was changed a moment ago could be changed once more at the same time.
#[test]
fn a_file_that_was_just_written_is_not_known() {
    let lab = Lab::new();
    let file = lab.path("owners.wasm");
    fs::copy(CORPUS, &file).unwrap();
    lab.runtime().open(&file, None).unwrap();
    assert!(kept(&lab, "seen").is_empty());
}
