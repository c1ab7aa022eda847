//! Compiled code, kept under the hash of the component, wasmtime's version and settings, and the target; beside
//! it what the component said of itself, and which files are known to have a hash.
//!
//! What lies there is run as native code. So it is taken only out of a folder, and from files, that
//! belong to this user and that nobody else may write; otherwise it is refused, and said so.

#[cfg(feature = "compiler")]
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::{
    fs::{self, DirBuilder, File},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Digest, Fault, FaultCode};
use serde::{Serialize, de::DeserializeOwned};
use wasmtime::{Engine, component::Component};

use crate::{said::Said, seen::Seen};

/// The folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Utf8PathBuf,
    /// What else than the component decides what is compiled of it.
    settings: u64,
}

impl Cache {
    pub(crate) fn new(folder: Utf8PathBuf, engine: &Engine) -> Self {
        Self {
            folder,
            settings: settings(engine),
        }
    }

    /// What is kept of a component.
    fn file(&self, sha256: &str, what: &str) -> Utf8PathBuf {
        self.folder
            .join(format!("{sha256}-{:016x}.{what}", self.settings))
    }

    /// Where it is kept which hash a file has.
    fn seen_file(&self, file: &Utf8Path) -> Utf8PathBuf {
        self.folder
            .join(format!("{}.seen", Digest::of(file.as_str())))
    }

    /// The compiled component with a hash, if it is kept.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where somebody else may have put it there.
    pub(crate) fn get(&self, engine: &Engine, sha256: &str) -> Result<Option<Component>, Fault> {
        let file = self.file(sha256, "cwasm");
        if !self.has(&file)? {
            return Ok(None);
        }
        #[expect(
            unsafe_code,
            reason = "wasmtime trusts what it deserializes; the checks above say that only this user \
                      can have written it, and this module writes it only as wasmtime compiled it"
        )]
        // SAFETY: see the reason.
        let component = unsafe { Component::deserialize_file(engine, &file) };
        // Another wasmtime's, or cut: it is made anew.
        Ok(component.ok())
    }

    /// Keeps a compiled component.
    pub(crate) fn put(&self, component: &Component, sha256: &str) -> Result<(), Fault> {
        let code = component.serialize().map_err(|error| {
            Fault::internal(format!("compiled code can't be written: {error:#}"))
        })?;
        self.write(&self.file(sha256, "cwasm"), &code)
    }

    /// What the component with a hash said of itself, if that is kept.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn said(&self, sha256: &str) -> Result<Option<Said>, Fault> {
        self.read(&self.file(sha256, "said"))
    }

    /// Keeps what a component said of itself.
    pub(crate) fn put_said(&self, said: &Said, sha256: &str) -> Result<(), Fault> {
        self.write_json(&self.file(sha256, "said"), said)
    }

    /// The file that was hashed at a path, if one was.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) fn seen(&self, file: &Utf8Path) -> Result<Option<Seen>, Fault> {
        self.read(&self.seen_file(file))
    }

    /// Keeps which hash a file has.
    pub(crate) fn remember(&self, seen: &Seen) -> Result<(), Fault> {
        self.write_json(&self.seen_file(seen.path()), seen)
    }

    /// What a file of ours says; none where it is not there, cut, or of another krun.
    fn read<T: DeserializeOwned>(&self, file: &Utf8Path) -> Result<Option<T>, Fault> {
        if !self.has(file)? {
            return Ok(None);
        }
        let bytes = fs::read(file)
            .map_err(|error| Fault::io("could not look at the compiled plugins", file, &error))?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    fn write_json(&self, file: &Utf8Path, value: &impl Serialize) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| Fault::internal(format!("it can't be kept: {error}")))?;
        self.write(file, &bytes)
    }

    /// Keeps a file: it is there as a whole, or not at all.
    fn write(&self, path: &Utf8Path, bytes: &[u8]) -> Result<(), Fault> {
        let failed = |error: &std::io::Error| {
            Fault::io("could not keep the compiled plugin", &self.folder, error)
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed(&error))?;
        self.ours(&self.folder)?;
        let mut file =
            tempfile::NamedTempFile::new_in(&self.folder).map_err(|error| failed(&error))?;
        file.write_all(bytes).map_err(|error| failed(&error))?;
        file.as_file().sync_all().map_err(|error| failed(&error))?;
        file.persist(path).map_err(|error| failed(&error.error))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&error))
    }

    /// Whether a file is there, of this user alone.
    fn has(&self, file: &Utf8Path) -> Result<bool, Fault> {
        if !is_there(file)? {
            return Ok(false);
        }
        self.ours(&self.folder)?;
        self.ours(file)?;
        Ok(true)
    }

    fn ours(&self, path: &Utf8Path) -> Result<(), Fault> {
        let stat = fs::symlink_metadata(path)
            .map_err(|error| Fault::io("could not look at the compiled plugins", path, &error))?;
        let me = rustix::process::geteuid().as_raw();
        let why = if stat.uid() != me {
            format!("it belongs to user {}, not to {me}", stat.uid())
        } else if stat.file_type().is_symlink() {
            "it is a link".to_owned()
        } else if stat.mode() & 0o022 != 0 {
            format!("others may write it (mode {:04o})", stat.mode() & 0o7777)
        } else {
            return Ok(());
        };
        Err(Fault::new(
            FaultCode::Plugin,
            "compiled code of plugins is not taken from there",
        )
        .at(path)
        .because(why)
        .hint("It would be run as it stands, so only this user may be able to write it.")
        .hint(format!(
            "See who put it there, then remove the folder {}.",
            self.folder
        )))
    }
}

/// A hash of all that decides what a component is compiled to.
#[cfg(feature = "compiler")]
fn settings(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// wasmtime alone, and only with a compiler, knows what that is; it checks again what it is given.
#[cfg(not(feature = "compiler"))]
fn settings(_engine: &Engine) -> u64 {
    0
}

fn is_there(path: &Utf8Path) -> Result<bool, Fault> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Fault::io(
            "could not look at the compiled plugins",
            path,
            &error,
        )),
    }
}
