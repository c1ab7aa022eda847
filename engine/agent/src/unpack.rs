//! An archive taken apart into a folder of the cache.
//!
//! Owns that the folder is complete or absent, that nothing lands outside of it, and that what was
//! taken apart is what the checksum says: the sum is made of the very bytes that are unpacked, and
//! compared before the folder gets its name. It never looks at what the files mean.

mod entries;
mod faults;

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write as _},
};

use camino::Utf8Path;
use flate2::read::MultiGzDecoder;
use krun_model::{Checksum, Fault, checksum::Summing, download::Unpack};
use rustix::fs::syncfs;

use self::entries::Entries;
use crate::{
    download::size,
    files, lock, own_names,
    rename::{folder_of, rename_new, sync_folder},
    sniff,
    stop::Stop,
};

/// The list of what a complete folder holds.
pub const COMPLETE: &str = ".complete";

/// Unpacks an archive, unless its folder is there.
///
/// # Errors
/// See [`krun_model::WriteHost::unpack`].
pub fn unpack(what: &Unpack, stop: &Stop, say: &dyn Fn(String)) -> Result<(), Fault> {
    let _alone = lock::hold(&what.to, stop, || {
        say("another krun is unpacking the same archive".to_owned());
    })?;
    if what.to.join(COMPLETE).is_file() {
        return Ok(());
    }
    let folder = folder_of(&what.to);
    let failed = |error: &io::Error| Fault::io("could not unpack an archive", &what.to, error);
    // What a krun left that was killed while it unpacked: nobody else holds the lock.
    sweep(&what.to);
    let work = own_names::temp()
        .prefix(&work_prefix(&what.to))
        .tempdir_in(folder)
        .map_err(|error| failed(&error))?;
    let root = Utf8Path::from_path(work.path())
        .ok_or_else(|| Fault::internal("the cache folder's name is not UTF-8"))?;
    let found = take_apart(what, root, stop, say)?;
    if found != what.checksum {
        return Err(faults::another_sum(what, &found));
    }
    // A folder without its list is none that is of use.
    if what.to.symlink_metadata().is_ok() {
        fs::rename(
            &what.to,
            root.with_file_name(format!("{}old", work_prefix(&what.to))),
        )
        .map_err(|error| failed(&error))?;
    }
    rename_new(root, &what.to).map_err(|error| failed(&error))?;
    let _gone = work.keep();
    sync_folder(folder)?;
    sweep(&what.to);
    Ok(())
}

/// How the names of work folders for a path begin.
fn work_prefix(to: &Utf8Path) -> String {
    format!(
        "{}{}-",
        own_names::TEMP_PREFIX,
        to.file_name().unwrap_or_default()
    )
}

/// Removes the work folders of a path.
fn sweep(to: &Utf8Path) {
    let prefix = work_prefix(to);
    let entries = folder_of(to)
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries.filter(|entry| entry.file_name().starts_with(&prefix)) {
        // It takes room and does no other harm.
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Unpacks everything below `root`, with its list, synced; says what the archive's bytes add up to.
fn take_apart(
    what: &Unpack,
    root: &Utf8Path,
    stop: &Stop,
    say: &dyn Fn(String),
) -> Result<Checksum, Fault> {
    let unreadable =
        |error: &io::Error| Fault::io("could not read an archive", &what.archive, error);
    let beginning = files::read_from(&what.archive, 0, sniff::ENOUGH as u64)?;
    if !beginning.starts_with(sniff::GZIP) {
        return Err(faults::another_kind(what, &beginning));
    }
    let file = File::open(&what.archive).map_err(|error| unreadable(&error))?;
    let mut raw = Raw {
        file: BufReader::with_capacity(256 * 1024, file),
        sum: Summing::new(what.checksum.algorithm()),
    };
    let mut plain = MultiGzDecoder::new(&mut raw);
    let list = Entries::new(what, root, stop, say).all(&mut plain)?;
    // The archive's end and gzip's own sum lie behind the last file.
    io::copy(&mut plain, &mut io::sink()).map_err(|error| faults::damaged(what, &error))?;
    drop(plain);
    io::copy(&mut raw, &mut io::sink()).map_err(|error| unreadable(&error))?;
    let failed = |error| Fault::io("could not unpack an archive", root, &error);
    let mut complete = File::create(root.join(COMPLETE)).map_err(failed)?;
    complete.write_all(list.as_bytes()).map_err(failed)?;
    say(format!(
        "{} unpacked",
        size(what.limit.min(list_size(&list)))
    ));
    syncfs(&complete).map_err(|error| failed(error.into()))?;
    Ok(raw.sum.finish())
}

fn list_size(list: &str) -> u64 {
    let sizes = list.lines().filter_map(|line| line.split_once(' '));
    sizes.filter_map(|(size, _)| size.parse::<u64>().ok()).sum()
}

/// The archive's bytes as they lie on disk, added up as they are read.
struct Raw {
    file: BufReader<File>,
    sum: Summing,
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.sum.update(&buffer[..n]);
        Ok(n)
    }
}
