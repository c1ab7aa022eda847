//! The way from files to a runbook: gather, check, evaluate, finish.

use std::{sync::Arc, thread, time::Duration};

use camino::Utf8Path;
use krun_model::{
    Map, ParamSpec, Runbook,
    kind::Kinds,
    runbook::{Phase, SourceFile},
};
use rhai::{Engine, Scope};
use serde_json::Value as Json;

use crate::{
    check, condition, declare,
    diagnostic::{Diagnostic, Diagnostics, Place, SourceText},
    draft::{Draft, Extent, Shared},
    finish::{check_given, finish},
    gather::{Gathered, Units},
    header::Header,
    paths::PathBase,
    plugins::pinned_lock,
    runtime,
    shelf::Shelf,
    world,
};

/// Reads runbooks.
pub struct Loader {
    kinds: Kinds,
    base: PathBase,
    pub(crate) patience: Duration,
}

/// What a runbook says of itself before any parameter is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line on what it does.
    pub summary: String,
    /// The prose at its head.
    pub doc: String,
    /// Its parameters in the order of declaration.
    pub params: Vec<ParamSpec>,
    /// Its sections, as far as they don't depend on parameters.
    pub phases: Vec<Phase>,
}

/// How far a reading came.
struct Reading {
    draft: Shared,
    units: Arc<Units>,
    found: Vec<Diagnostic>,
    /// Whether all files were read and parsed.
    gathered: bool,
    /// Whether the script was evaluated to its end.
    ended: bool,
}

impl Loader {
    /// A loader for some kinds of steps; paths in parameters are relative to `base`.
    pub fn new(kinds: &Kinds, base: PathBase) -> Self {
        Self {
            kinds: kinds.clone(),
            base,
            patience: world::PATIENCE,
        }
    }

    /// Reads a runbook from disk, with values for its parameters.
    ///
    /// A value may be text as the command line has it, or data as a file of parameters has it.
    ///
    /// # Errors
    /// Everything that is wrong with the runbook or the values.
    pub fn load(&self, path: &Utf8Path, given: &Map<Json>) -> Result<Runbook, Diagnostics> {
        let (shelf, main) = on_disk(path)?;
        self.runbook(&shelf, &main, given)
    }

    /// Reads a runbook from the sources that a run pinned, its own file first; touches no disk.
    ///
    /// # Errors
    /// Everything that is wrong with the runbook or the values.
    pub fn load_sources(
        &self,
        sources: Vec<SourceFile>,
        given: &Map<Json>,
    ) -> Result<Runbook, Diagnostics> {
        let Some((shelf, main)) = Shelf::pinned(sources) else {
            let message = "there are no pinned files";
            return Err(Diagnostic::new("krun::io", Place::file("runbook"), message).into());
        };
        self.runbook(&shelf, &main, given)
    }

    /// Reads what a runbook says of itself; parameters need not be given.
    ///
    /// A parameter without a value gets a placeholder of its type. What follows from a placeholder
    /// is no concern here, so that only what hides the description itself is an error.
    ///
    /// # Errors
    /// The runbook can't be read or parsed, or does not say its name.
    pub fn describe(&self, path: &Utf8Path) -> Result<Description, Diagnostics> {
        let (shelf, main) = on_disk(path)?;
        self.of_itself(&shelf, &main, Extent::Description)
    }

