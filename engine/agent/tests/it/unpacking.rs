//! Archives, good and bad, taken apart in real folders.

use std::{io::Write as _, os::unix::fs::PermissionsExt as _};

use flate2::{Compression, write::GzEncoder};
use krun_model::{
    Checksum, Fault, FaultCode, checksum::Algorithm, download::Unpack, host::Machine,
    kind::Progress,
};
use tar::{Builder, EntryType, Header};

use crate::lab::Lab;

struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
}

/// An entry: its type, its name, its bytes or what it links to.
type One<'a> = (EntryType, &'a str, &'a str);

fn tar(entries: &[One<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(vec![]);
    for (kind, name, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if name.ends_with(".sh") { 0o6755 } else { 0o600 });
        // Written by hand: the crate refuses to make names that lead out.
        let bytes = header.as_old_mut();
        bytes.name[..name.len()].copy_from_slice(name.as_bytes());
        let is_file = *kind == EntryType::Regular;
        if !is_file {
            bytes.linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_size(if is_file { content.len() as u64 } else { 0 });
        header.set_cksum();
        let content = if is_file { content.as_bytes() } else { b"" };
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn good() -> Vec<u8> {
    gzip(&tar(&[
        (EntryType::Directory, "kafka/", ""),
        (EntryType::Regular, "kafka/libs/a.jar", "jar"),
        (EntryType::Regular, "./kafka/bin/run.sh", "#!/bin/sh\n"),
        (EntryType::Symlink, "kafka/libs/b.jar", "a.jar"),
        (EntryType::Link, "kafka/libs/c.jar", "kafka/libs/a.jar"),
        (EntryType::Regular, "kafka/LICENSE", ""),
    ]))
}

impl Lab {
    fn archive(&self, bytes: &[u8]) -> Unpack {
        let archive = self.path("a.tgz");
        std::fs::write(&archive, bytes).unwrap();
        Unpack {
            archive,
            to: self.path("cache/archives/one"),
            checksum: Checksum::of_reader(Algorithm::Sha512, bytes).unwrap(),
            limit: 1_000_000,
        }
    }

    async fn unpack(&self, what: &Unpack) -> Result<(), Fault> {
        self.machine.unpack(what, &Silent).await
    }

    /// Unpacks what must be refused, and leaves nothing behind.
    async fn refused(&self, bytes: &[u8]) -> Fault {
        let fault = self.unpack(&self.archive(bytes)).await.unwrap_err();
        assert_eq!(self.names("cache/archives"), ["one.lock"], "{fault}");
        assert_eq!(fault.code, FaultCode::Download, "{fault}");
        fault
    }
}

#[tokio::test]
async fn a_good_one() {
    let lab = Lab::new();
    let what = lab.archive(&good());
    lab.unpack(&what).await.unwrap();
    let read = |name: &str| std::fs::read_to_string(what.to.join(name)).unwrap();
    assert_eq!(read("kafka/libs/b.jar"), "jar");
    assert_eq!(read("kafka/libs/c.jar"), "jar");
    assert_eq!(
        read(".complete"),
        "3 kafka/libs/a.jar\n10 kafka/bin/run.sh\n3 kafka/libs/c.jar\n0 kafka/LICENSE\n"
    );
    let mode = |name: &str| what.to.join(name).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("kafka/bin/run.sh"), 0o755, "without its set-uid bits");
    assert_eq!(mode("kafka/LICENSE"), 0o644);
    assert_eq!(mode(""), 0o755, "others may read the cache");
    assert_eq!(lab.names("cache/archives"), ["one", "one.lock"]);

    // What is there is left alone; what lost its list is made anew.
    std::fs::write(what.to.join("kafka/LICENSE"), "mine").unwrap();
    lab.unpack(&what).await.unwrap();
    assert_eq!(read("kafka/LICENSE"), "mine");
    std::fs::remove_file(what.to.join(".complete")).unwrap();
    std::fs::create_dir(lab.path("cache/archives/.krun-one-killed.tmp")).unwrap();
    lab.unpack(&what).await.unwrap();
    assert_eq!(read("kafka/LICENSE"), "");
    assert_eq!(lab.names("cache/archives"), ["one", "one.lock"]);
}

#[tokio::test]
async fn what_leads_out_is_refused() {
    use EntryType as T;
    let cases: &[(&[One<'_>], &str)] = &[
        (&[(T::Regular, "../evil", "x")], "leads out of its folder"),
        (
            &[(T::Regular, "a/../../evil", "x")],
            "leads out of its folder",
        ),
        (&[(T::Regular, "/etc/evil", "x")], "is an absolute path"),
        (
            &[(T::Symlink, "a", "/etc"), (T::Regular, "b", "x")],
            "is a link to the absolute path /etc",
        ),
        (
            &[(T::Symlink, "a", "../.."), (T::Regular, "b", "x")],
            "is a link to ../.., which is not in the archive",
        ),
        (
            &[(T::Symlink, "a", "gone"), (T::Regular, "b", "x")],
            "is a link to gone, which is not in the archive",
        ),
        // Each link looks harmless by its text; together they lead out.
        (
            &[
                (T::Regular, "d/e/f", "x"),
                (T::Symlink, "d/e/up", "../.."),
                (T::Symlink, "out", "d/e/up/.."),
            ],
            "is a link to d/e/up/.., which is not in the archive",
        ),
        (
            &[(T::Regular, "a", "x"), (T::Link, "b", "../../a.tgz")],
            "leads out of its folder",
        ),
        (
            &[(T::Link, "b", "gone")],
            "is a link to no file that came before it",
        ),
        (
            &[(T::Regular, "a", "x"), (T::Regular, "a", "y")],
            "is in it twice",
        ),
        (
            &[(T::Regular, "a", "x"), (T::Regular, "a/b", "y")],
            "is a file and a folder at once",
        ),
        (
            &[(T::Char, "null", "")],
            "is a device, a pipe or something else that is no file",
        ),
        (
            &[(T::Fifo, "pipe", "")],
            "is a device, a pipe or something else that is no file",
        ),
        (
            &[(T::Regular, ".complete", "x")],
            "is a name that krun needs for itself",
        ),
    ];
    for (entries, why) in cases {
        let lab = Lab::new();
        let fault = lab.refused(&gzip(&tar(entries))).await;
        assert_eq!(fault.what, "the archive is refused", "{why}");
        assert!(fault.why.as_ref().unwrap().ends_with(why), "{why}: {fault}");
        assert!(!lab.path("cache/evil").exists());
    }
}

#[tokio::test]
async fn a_file_is_not_written_through_a_link() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("outside")).unwrap();
    let entries = [
        (EntryType::Symlink, "d", "../../../outside"),
        (EntryType::Regular, "d/evil", "x"),
    ];
    lab.unpack(&lab.archive(&gzip(&tar(&entries))))
        .await
        .unwrap_err();
    assert!(lab.names("outside").is_empty());
}

#[tokio::test]
async fn damaged_ones() {
    let lab = Lab::new();
    let good = good();
    for cut in [20, good.len() / 2, good.len() - 4] {
        let fault = lab.refused(&good[..cut]).await;
        assert_eq!(fault.what, "the archive is damaged", "{cut}");
    }
    let mut flipped = good.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    assert_eq!(lab.refused(&flipped).await.what, "the archive is damaged");
    let nothing = lab.refused(&gzip(&tar(&[]))).await;
    assert_eq!(nothing.why.as_deref(), Some("it holds no files"));
    let no_tar = lab.refused(&gzip(b"<html>no archive at all</html>")).await;
    assert_eq!(no_tar.what, "the archive is damaged");
}

#[tokio::test]
async fn other_things_than_archives() {
    let lab = Lab::new();
    for (bytes, why) in [
        (&b""[..], "it is an empty file"),
        (b"PK\x03\x04....", "it is a zip archive"),
        (b"<!doctype html><html>", "it is an HTML page"),
    ] {
        let fault = lab.refused(bytes).await;
        assert_eq!(fault.what, "this is no gzip archive");
        assert_eq!(fault.why.as_deref(), Some(why));
    }
    let tar = tar(&[(EntryType::Regular, "a", "x")]);
    let why = lab.refused(&tar).await.why;
    assert_eq!(
        why.as_deref(),
        Some("it is a tar archive that is not compressed")
    );
}

#[tokio::test]
async fn another_sum_and_too_much() {
    let lab = Lab::new();
    let mut what = lab.archive(&good());
    let right = std::mem::replace(
        &mut what.checksum,
        Checksum::of_reader(Algorithm::Sha256, &b"x"[..]).unwrap(),
    );
    let fault = lab.unpack(&what).await.unwrap_err();
    assert_eq!(fault.what, "the archive is not what its checksum says");
    assert!(fault.evidence[1].starts_with("found  sha256 "));
    what.checksum = right;
    what.limit = 12;
    let fault = lab.unpack(&what).await.unwrap_err();
    assert!(fault.why.unwrap().contains("more than"));
    assert_eq!(lab.names("cache/archives"), ["one.lock"]);
}

#[tokio::test]
async fn two_at_once() {
    let lab = std::sync::Arc::new(Lab::new());
    let what = lab.archive(&good());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (lab, what) = (lab.clone(), what.clone());
            tokio::spawn(async move { lab.unpack(&what).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(lab.names("cache/archives"), ["one", "one.lock"]);
}
