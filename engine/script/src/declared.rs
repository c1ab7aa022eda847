//! Runbooks that something other than a script declares: a plugin's component.
//!
//! What is declared is written as a script ([`crate::written`]) and read like any other, so that kinds,
//! arguments, order, conflicts, moves and every diagnostic are those of scripts, and a run pins, resumes and
//! compares a text. Whoever calls asks the component; nothing here knows of components.

use std::sync::Arc;

use krun_model::{
    Digest, Map, Runbook,
    declaration::{Manifest, Statement},
    runbook::SourceFile,
};
use serde_json::Value as Json;

use crate::{
    Description, Loader,
    diagnostic::{Diagnostic, Diagnostics, Place},
    draft::Extent,
    plugins::LOCK,
    shelf::Shelf,
    written::{script, uses},
};

/// Diagnostics of what whoever runs a runbook gave it; all others are its authors'.
const GIVEN: &[&str] = &[
    "krun::missing-param",
    "krun::param-range",
    "krun::param-type",
    "krun::unknown-param",
    "krun::unknown-plugin",
];

/// How the line at the head of a declared text begins.
const BY: &str = "Declared by the plugin ";

/// Who declared a text, as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredBy<'a> {
    /// The plugin's name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Where it comes from: [`Declared::origin`].
    pub origin: &'a str,
}

impl<'a> DeclaredBy<'a> {
    /// Reads the head of a text; none where nothing declared it.
    pub fn of(text: &'a str) -> Option<Self> {
        let head = |line: &'a str| {
            line.strip_prefix("// ")?
                .strip_prefix(BY)?
                .strip_suffix('.')
        };
        let (called, origin) = text.lines().find_map(head)?.rsplit_once(", ")?;
        let (name, version) = called.rsplit_once(' ')?;
        Some(Self {
            name,
            version,
            origin,
        })
    }
}

/// A runbook that is declared.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// What its text is called in diagnostics and among a run's sources: the component's file name.
    pub file: &'a str,
    /// Where it comes from, for the head of its text: the component's hash.
    pub origin: &'a str,
    /// What it says of itself.
    pub manifest: &'a Manifest,
    /// Whether the component has kinds of its own.
    pub own_kinds: bool,
    /// The text of the folder's `krun.lock`.
    pub lock: Option<Arc<str>>,
}

impl Declared<'_> {
    /// The plugins whose kinds it uses, sorted; itself among them where it has some.
    pub fn plugins_used(&self) -> Vec<String> {
        uses(self.manifest, self.own_kinds)
    }

    /// Name and version, for messages.
    fn called(&self) -> String {
        format!("{} {}", self.manifest.name, self.manifest.version)
    }

    fn shelf(
        &self,
        loader: &Loader,
        statements: Option<&[Statement]>,
    ) -> Result<Shelf, Diagnostics> {
        let (called, origin) = (self.called(), self.origin);
        let head = format!("{BY}{called}, {origin}.");
        let text = script(
            &head,
            self.manifest,
            &self.plugins_used(),
            statements,
            loader.kinds(),
        );
        let text = text.map_err(|why| {
            let message = format!(
                "what the plugin {called} declares can't be: {}",
                why.message
            );
            let wrong = Diagnostic::new("krun::declared", Place::file(self.file), message);
            let blame = self.blame();
            wrong.help(
                why.help
                    .map_or(blame.clone(), |help| format!("{help} {blame}")),
            )
        })?;
        let mut sources = vec![source(self.file, &text)];
        sources.extend(self.lock.as_ref().map(|lock| source(LOCK, lock)));
        Shelf::pinned(sources)
            .map(|(shelf, _)| shelf)
            .ok_or_else(|| {
                Diagnostic::new("krun::io", Place::file(self.file), "it has no text").into()
            })
    }

    /// Says of what is wrong in its text whose it is.
    fn explained(&self, mut found: Diagnostics) -> Diagnostics {
        for item in &mut found.items {
            if !GIVEN.contains(&&*item.code) {
                let blame = self.blame();
                item.help = Some(match item.help.take() {
                    Some(help) if help.ends_with(['.', '?']) => format!("{help} {blame}"),
                    Some(help) => format!("{help}. {blame}"),
                    None => blame,
                });
            }
        }
        found
    }

    fn blame(&self) -> String {
        format!(
            "The plugin {} declares it: report it to the plugin's authors.",
            self.called()
        )
    }
}

impl Loader {
    /// What a declared runbook says of itself. Its sections depend on parameters.
    ///
    /// # Errors
    /// What it says of itself can't be.
    pub fn describe_declared(&self, declared: &Declared<'_>) -> Result<Description, Diagnostics> {
        let shelf = declared.shelf(self, None)?;
        self.of_itself(&shelf, declared.file, Extent::Description)
            .map_err(|found| declared.explained(found))
    }

    /// All parameters of a declared runbook, as they are bound: what its `declare` is given.
    ///
    /// # Errors
    /// Everything that is wrong with the values, or with what it says of itself.
    pub fn bound(
        &self,
        declared: &Declared<'_>,
        given: &Map<Json>,
    ) -> Result<Map<Json>, Diagnostics> {
        let shelf = declared.shelf(self, None)?;
        let runbook = self.runbook(&shelf, declared.file, given);
        Ok(runbook.map_err(|found| declared.explained(found))?.values)
    }

    /// The runbook of what was declared for these parameters.
    ///
    /// # Errors
    /// Everything that is wrong with it, as in a script.
    pub fn load_declared(
        &self,
        declared: &Declared<'_>,
        statements: &[Statement],
        given: &Map<Json>,
    ) -> Result<Runbook, Diagnostics> {
        let shelf = declared.shelf(self, Some(statements))?;
        self.runbook(&shelf, declared.file, given)
            .map_err(|found| declared.explained(found))
    }
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        digest: Digest::of(text),
        text: text.into(),
    }
}
