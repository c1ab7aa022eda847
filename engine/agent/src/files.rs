//! Looking at files: metadata, bytes, digests, names. Changes nothing.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
};

use camino::Utf8Path;
use krun_model::{
    Checksum, Digest, Fault, FaultCode, TargetState,
    checksum::Algorithm,
    host::{FileKind, FileStat},
};
use rustix::fs::OFlags;

use crate::own_names;

/// The largest file that is read as a whole.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Permission bits, with those for set-uid, set-gid and sticky.
const PERMISSIONS: u32 = 0o7777;

/// Metadata, links not followed; none where nothing is.
pub fn stat(path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
    Ok(metadata(path)?.map(|meta| FileStat {
        kind: kind(&meta),
        size: meta.len(),
        mode: meta.mode() & PERMISSIONS,
        uid: meta.uid(),
        gid: meta.gid(),
        device: meta.dev(),
    }))
}

/// What a path is, links not followed; none where nothing is.
pub fn kind_of(path: &Utf8Path) -> Result<Option<FileKind>, Fault> {
    Ok(metadata(path)?.as_ref().map(kind))
}

/// The state of a path as effects see it.
pub fn path_state(path: &Utf8Path) -> Result<TargetState, Fault> {
    let Some(meta) = metadata(path)? else {
        return Ok(TargetState::Absent);
    };
    let failed = |error| Fault::io("could not look at a path", path, &error);
    Ok(match kind(&meta) {
        FileKind::Dir => TargetState::Dir {
            mode: meta.mode() & PERMISSIONS,
            uid: meta.uid(),
            gid: meta.gid(),
        },
        FileKind::Link => TargetState::Link {
            to: path
                .as_std_path()
                .read_link()
                .map_err(failed)?
                .to_string_lossy()
                .into_owned(),
        },
        FileKind::Other => TargetState::Other,
        FileKind::File => {
            // Mode and owner are those of the file whose bytes are read, whatever is renamed
            // over the path meanwhile.
            let file = open(path, OFlags::NOFOLLOW).map_err(failed)?;
            let meta = file.metadata().map_err(failed)?;
            TargetState::File {
                digest: Digest::of_reader(&file).map_err(failed)?,
                mode: meta.mode() & PERMISSIONS,
                uid: meta.uid(),
                gid: meta.gid(),
            }
        }
    })
}

/// What [`read_up_to`] found.
pub enum SmallFile {
    /// All bytes of a file that is not larger than asked for.
    Whole(Vec<u8>),
    /// A file that is larger.
    Larger,
    /// Nothing.
    Missing,
}

/// The bytes of a file that has at most `most` of them, links followed.
pub fn read_up_to(path: &Utf8Path, most: u64) -> Result<SmallFile, Fault> {
    let Some((file, size)) = open_regular(path)? else {
        return Ok(SmallFile::Missing);
    };
    if size > most {
        return Ok(SmallFile::Larger);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    // Some files, such as those below /proc, don't say their size.
    Ok(if bytes.len() as u64 > most {
        SmallFile::Larger
    } else {
        SmallFile::Whole(bytes)
    })
}

/// The bytes of a file, links followed; none where nothing is.
pub fn read(path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
    match read_up_to(path, LARGEST)? {
        SmallFile::Whole(bytes) => Ok(Some(bytes)),
        SmallFile::Missing => Ok(None),
        SmallFile::Larger => Err(Fault::new(
            FaultCode::Io,
            "the file is too large to be read as a whole",
        )
        .at(path)
        .because(format!("it is larger than {} MiB", LARGEST >> 20))),
    }
}

/// Up to `max` bytes from an offset on; empty where nothing is.
pub fn read_from(path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
    let Some((file, size)) = open_regular(path)? else {
        return Ok(vec![]);
    };
    let wanted = max.min(size.saturating_sub(offset)).min(LARGEST);
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The digest of a file's bytes, links followed; none where nothing is.
pub fn digest(path: &Utf8Path) -> Result<Option<Digest>, Fault> {
    let Some((file, _)) = open_regular(path)? else {
        return Ok(None);
    };
    Digest::of_reader(&file)
        .map(Some)
        .map_err(|error| unreadable(path, &error))
}

/// The checksum of a file's bytes, links followed; none where nothing is.
pub fn checksum(path: &Utf8Path, algorithm: Algorithm) -> Result<Option<Checksum>, Fault> {
    let Some((file, _)) = open_regular(path)? else {
        return Ok(None);
    };
    Checksum::of_reader(algorithm, &file)
        .map(Some)
        .map_err(|error| unreadable(path, &error))
}

/// The names in a folder, sorted and without krun's own; none where no folder is.
pub fn list(path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
    let failed = |error| Fault::io("could not list a folder", path, &error);
    let entries = match path.as_std_path().read_dir() {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut names = vec![];
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if !own_names::is_own(&name) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(Some(names))
}

/// Whether an error says that nothing is at the path.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Metadata, links not followed; none where nothing is.
fn metadata(path: &Utf8Path) -> Result<Option<Metadata>, Fault> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Fault::io("could not look at a path", path, &error)),
    }
}

fn kind(meta: &Metadata) -> FileKind {
    let kind = meta.file_type();
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Dir
    } else if kind.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

/// Opens without ever waiting for the other end of a pipe.
fn open(path: &Utf8Path, more: OFlags) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | more).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

/// An open regular file and its size, links followed; none where nothing is.
fn open_regular(path: &Utf8Path) -> Result<Option<(File, u64)>, Fault> {
    let file = match open(path, OFlags::empty()) {
        Ok(file) => file,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let meta = file.metadata().map_err(|error| unreadable(path, &error))?;
    if meta.is_file() {
        return Ok(Some((file, meta.len())));
    }
    Err(
        Fault::new(FaultCode::Conflict, "what is to be read is not a file")
            .at(path)
            .because(if meta.is_dir() {
                "a folder is there"
            } else {
                "a pipe, socket or device is there"
            }),
    )
}

fn unreadable(path: &Utf8Path, error: &io::Error) -> Fault {
    Fault::io("could not read a file", path, error)
}
