//! What a script can declare, as functions of the engine; each stands in a module of its own.

use std::{collections::BTreeMap, sync::Arc};

use krun_model::{
    Kind,
    kind::Kinds,
    runbook::{Gate, Phase},
};
use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use crate::{
    assertion, condition,
    diagnostic::Diagnostic,
    draft::{Draft, Extent, Shared, Spot},
    handle, header, moved, params, plugins, secrets, steps,
};

/// Adds everything that declares to an engine.
pub(crate) fn register(engine: &mut Engine, kinds: &Kinds, draft: &Shared) {
    handle::register(engine, draft);
    condition::register(engine, draft);
    secrets::register(engine, draft);

    let shared = draft.clone();
    let runbook = move |cx: NativeCallContext, given: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        header::declare(&mut draft, &spot, &given);
        if draft.extent == Extent::Name {
            let enough = EvalAltResult::ErrorTerminated(Dynamic::UNIT, cx.call_position());
            return Err(Box::new(enough));
        }
        Ok(())
    };
    engine.register_fn("runbook", runbook);
    let shared = draft.clone();
    engine.register_fn(
        "param",
        move |cx: NativeCallContext, name: Dynamic, given: Dynamic| {
            let (mut draft, spot) = at(&shared, &cx);
            params::declare(&mut draft, &spot, &name, &given)
        },
    );
    let shared = draft.clone();
    engine.register_fn("phase", move |cx: NativeCallContext, title: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        draft.require_header(&spot, "phase");
        let title = title_of(&mut draft, &spot, "phase", &title);
        let doc = spot.doc();
        draft.phases.push(Phase { title, doc });
    });
    let shared = draft.clone();
    engine.register_fn("gate", move |cx: NativeCallContext, title: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        draft.require_header(&spot, "gate");
        let name = title_of(&mut draft, &spot, "gate", &title);
        draft.gates.push(barrier(name, &spot, false));
    });
    let shared = draft.clone();
    engine.register_fn("checkpoint", move |cx: NativeCallContext, name: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        draft.require_header(&spot, "checkpoint");
        let name = title_of(&mut draft, &spot, "checkpoint", &name);
        let first = draft.checkpoints.get(&name).cloned();
        if let Some(first) = first {
            let message = format!("there is a checkpoint `{name}` already");
            let diagnostic = Diagnostic::new("krun::checkpoint", spot.arg(0), message);
            return draft.report(diagnostic.related(first, "first here"));
        }
        draft.checkpoints.insert(name.clone(), spot.arg(0));
        draft.gates.push(barrier(name, &spot, true));
    });
    let shared = draft.clone();
    engine.register_fn(
        "moved",
        move |cx: NativeCallContext, from: Dynamic, to: Dynamic| {
            let (mut draft, spot) = at(&shared, &cx);
            moved::declare(&mut draft, &spot, [&from, &to]);
        },
    );
    plugins::register(engine, kinds, draft);
    let mut root = Folder::default();
    for kind in kinds.iter() {
        root.add(kind.spec().name, kind);
    }
    root.register(engine, draft);
    assertion::register(engine, kinds.get("assert"), draft);
}

/// A barrier as declared; how many steps stand before it is known at the end.
fn barrier(name: String, spot: &Spot, checkpoint: bool) -> Gate {
    Gate {
        name,
        doc: spot.doc(),
        steps: 0,
        checkpoint,
    }
}

pub(crate) fn at<'a>(
    shared: &'a Shared,
    cx: &NativeCallContext,
) -> (std::sync::MutexGuard<'a, Draft>, Spot) {
    let draft = shared.lock();
    let spot = draft.spot(cx);
    (draft, spot)
}

fn title_of(draft: &mut Draft, spot: &Spot, what: &str, given: &Dynamic) -> String {
    if secrets::refuse_in(draft, spot.arg(0), &format!("the title of a {what}"), given) {
        return String::new();
    }
    match given.as_immutable_string_ref() {
        Ok(title) => title.to_string(),
        Err(_) => {
            let message = format!("the title of a {what} must be a string");
            draft.report(Diagnostic::new("krun::arg-type", spot.arg(0), message));
            String::new()
        }
    }
}

/// Kinds by the segments of their names.
#[derive(Default)]
struct Folder<'a> {
    kinds: Vec<(&'a str, &'a Kind)>,
    folders: BTreeMap<&'a str, Folder<'a>>,
}

impl<'a> Folder<'a> {
    fn add(&mut self, name: &'a str, kind: &'a Kind) {
        match name.split_once("::") {
            Some((head, rest)) => self.folders.entry(head).or_default().add(rest, kind),
            None => self.kinds.push((name, kind)),
        }
    }

    fn register(self, engine: &mut Engine, draft: &Shared) {
        for (name, kind) in self.kinds {
            engine.register_fn(name, step_function(kind, draft));
        }
        for (name, folder) in self.folders {
            engine.register_static_module(name, Arc::new(folder.module(draft)));
        }
    }

    fn module(self, draft: &Shared) -> Module {
        let mut module = Module::new();
        for (name, kind) in self.kinds {
            module.set_native_fn(name, step_function(kind, draft));
        }
        for (name, folder) in self.folders {
            module.set_sub_module(name, folder.module(draft));
        }
        module.build_index();
        module
    }
}

fn step_function(
    kind: &Kind,
    draft: &Shared,
) -> impl Fn(NativeCallContext, Dynamic, Dynamic) -> Result<Dynamic, Box<EvalAltResult>> + 'static {
    let (kind, shared) = (kind.clone(), draft.clone());
    move |cx, address, args| {
        let (mut draft, spot) = at(&shared, &cx);
        let handle = steps::declare(&mut draft, &spot, &kind, &address, &args);
        Ok(Dynamic::from(handle))
    }
}
