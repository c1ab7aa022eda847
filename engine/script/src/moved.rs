//! `moved("old/address", "new/address")`: a step that is called something else now keeps its history.
//!
//! Owns what can be wrong with it within one script. Whether a history can really move is decided
//! against the journal.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::{Address, Span, names::nearest, reconcile::Moved};
use rhai::Dynamic;

use crate::{
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Spot},
};

const CODE: &str = "krun::moved";

/// A move as declared.
#[derive(Clone, Debug)]
pub(crate) struct MovedDraft {
    pub from: (Address, Place),
    pub to: (Address, Place),
}

/// Declares a move.
pub(crate) fn declare(draft: &mut Draft, spot: &Spot, given: [&Dynamic; 2]) {
    draft.require_header(spot, "moved");
    let mut read = |at: usize| {
        let place = spot.arg(at);
        let wrong = match given[at].as_immutable_string_ref() {
            Ok(text) => match text.parse::<Address>() {
                Ok(address) => return Some((address, place)),
                Err(error) => error.to_string(),
            },
            Err(_) => "an address must be a string".to_owned(),
        };
        draft.report(Diagnostic::new(CODE, place, wrong));
        None
    };
    let (from, to) = (read(0), read(1));
    if let (Some(from), Some(to)) = (from, to) {
        draft.moved.push(MovedDraft { from, to });
    }
}

/// Reports moves that contradict each other, or the steps that there are.
pub(crate) fn check(draft: &mut Draft) {
    let moves = draft.moved.clone();
    let mut from = BTreeMap::<&Address, &MovedDraft>::new();
    let mut to = BTreeMap::<&Address, &MovedDraft>::new();
    let mut found = vec![];
    for one in &moves {
        let (address, place) = &one.from;
        if draft.index.contains_key(address) {
            let message = format!("there is still a step `{address}`, which has its own history");
            let diagnostic = Diagnostic::new(CODE, place.clone(), message);
            found.push(diagnostic.help("Give the step that is new another address."));
        }
        if let Some(first) = from.get(address) {
            let message = format!("`{address}` is moved twice");
            let diagnostic = Diagnostic::new(CODE, place.clone(), message);
            found.push(diagnostic.related(first.from.1.clone(), "first here"));
        }
        from.entry(address).or_insert(one);
        let (address, place) = &one.to;
        if let Some(first) = to.get(address) {
            let message = format!("two addresses are moved to `{address}`");
            let diagnostic = Diagnostic::new(CODE, place.clone(), message);
            found.push(diagnostic.related(first.to.1.clone(), "first here"));
        }
        to.entry(address).or_insert(one);
    }
    for one in &moves {
        let (address, place) = &one.to;
        if goes_round(one, &from) {
            let message = format!("the moves from `{}` go round in a circle", one.from.0);
            found.push(Diagnostic::new(CODE, one.from.1.clone(), message));
        } else if !draft.index.contains_key(address) && !from.contains_key(address) {
            let message = format!("there is no step `{address}`");
            let steps = draft.index.keys().map(Address::as_str);
            let diagnostic = Diagnostic::new(CODE, place.clone(), message);
            found.push(match nearest(address.as_str(), steps) {
                Some(near) => diagnostic.did_you_mean(Some(near)),
                None => diagnostic.help(
                    "If the step is declared only for some parameters, say `moved` where it is.",
                ),
            });
        }
    }
    found.into_iter().for_each(|one| draft.report(one));
}

fn goes_round(start: &MovedDraft, from: &BTreeMap<&Address, &MovedDraft>) -> bool {
    let mut seen = BTreeSet::from([&start.from.0]);
    let mut at = &start.to.0;
    loop {
        if !seen.insert(at) {
            return true;
        }
        match from.get(at) {
            Some(next) => at = &next.to.0,
            None => return false,
        }
    }
}

/// The moves as data.
pub(crate) fn finish(draft: &mut Draft) -> Vec<Moved> {
    let moves = std::mem::take(&mut draft.moved).into_iter();
    moves
        .map(|one| Moved {
            from: one.from.0,
            to: one.to.0,
            span: Span {
                file: one.from.1.file,
                line: one.from.1.line,
                column: one.from.1.column,
            },
        })
        .collect()
}