    /// A runbook's name, whatever may be wrong with the rest of it: nothing behind `runbook(…)` is
    /// evaluated.
    ///
    /// # Errors
    /// The runbook can't be read or parsed, or does not say its name.
    pub fn name(&self, path: &Utf8Path) -> Result<String, Diagnostics> {
        let (shelf, main) = on_disk(path)?;
        Ok(self.of_itself(&shelf, &main, Extent::Name)?.name)
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    pub(crate) fn of_itself(
        &self,
        shelf: &Shelf,
        main: &str,
        extent: Extent,
    ) -> Result<Description, Diagnostics> {
        let reading = self.read(shelf, main, &Map::new(), extent)?;
        let mut draft = reading.draft.lock();
        let said = |header: &Header| header.place.is_some() && !header.name.is_empty();
        match draft.header.take().filter(said) {
            Some(header) if reading.gathered => Ok(Description {
                name: header.name,
                version: header.version,
                summary: header.summary,
                doc: header.doc,
                params: std::mem::take(&mut draft.params),
                phases: std::mem::take(&mut draft.phases),
            }),
            _ => {
                let mut found = reading.found;
                found.extend(draft.take_diagnostics());
                Err(sorted(&reading.units, found))
            }
        }
    }

    pub(crate) fn runbook(
        &self,
        shelf: &Shelf,
        main: &str,
        given: &Map<Json>,
    ) -> Result<Runbook, Diagnostics> {
        let mut reading = self.read(shelf, main, given, Extent::Whole)?;
        let mut draft = reading.draft.lock();
        let runbook = if reading.ended {
            finish(&mut draft, &self.kinds)
        } else {
            if reading.gathered {
                check_given(&mut draft);
            }
            None
        };
        reading.found.extend(draft.take_diagnostics());
        match runbook.filter(|_| reading.found.is_empty()) {
            Some(mut runbook) => {
                runbook.sources.extend(pinned_lock(&reading.units, shelf));
                Ok(runbook)
            }
            None => Err(sorted(&reading.units, reading.found)),
        }
    }

    /// Evaluates on a thread of its own: how deep a script may nest must not depend on the stack of
    /// whoever calls.
    fn read(
        &self,
        shelf: &Shelf,
        main: &str,
        given: &Map<Json>,
        extent: Extent,
    ) -> Result<Reading, Diagnostics> {
        thread::scope(|scope| {
            let work = || self.read_here(shelf, main, given, extent);
            let thread = thread::Builder::new()
                .name("krun-script".to_owned())
                .stack_size(world::STACK)
                .spawn_scoped(scope, work);
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(reading)) => reading,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(error) => {
                    let message = format!("can't start a thread to read the runbook: {error}");
                    let place = Place::file(&shelf.shown(main));
                    Err(Diagnostic::new("krun::io", place, message).into())
                }
            }
        })
    }

    fn read_here(
        &self,
        shelf: &Shelf,
        main: &str,
        given: &Map<Json>,
        extent: Extent,
    ) -> Result<Reading, Diagnostics> {
        let mut engine = world::engine(&self.kinds);
        let draft = Shared::default();
        declare::register(&mut engine, &self.kinds, &draft);
        let mut found = vec![];
        let units = Units::gather(&engine, shelf, main, &mut found).map_err(|why| {
            let place = Place::file(&shelf.shown(main));
            Diagnostic::new("krun::io", place, why.message)
        })?;
        let units = Arc::new(units);
        let gathered = found.is_empty();
        found.extend(check::check(&engine, &units));
        let base = self.base.clone();
        *draft.lock() = Draft::new(units.clone(), base, given.clone(), extent);
        world::limit_time(&mut engine, self.patience);
        let ended = gathered && evaluate(&mut engine, &units, &draft, &found);
        Ok(Reading {
            draft,
            units,
            found,
            gathered,
            ended,
        })
    }
}

/// Runs the script; whether it came to its end.
fn evaluate(engine: &mut Engine, units: &Arc<Units>, draft: &Shared, found: &[Diagnostic]) -> bool {
    let Some(ast) = units.iter().next().and_then(|unit| unit.ast.as_ref()) else {
        return false;
    };
    engine.set_module_resolver(Gathered::new(units.clone()));
    let result = engine.run_ast_with_scope(&mut Scope::new(), ast);
    let mut draft = draft.lock();
    let ended = match result {
        Ok(()) => true,
        Err(error) => {
            let diagnostic = runtime::diagnostic(units, &error);
            let diagnostic = condition::named(&draft, diagnostic);
            let (file, line) = (&diagnostic.file, diagnostic.line);
            // What stopped the script may have been found before, in better words.
            let known = |d: &Diagnostic| d.file == *file && d.line == line;
            if !found.iter().any(known) && !draft.reported_at(file, diagnostic.offset) {
                draft.report(diagnostic);
            }
            false
        }
    };
    if draft.header.is_none() && (ended || units.sites.of("runbook").next().is_none()) {
        let place = units.source("").place(0, 0);
        draft.report(
            Diagnostic::new(
                "krun::no-runbook",
                place,
                "the file does not say `runbook(…)`",
            )
            .help("Begin it with `runbook(#{name: \"…\", version: \"…\", summary: \"…\"});`."),
        );
    }
    ended
}

fn on_disk(path: &Utf8Path) -> Result<(Shelf, String), Diagnostics> {
    Shelf::folder(path).map_err(|why| {
        let place = Place::file(path.as_str());
        Diagnostic::new("krun::io", place, why.message).into()
    })
}

/// Diagnostics in the order of the source, with the texts that they point into.
fn sorted(units: &Units, mut items: Vec<Diagnostic>) -> Diagnostics {
    let sources: Vec<_> = units
        .iter()
        .map(|unit| SourceText {
            file: unit.source.name.clone(),
            text: unit.source.text.clone(),
        })
        .collect();
    let rank = |file: &Arc<str>| sources.iter().position(|source| source.file == *file);
    items.sort_by_key(|item| (rank(&item.file), item.offset));
    Diagnostics { items, sources }
}
