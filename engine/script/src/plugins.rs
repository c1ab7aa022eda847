//! `use_plugin("topic-policy")`: says that a runbook uses the kinds of a plugin.
//!
//! Owns which plugins a runbook names and the diagnostics of that. What a plugin is, and where its kinds
//! come from, is nothing that a script knows: whoever loads a runbook looks first which plugins it uses
//! ([`plugins_used`]) and brings their kinds.

use std::collections::BTreeSet;

use camino::Utf8Path;
use krun_model::{Digest, kind::Kinds, runbook::SourceFile};
use rhai::{Dynamic, Engine, NativeCallContext, Token};

use crate::{
    declare::at,
    diagnostic::Diagnostic,
    draft::{Draft, Shared, Spot},
    gather::Units,
    shelf::Shelf,
    world,
};

/// The function's name.
const USE_PLUGIN: &str = "use_plugin";

/// The file that pins a folder's plugins; a run pins it with the runbook that uses one.
pub const LOCK: &str = "krun.lock";

/// The plugins that a runbook and its imports name, sorted. What is wrong with the files is found when
/// they are loaded.
pub fn plugins_used(path: &Utf8Path) -> Vec<String> {
    Shelf::folder(path).map_or_else(|_| vec![], |(shelf, main)| named(&shelf, &main))
}

/// The plugins that pinned sources name, sorted.
pub fn plugins_used_in(sources: &[SourceFile]) -> Vec<String> {
    Shelf::pinned(sources.to_vec()).map_or_else(Vec::new, |(shelf, main)| named(&shelf, &main))
}

fn named(shelf: &Shelf, main: &str) -> Vec<String> {
    let mut engine = world::engine(&Kinds::default());
    #[expect(
        deprecated,
        reason = "Rhai marks what it may change so; a plugin's arguments may be words that it reserves"
    )]
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) => Token::Identifier(word),
        token => token,
    });
    match Units::gather(&engine, shelf, main, &mut vec![]) {
        Ok(units) => {
            let names = units
                .sites
                .of(USE_PLUGIN)
                .filter_map(|site| site.literal.clone());
            names.collect::<BTreeSet<_>>().into_iter().collect()
        }
        Err(_) => vec![],
    }
}

/// The lock's text, for the pin of a runbook that uses a plugin.
pub(crate) fn pinned_lock(units: &Units, shelf: &Shelf) -> Option<SourceFile> {
    units.sites.of(USE_PLUGIN).next()?;
    let text = shelf.read(LOCK).ok()?;
    Some(SourceFile {
        path: LOCK.to_owned(),
        digest: Digest::of(&*text),
        text,
    })
}

/// Adds the function.
pub(crate) fn register(engine: &mut Engine, kinds: &Kinds, draft: &Shared) {
    let modules: BTreeSet<String> = kinds
        .iter()
        .filter_map(|kind| kind.spec().name.split_once("::"))
        .map(|(module, _)| module.to_owned())
        .collect();
    let shared = draft.clone();
    engine.register_fn(USE_PLUGIN, move |cx: NativeCallContext, name: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        declare(&mut draft, &spot, &modules, &name);
    });
}

fn declare(draft: &mut Draft, spot: &Spot, modules: &BTreeSet<String>, name: &Dynamic) {
    draft.require_header(spot, USE_PLUGIN);
    let is_literal = spot.literal().is_some();
    let Some(name) = name.as_immutable_string_ref().ok().filter(|_| is_literal) else {
        let message = "the name of a plugin must be a plain string";
        draft.report(
            Diagnostic::new("krun::unknown-plugin", spot.arg(0), message)
                .help("Which plugins a runbook uses is known before it is evaluated."),
        );
        return;
    };
    if !modules.contains(&name.replace('-', "_")) {
        let message = format!("krun.lock, beside the runbook, has no plugin `{}`", *name);
        draft.report(
            Diagnostic::new("krun::unknown-plugin", spot.arg(0), message)
                .help("Add it: `krun plugin add FILE`. `krun plugin list` shows what is there."),
        );
    }
}
