//! Compiled code is run as it stands: it is taken from nobody else.

use std::{fs, os::unix::fs::PermissionsExt as _};

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
