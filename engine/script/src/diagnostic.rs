//! What is wrong with a runbook, as data.
//!
//! Owns the shape of a diagnostic. Never renders one: the command line underlines the source.

use std::{borrow::Cow, fmt, sync::Arc};

/// A stretch of a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Where it begins, in bytes from the start of the file.
    pub offset: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The head of a file of which nothing more can be said.
    pub fn file(file: &str) -> Self {
        Self {
            file: file.into(),
            offset: 0,
            len: 0,
            line: 1,
            column: 1,
        }
    }
}

/// Another place that a diagnostic is about, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Where it begins, in bytes from the start of the file.
    pub offset: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is there, as a lower-case fragment.
    pub label: String,
}

/// One thing that is wrong with a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code, such as `krun::unknown-function`; each has a page in the book.
    pub code: Cow<'static, str>,
    /// What is wrong: a lower-case fragment that reads well after "error: ".
    pub message: String,
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Where the underlined text begins, in bytes from the start of the file.
    pub offset: usize,
    /// How long the underlined text is, in bytes.
    pub len: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What to say at the underlined text; may be empty.
    pub label: String,
    /// What to do about it: whole sentences.
    pub help: Option<String>,
    /// Other places that it is about.
    pub related: Vec<Related>,
}

impl Diagnostic {
    pub(crate) fn new(
        code: impl Into<Cow<'static, str>>,
        place: Place,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            file: place.file,
            offset: place.offset,
            len: place.len,
            line: place.line,
            column: place.column,
            label: String::new(),
            help: None,
            related: vec![],
        }
    }

    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// "Did you mean", where something near was found.
    #[must_use]
    pub(crate) fn did_you_mean(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => self.help(format!("Did you mean `{near}`?")),
            None => self,
        }
    }

    #[must_use]
    pub(crate) fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push(Related {
            file: place.file,
            offset: place.offset,
            len: place.len,
            line: place.line,
            column: place.column,
            label: label.into(),
        });
        self
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place {
            file: self.file.clone(),
            offset: self.offset,
            len: self.len,
            line: self.line,
            column: self.column,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {} [{}]",
            self.file, self.line, self.column, self.message, self.code
        )
    }
}

/// The text of a file that diagnostics point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The file as diagnostics name it.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// Everything that was found wrong in one pass, in the order of the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Diagnostics {
    /// What is wrong; never empty.
    pub items: Vec<Diagnostic>,
    /// The files that the items point into.
    pub sources: Vec<SourceText>,
}

impl Diagnostics {
    /// The text of a file, for underlining.
    pub fn text(&self, file: &str) -> Option<&Arc<str>> {
        self.sources
            .iter()
            .find(|source| &*source.file == file)
            .map(|source| &source.text)
    }

    fn summary(&self) -> String {
        match self.items.as_slice() {
            [] => "nothing is wrong".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(item: Diagnostic) -> Self {
        Self {
            items: vec![item],
            sources: vec![],
        }
    }
}
