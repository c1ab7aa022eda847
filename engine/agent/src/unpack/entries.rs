//! The entries of an archive, one after the other, each kept inside its folder.
//!
//! Files and folders are made by their own names, never through a link: a name that leads through
//! anything but a folder is refused. Links come last, and each must lead to something inside.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt as _, symlink},
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use krun_model::{Fault, download::Unpack};
use tar::{Archive, Entry, EntryType};

use super::{COMPLETE, faults};
use crate::{commands::cancelled, download::size, stop::Stop};

/// More entries than any distribution has.
const MOST: usize = 200_000;
/// How many bytes are unpacked between two words about it.
const SAY: u64 = 32 * 1024 * 1024;

/// The unpacking of one archive.
pub struct Entries<'a> {
    what: &'a Unpack,
    root: &'a Utf8Path,
    stop: &'a Stop,
    say: &'a dyn Fn(String),
    /// Bytes so far.
    bytes: u64,
    list: String,
    /// Links to make when everything else is there, and what they lead to.
    links: Vec<(Utf8PathBuf, String)>,
}

impl<'a> Entries<'a> {
    pub fn new(
        what: &'a Unpack,
        root: &'a Utf8Path,
        stop: &'a Stop,
        say: &'a dyn Fn(String),
    ) -> Self {
        Self {
            what,
            root,
            stop,
            say,
            bytes: 0,
            list: String::new(),
            links: vec![],
        }
    }

