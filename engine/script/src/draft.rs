//! The runbook while its script is evaluated: what was declared so far, and what is wrong with it.
//!
//! A declaration that is wrong is recorded and evaluation goes on, so that one reading finds as much
//! as it can.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use krun_model::{
    Address, Manner, Map, ParamSpec, Span, Value,
    runbook::{Gate, Phase},
    secret::SecretSpec,
};
use rhai::{NativeCallContext, Position};
use serde_json::Value as Json;

use crate::{
    condition::Made,
    diagnostic::{Diagnostic, Place},
    gather::Units,
    header::Header,
    moved::MovedDraft,
    paths::PathBase,
    site::Site,
};

/// More than this many diagnostics help nobody.
const MAX_DIAGNOSTICS: usize = 200;

/// A step as declared, before order is known.
#[derive(Debug)]
pub(crate) struct StepDraft {
    pub address: Address,
    pub kind: &'static str,
    /// Shared with the step's handle.
    pub args: Arc<Map<Value>>,
    /// Steps that handles and outputs name.
    pub needs: BTreeSet<Address>,
    /// Addresses that `after:` names as text; they may be declared later.
    pub after: Vec<(String, Place)>,
    pub doc: String,
    pub phase: Option<usize>,
    /// How many gates came before it.
    pub gate: usize,
    /// How the engine treats it.
    pub manner: Manner,
    pub place: Place,
    /// Whether its arguments fit the kind's schema.
    pub sound: bool,
}

impl StepDraft {
    /// Where it is declared.
    pub fn span(&self) -> Span {
        Span {
            file: self.place.file.clone(),
            line: self.place.line,
            column: self.place.column,
        }
    }
}

/// How much of a runbook is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What it is called: the script is ended once it has said so.
    Name,
    /// What it says of itself: parameters that nobody gave get a placeholder.
    Description,
    /// All of it.
    #[default]
    Whole,
}

/// What was declared so far.
#[derive(Default)]
pub(crate) struct Draft {
    pub units: Arc<Units>,
    pub base: Option<PathBase>,
    pub given: Map<Json>,
    pub extent: Extent,
    pub header: Option<Header>,
    pub params: Vec<ParamSpec>,
    pub values: Map<Json>,
    pub phases: Vec<Phase>,
    pub steps: Vec<StepDraft>,
    pub index: HashMap<Address, usize>,
    pub gates: Vec<Gate>,
    /// Where each checkpoint is declared first.
    pub checkpoints: HashMap<String, Place>,
    /// Addresses that steps had before.
    pub moved: Vec<MovedDraft>,
    /// Comparisons with outputs that were made.
    pub tests: Vec<Made>,
    /// How many of each group of steps may run at the same time, and where that is said first.
    pub serials: HashMap<String, (usize, Place)>,
    /// Secrets, each with where it is declared first.
    pub secrets: Vec<(SecretSpec, Place)>,
    diagnostics: Vec<Diagnostic>,
    seen: HashSet<(Arc<str>, usize, String)>,
}

impl Draft {
    /// A draft of which nothing is declared yet.
    pub fn new(units: Arc<Units>, base: PathBase, given: Map<Json>, extent: Extent) -> Self {
        Self {
            units,
            base: Some(base),
            given,
            extent,
            ..Self::default()
        }
    }

    /// Records that something is wrong; the same thing at the same place once.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let key = (
            diagnostic.file.clone(),
            diagnostic.offset,
            diagnostic.message.clone(),
        );
        if self.diagnostics.len() < MAX_DIAGNOSTICS && self.seen.insert(key) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether something wrong was recorded at a place already.
    pub fn reported_at(&self, file: &str, offset: usize) -> bool {
        self.diagnostics
            .iter()
            .any(|d| &*d.file == file && d.offset == offset)
    }

    /// Whether anything wrong was recorded.
    pub fn is_wrong(&self) -> bool {
        !self.diagnostics.is_empty()
    }

    /// What was recorded.
    pub fn take_diagnostics(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.diagnostics)
    }

    /// Where a native function was called.
    pub fn spot(&self, cx: &NativeCallContext) -> Spot {
        let main = || self.units.iter().next().map(|unit| &*unit.source.id);
        Spot {
            units: self.units.clone(),
            id: cx
                .call_source()
                .or_else(main)
                .unwrap_or_default()
                .to_owned(),
            position: cx.call_position(),
        }
    }

    /// Reports a declaration that comes before `runbook(…)`; once.
    pub fn require_header(&mut self, spot: &Spot, what: &str) {
        if self.header.is_none() {
            self.header = Some(Header::default());
            self.report(
                Diagnostic::new(
                    "krun::runbook-first",
                    spot.callee(),
                    format!("`{what}` stands before `runbook(…)`"),
                )
                .help("Begin the file with `runbook(#{name: \"…\", version: \"…\", summary: \"…\"});`."),
            );
        }
    }
}

/// The draft as native functions share it.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Draft>>);

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Draft> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a native function was called.
pub(crate) struct Spot {
    units: Arc<Units>,
    id: String,
    position: Position,
}

impl Spot {
    fn site(&self) -> Option<&Site> {
        self.units.sites.get(&self.id, self.position)
    }

    /// The token at the position itself: an operator, a property.
    pub fn token(&self) -> Place {
        self.units.source(&self.id).token_place(self.position)
    }

    fn range(&self, range: impl FnOnce(&Site) -> Option<&std::ops::Range<usize>>) -> Option<Place> {
        let range = range(self.site()?)?;
        Some(self.units.source(&self.id).place(range.start, range.end))
    }

    /// The called function's name.
    pub fn callee(&self) -> Place {
        self.range(|site| Some(&site.callee))
            .unwrap_or_else(|| self.token())
    }

    /// An argument; the function's name where it can't be found.
    pub fn arg(&self, index: usize) -> Place {
        self.range(|site| site.args.get(index))
            .unwrap_or_else(|| self.callee())
    }

    /// The first argument where it is a plain string.
    pub fn literal(&self) -> Option<&str> {
        self.site()?.literal.as_deref()
    }

    /// A key in the map of arguments; the function's name where it can't be found.
    pub fn key(&self, key: &str) -> Place {
        self.range(|site| site.entries.get(key).map(|(key, _)| key))
            .unwrap_or_else(|| self.callee())
    }

    /// The value of a key in the map of arguments.
    pub fn value(&self, key: &str) -> Place {
        self.range(|site| site.entries.get(key).map(|(_, value)| value))
            .unwrap_or_else(|| self.callee())
    }

    /// The text of a key's value in the map of arguments, in one line; none where the map is not
    /// written out in the call.
    pub fn value_text(&self, key: &str) -> Option<String> {
        let place = self.range(|site| site.entries.get(key).map(|(_, value)| value))?;
        let text = &self.units.source(&self.id).text;
        let text = text.get(place.offset..place.offset + place.len)?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The prose above the statement.
    pub fn doc(&self) -> String {
        let source = self.units.source(&self.id);
        let line = self.site().map_or_else(
            || source.line(source.offset(self.position)),
            |site| site.statement_line,
        );
        source.doc_above(line)
    }

    /// Whether the call stands in the runbook's own file.
    pub fn in_main(&self) -> bool {
        self.units
            .iter()
            .next()
            .is_none_or(|unit| unit.source.id == self.id)
    }

    /// The prose at the head of the file.
    pub fn head_doc(&self) -> String {
        self.units.source(&self.id).head_doc()
    }
}
