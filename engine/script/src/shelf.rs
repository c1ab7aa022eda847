//! Where the text of a runbook's files comes from: its folder, or what an earlier run pinned.
//!
//! The only place of this crate that reads files. Never reads outside the runbook's folder.

use std::{collections::BTreeMap, fs, io, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::runbook::SourceFile;

/// Where texts come from.
pub(crate) enum Shelf {
    /// The folder that the runbook's own file lies in.
    Folder {
        /// The folder, absolute and without links.
        root: Utf8PathBuf,
        /// The folder as the user named it.
        shown: Utf8PathBuf,
        /// The runbook's own file, which may be a link to anywhere; what it imports may not.
        main: String,
    },
    /// Texts by path, without a disk.
    Pinned(BTreeMap<String, Arc<str>>),
}

/// Why a file can't be had.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Unreadable {
    fn new(message: impl Into<String>, help: Option<&str>) -> Self {
        Self {
            message: message.into(),
            help: help.map(str::to_owned),
        }
    }
}

impl Shelf {
    /// The shelf of a runbook's file on disk, and the file's name on it.
    pub fn folder(file: &Utf8Path) -> Result<(Self, String), Unreadable> {
        let shown = file.parent().unwrap_or(Utf8Path::new("")).to_owned();
        let folder = if shown.as_str().is_empty() {
            Utf8Path::new(".")
        } else {
            &shown
        };
        let (Some(name), Ok(root)) = (file.file_name(), folder.canonicalize_utf8()) else {
            return Err(Unreadable::new(
                format!("can't read `{file}`: no such file"),
                None,
            ));
        };
        let main = name.to_owned();
        Ok((Self::Folder { root, shown, main }, name.to_owned()))
    }

    /// The shelf of pinned texts, and the name of the runbook's own.
    pub fn pinned(sources: Vec<SourceFile>) -> Option<(Self, String)> {
        let main = sources.first()?.path.clone();
        let texts = sources.into_iter().map(|s| (s.path, s.text)).collect();
        Some((Self::Pinned(texts), main))
    }

    /// What to call a file when talking to the user.
    pub fn shown(&self, id: &str) -> Arc<str> {
        match self {
            Self::Folder { shown, .. } => shown.join(id).as_str().into(),
            Self::Pinned(_) => id.into(),
        }
    }

    /// The text of a file.
    pub fn read(&self, id: &str) -> Result<Arc<str>, Unreadable> {
        match self {
            Self::Pinned(texts) => texts.get(id).cloned().ok_or_else(|| {
                Unreadable::new(format!("`{id}` is not among the pinned files"), None)
            }),
            Self::Folder { root, main, .. } => read_below(root, id, id == main),
        }
    }
}

fn read_below(root: &Utf8Path, id: &str, anywhere: bool) -> Result<Arc<str>, Unreadable> {
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Unreadable::new(format!("can't read `{id}`: no such file"), None)
        }
        io::ErrorKind::InvalidData => {
            Unreadable::new(format!("can't read `{id}`: it is not UTF-8 text"), None)
        }
        _ => Unreadable::new(format!("can't read `{id}`: {error}"), None),
    };
    let path = root
        .join(id)
        .canonicalize_utf8()
        .map_err(|error| failed(&error))?;
    if !anywhere && !path.starts_with(root) {
        return Err(Unreadable::new(
            format!("`{id}` is a link out of the runbook's folder"),
            Some("Copy the file into the folder: a run pins everything that the runbook reads."),
        ));
    }
    fs::read_to_string(&path)
        .map(Into::into)
        .map_err(|error| failed(&error))
}

/// The path of an import, with its ending, relative to the runbook's folder.
pub(crate) fn import_id(import: &str) -> Result<String, Unreadable> {
    let help =
        "Name it relative to the runbook's folder, such as `import \"lib/brokers\" as brokers;`.";
    let bad = |why: &str| {
        Err(Unreadable::new(
            format!("can't import `{import}`: {why}"),
            Some(help),
        ))
    };
    let mut segments = vec![];
    if import.starts_with('/') {
        return bad("the path is absolute");
    }
    for segment in import.split('/') {
        match segment {
            ".." => return bad("the path leads out of the folder"),
            "" => return bad("the path has an empty part"),
            "." => {}
            segment if segment.contains(['\\', ':', '\0']) => {
                return bad("the path has a character that is not allowed");
            }
            segment => segments.push(segment),
        }
    }
    let path = segments.join("/");
    Ok(if path.ends_with(".rhai") {
        path
    } else {
        format!("{path}.rhai")
    })
}