    /// Unpacks everything; a line of size and path for each file.
    pub fn all(mut self, archive: impl Read) -> Result<String, Fault> {
        let what = self.what;
        let damaged = |error: io::Error| faults::damaged(what, &error);
        let mut archive = Archive::new(archive);
        let mut count = 0;
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            count += 1;
            if count > MOST {
                return Err(faults::refused(what, count, "is one entry too many"));
            }
            if self.stop.asked() {
                return Err(cancelled("unpacking was broken off"));
            }
            self.one(&mut entry)?;
        }
        if self.list.is_empty() {
            return Err(faults::damaged(
                what,
                &io::Error::other("it holds no files"),
            ));
        }
        self.make_links()?;
        Ok(self.list)
    }

    fn one(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), Fault> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let name = self.name(&entry.path_bytes())?;
        let Some(name) = name else { return Ok(()) };
        let path = self.root.join(&name);
        match kind {
            EntryType::Directory => self.folder(&path),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, &name, &path)
            }
            EntryType::Symlink => {
                let to = entry.link_name_bytes().unwrap_or_default();
                let to = String::from_utf8_lossy(&to).into_owned();
                if to.starts_with('/') {
                    let why = format!("is a link to the absolute path {to}");
                    return Err(faults::refused(self.what, &name, &why));
                }
                self.above(&path)?;
                self.links.push((path, to));
                Ok(())
            }
            EntryType::Link => {
                let to = entry.link_name_bytes().unwrap_or_default();
                let Some(to) = self.name(&to)? else {
                    return Err(faults::refused(self.what, &name, "is a link to nothing"));
                };
                self.hard_link(&name, &path, &self.root.join(to))
            }
            _ => Err(faults::refused(
                self.what,
                &name,
                "is a device, a pipe or something else that is no file",
            )),
        }
    }

    /// A name that stays inside; none for the folder itself.
    fn name(&self, bytes: &[u8]) -> Result<Option<Utf8PathBuf>, Fault> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| faults::refused(self.what, bytes.escape_ascii(), "is not UTF-8"))?;
        let refused = |why| Err(faults::refused(self.what, text.escape_debug(), why));
        if text.contains(['\0', '\n']) {
            return refused("is no name for a file");
        }
        let mut name = Utf8PathBuf::new();
        for component in Utf8Path::new(text).components() {
            match component {
                Utf8Component::Normal(part) => name.push(part),
                Utf8Component::CurDir => {}
                Utf8Component::ParentDir => return refused("leads out of its folder"),
                Utf8Component::RootDir | Utf8Component::Prefix(_) => {
                    return refused("is an absolute path");
                }
            }
        }
        if name == COMPLETE {
            return refused("is a name that krun needs for itself");
        }
        Ok((!name.as_str().is_empty()).then_some(name))
    }

    /// Makes a folder and those above it, all of which must be folders.
    fn folder(&self, path: &Utf8Path) -> Result<(), Fault> {
        match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => return Ok(()),
            Ok(_) => {
                return Err(faults::refused(
                    self.what,
                    path,
                    "is a file and a folder at once",
                ));
            }
            Err(_) => self.above(path)?,
        }
        fs::create_dir(path).map_err(|error| self.failed(path, &error))
    }

    fn above(&self, path: &Utf8Path) -> Result<(), Fault> {
        match path.parent() {
            Some(parent) if parent != self.root => self.folder(parent),
            _ => Ok(()),
        }
    }

    fn file(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        name: &Utf8Path,
        path: &Utf8Path,
    ) -> Result<(), Fault> {
        self.above(path)?;
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if executable { 0o755 } else { 0o644 })
            .open(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => faults::refused(self.what, name, "is in it twice"),
                _ => self.failed(path, &error),
            })?;
        let size = entry.size();
        if size > self.what.limit - self.bytes {
            return Err(self.too_large());
        }
        let copied = copy(entry, &mut file).map_err(|error| match error {
            Copying::Read(error) => faults::damaged(self.what, &error),
            Copying::Write(error) => self.failed(path, &error),
        })?;
        if copied != size {
            let error = io::ErrorKind::UnexpectedEof.into();
            return Err(faults::damaged(self.what, &error));
        }
        if self.bytes / SAY != (self.bytes + size) / SAY {
            (self.say)(format!(
                "unpacking, {}",
                crate::download::size(self.bytes + size)
            ));
        }
        self.bytes += size;
        self.list.push_str(&format!("{size} {name}\n"));
        Ok(())
    }

    /// A second name of a file that came before.
    fn hard_link(&mut self, name: &Utf8Path, path: &Utf8Path, to: &Utf8Path) -> Result<(), Fault> {
        self.above(path)?;
        let size = match to.symlink_metadata() {
            Ok(meta) if meta.is_file() && self.leads_through_folders(to) => meta.len(),
            _ => {
                return Err(faults::refused(
                    self.what,
                    name,
                    "is a link to no file that came before it",
                ));
            }
        };
        fs::hard_link(to, path).map_err(|error| self.failed(path, &error))?;
        self.list.push_str(&format!("{size} {name}\n"));
        Ok(())
    }

    /// Whether only folders lie between the root and a path. Links are made last, so this always holds
    /// for what was unpacked; it is asked of names that only the archive vouches for.
    fn leads_through_folders(&self, path: &Utf8Path) -> bool {
        path.ancestors()
            .skip(1)
            .take_while(|folder| *folder != self.root)
            .all(|folder| folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()))
    }

    fn make_links(&mut self) -> Result<(), Fault> {
        let links = std::mem::take(&mut self.links);
        for (path, to) in &links {
            symlink(to, path).map_err(|error| self.failed(path, &error))?;
        }
        let root = self.root.canonicalize_utf8();
        let root = root.map_err(|error| self.failed(self.root, &error))?;
        for (path, to) in &links {
            let inside = path
                .canonicalize_utf8()
                .is_ok_and(|found| found.starts_with(&root));
            if !inside {
                let name = path.strip_prefix(self.root).unwrap_or(path);
                let why = format!("is a link to {to}, which is not in the archive");
                return Err(faults::refused(self.what, name, &why));
            }
        }
        Ok(())
    }

    fn too_large(&self) -> Fault {
        faults::damaged(
            self.what,
            &io::Error::other(format!(
                "its files have more than {}",
                size(self.what.limit)
            )),
        )
    }

    fn failed(&self, path: &Utf8Path, error: &io::Error) -> Fault {
        Fault::io("could not unpack an archive", path, error)
    }
}

enum Copying {
    Read(io::Error),
    Write(io::Error),
}

/// Copies, and says which side failed.
fn copy(from: &mut impl Read, to: &mut impl io::Write) -> Result<u64, Copying> {
    let mut buffer = vec![0; 64 * 1024];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(n) => {
                to.write_all(&buffer[..n]).map_err(Copying::Write)?;
                copied += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Copying::Read(error)),
        }
    }
}
