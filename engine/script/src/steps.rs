//! Step functions: `kafka::broker("broker-1", #{…})` declares a step and gives its handle back.

use std::{collections::BTreeSet, sync::Arc};

use krun_model::{
    Address, Condition, Kind, Map, Value,
    kind::KindSpec,
    names::{listed, nearest},
    schema::{ArgProblem, ArgSpec, ArgType, check_args},
};
use rhai::Dynamic;

use crate::{
    diagnostic::Diagnostic,
    draft::{Draft, Spot, StepDraft},
    handle::Handle,
    reserved::{RESERVED, Reserved},
    secrets::{KEPT, misplaced, refuse_in},
    values::to_value,
};

/// Declares a step.
pub(crate) fn declare(
    draft: &mut Draft,
    spot: &Spot,
    kind: &Kind,
    address: &Dynamic,
    args: &Dynamic,
) -> Handle {
    let spec = kind.spec();
    draft.require_header(spot, spec.name);
    let address = address_of(draft, spot, "a step's address", address, 0);
    let mut needs = BTreeSet::new();
    let mut values = Map::new();
    let mut unfit_keys = BTreeSet::new();
    let mut is_map = true;
    let mut reserved = Reserved::default();
    match args.as_map_ref() {
        Ok(map) => {
            let mut map = map.clone();
            reserved = Reserved::take(draft, spot, spec.name, &mut map);
            for (key, value) in &map {
                match to_value(value, &mut needs) {
                    Ok(value) => {
                        let value = as_condition(spec, key, value);
                        values.insert(key.to_string(), value);
                    }
                    Err(what) => {
                        draft.report(unfit(spot, spec, key, what));
                        unfit_keys.insert(key.to_string());
                        values.insert(key.to_string(), Value::Null);
                    }
                }
            }
        }
        Err(_) => {
            is_map = false;
            let message = format!("the arguments of `{}` must be a map", spec.name);
            draft.report(
                Diagnostic::new("krun::arg-type", spot.arg(1), message)
                    .help("Write them as `#{name: value}`."),
            );
        }
    }
    let mut problems = if is_map {
        check_args(spec.args, &values)
    } else {
        vec![]
    };
    problems.retain(|problem| match problem {
        ArgProblem::Missing(name) => !unfit_keys.contains(*name),
        _ => true,
    });
    let sound = is_map && unfit_keys.is_empty() && problems.is_empty();
    for problem in problems {
        draft.report(explain(spot, spec, problem));
    }
    // Without an address the step stays out of the draft; its handle lets the script go on.
    let Some(address) = address else {
        return Handle::unsound(unnamed(), kind);
    };
    if let Some(&first) = draft.index.get(&address) {
        let diagnostic = duplicate(spot, &address, draft.steps[first].place.clone());
        draft.report(diagnostic);
        return Handle::unsound(address, kind);
    }
    needs.extend(reserved.needs);
    let args = Arc::new(values);
    let handle = Handle::new(address.clone(), kind, args.clone(), sound);
    draft.index.insert(address.clone(), draft.steps.len());
    let step = StepDraft {
        address,
        kind: spec.name,
        args,
        needs,
        after: reserved.after,
        doc: spot.doc(),
        phase: draft.phases.len().checked_sub(1),
        gate: draft.gates.len(),
        manner: reserved.manner,
        place: spot.callee(),
        sound,
    };
    draft.steps.push(step);
    handle
}

/// An output alone where a condition is expected: whether it says something.
fn as_condition(spec: &KindSpec, key: &str, value: Value) -> Value {
    let wants_condition = |arg: &&ArgSpec| arg.name == key && arg.ty == ArgType::Condition;
    match value {
        Value::Output { .. } if spec.args.iter().any(|arg| wants_condition(&arg)) => {
            Value::Condition(Box::new(Condition::Is(value)))
        }
        value => value,
    }
}

/// An address that a script gives, or none and a diagnostic.
pub(crate) fn address_of(
    draft: &mut Draft,
    spot: &Spot,
    what: &str,
    given: &Dynamic,
    index: usize,
) -> Option<Address> {
    if refuse_in(draft, spot.arg(index), what, given) {
        return None;
    }
    let wrong = if let Ok(text) = given.as_immutable_string_ref() {
        match text.parse() {
            Ok(address) => return Some(address),
            Err(error) => format!("{error}"),
        }
    } else {
        format!("{what} must be a string")
    };
    draft.report(Diagnostic::new("krun::bad-address", spot.arg(index), wrong));
    None
}

fn unnamed() -> Address {
    #[expect(clippy::expect_used, reason = "a constant that is an address")]
    "unnamed".parse().expect("an address")
}

fn duplicate(spot: &Spot, address: &Address, first: crate::diagnostic::Place) -> Diagnostic {
    let message = format!("two steps have the address `{address}`");
    let place = spot.arg(0);
    let diagnostic = Diagnostic::new("krun::duplicate-address", place, message);
    if first == spot.callee() {
        return diagnostic
            .label("both are declared here")
            .help("Put what tells them apart (a broker's id, a host's name) into the address.");
    }
    diagnostic
        .related(first, "the first is declared here")
        .help("Give each step an address of its own.")
}

fn unfit(spot: &Spot, spec: &KindSpec, key: &str, what: &str) -> Diagnostic {
    let message = format!("`{key}` of `{}` contains {what}", spec.name);
    let diagnostic = Diagnostic::new("krun::arg-type", spot.value(key), message);
    if what == "a fraction" {
        return diagnostic.help("Arguments have whole numbers only; write a fraction as a string.");
    }
    diagnostic.help("Arguments are strings, whole numbers, bools, lists, maps, and steps' outputs.")
}

fn explain(spot: &Spot, spec: &KindSpec, problem: ArgProblem) -> Diagnostic {
    match problem {
        ArgProblem::Unknown(name) => {
            let known = || {
                spec.args
                    .iter()
                    .map(|arg| arg.name)
                    .chain(RESERVED.iter().copied())
            };
            let message = format!("`{}` has no argument `{name}`", spec.name);
            let diagnostic = Diagnostic::new("krun::unknown-arg", spot.key(&name), message);
            match nearest(&name, known()) {
                Some(near) => diagnostic.did_you_mean(Some(near)),
                None => diagnostic.help(format!("There is {}.", listed(known()))),
            }
        }
        ArgProblem::Missing(name) => {
            let doc = spec.args.iter().find(|arg| arg.name == name);
            let message = format!("`{}` must be given `{name}`", spec.name);
            let diagnostic = Diagnostic::new("krun::missing-arg", spot.callee(), message);
            match doc {
                Some(arg) if arg.doc.is_empty() => {
                    diagnostic.help(format!("It is {}.", arg.ty.words()))
                }
                Some(arg) => diagnostic.help(format!("It is {}: {}", arg.ty.words(), arg.doc)),
                None => diagnostic,
            }
        }
        ArgProblem::Secret { name, secret, path } => {
            let what = format!("`{name}` of `{}`", spec.name);
            let diagnostic = misplaced(spot.value(name), &what, &secret);
            match path {
                true => diagnostic.label("paths are journaled and shown").help(KEPT),
                false => diagnostic,
            }
        }
        ArgProblem::Type {
            name,
            wanted,
            found,
        } => {
            let message = format!("`{name}` of `{}` must be {wanted}", spec.name);
            Diagnostic::new("krun::arg-type", spot.value(name), message)
                .label(format!("this is {found}"))
        }
    }
}
