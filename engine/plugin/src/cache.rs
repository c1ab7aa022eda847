//! Compiled code, kept under the hash of the component, wasmtime's version and settings, and the target.
//!
//! What lies there is run as native code. So it is taken only out of a folder, and from files, that
//! belong to this user and that nobody else may write; otherwise it is compiled anew, and said so.

use std::{
    fs::{self, DirBuilder, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use wasmtime::{Engine, component::Component};

/// The folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Utf8PathBuf,
    /// What else than the component decides what is compiled of it.
    settings: u64,
}

impl Cache {
    pub(crate) fn new(folder: Utf8PathBuf, engine: &Engine) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self {
            folder,
            settings: hasher.finish(),
        }
    }

    fn file(&self, sha256: &str) -> Utf8PathBuf {
        self.folder
            .join(format!("{sha256}-{:016x}.cwasm", self.settings))
    }

    /// The compiled component with a hash, if it is kept.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where somebody else may have put it there.
    pub(crate) fn get(&self, engine: &Engine, sha256: &str) -> Result<Option<Component>, Fault> {
        let file = self.file(sha256);
        if !is_there(&file)? {
            return Ok(None);
        }
        self.ours(&self.folder)?;
        self.ours(&file)?;
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

    /// Keeps a compiled component: a file is there as a whole, or not at all.
    pub(crate) fn put(&self, component: &Component, sha256: &str) -> Result<(), Fault> {
        let failed = |error: &std::io::Error| {
            Fault::io("could not keep the compiled plugin", &self.folder, error)
        };
        let code = component.serialize().map_err(|error| {
            Fault::internal(format!("compiled code can't be written: {error:#}"))
        })?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed(&error))?;
        self.ours(&self.folder)?;
        let mut file =
            tempfile::NamedTempFile::new_in(&self.folder).map_err(|error| failed(&error))?;
        file.write_all(&code).map_err(|error| failed(&error))?;
        file.as_file().sync_all().map_err(|error| failed(&error))?;
        file.persist(self.file(sha256))
            .map_err(|error| failed(&error.error))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&error))
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
