//! `assert`: what must hold, known now or once other steps ran.
//!
//! `assert(condition, "message")` ends the reading where a condition on what is known does not hold;
//! `assert("address", #{that: …, message: "…"})` is a step.

use krun_model::Kind;
use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};

use crate::{
    condition::Test,
    declare::at,
    diagnostic::Diagnostic,
    draft::{Draft, Shared, Spot},
    handle::{Opaque as _, Output, unknown_value},
    steps,
};

/// Adds `assert` to an engine, in both its forms where there is a kind for the second.
pub(crate) fn register(engine: &mut Engine, kind: Option<&Kind>, draft: &Shared) {
    let (kind, shared) = (kind.cloned(), draft.clone());
    engine.register_fn(
        "assert",
        move |cx: NativeCallContext,
              first: Dynamic,
              second: Dynamic|
              -> Result<Dynamic, Box<EvalAltResult>> {
            let (mut draft, spot) = at(&shared, &cx);
            Ok(match &kind {
                Some(kind) if first.is_string() && second.is_map() => {
                    Dynamic::from(steps::declare(&mut draft, &spot, kind, &first, &second))
                }
                _ => {
                    holds(&mut draft, &spot, &first, &second);
                    Dynamic::UNIT
                }
            })
        },
    );
}

fn holds(draft: &mut Draft, spot: &Spot, condition: &Dynamic, message: &Dynamic) {
    let output = condition.read_lock::<Output>().map(|output| output.clone());
    let output = output.or_else(|| condition.read_lock::<Test>()?.output());
    if let Some(output) = output {
        draft.report(unknown_value(spot.arg(0), Some(&output)).help(
            "Make it a step: `assert(\"an/address\", #{that: …, message: \"…\"})`, which is checked \
             once the outputs are known.",
        ));
        return;
    }
    let diagnostic = match (condition.as_bool(), message.as_immutable_string_ref()) {
        (Ok(true), Ok(_)) => return,
        (Ok(false), Ok(message)) => {
            Diagnostic::new("krun::assert", spot.arg(0), message.to_string())
                .label("this does not hold")
        }
        (Ok(_), Err(_)) => Diagnostic::new(
            "krun::arg-type",
            spot.arg(1),
            "the message of an `assert` must be a string",
        ),
        (Err(_), _) => Diagnostic::new(
            "krun::arg-type",
            spot.arg(0),
            "`assert` takes a bool and a message, or an address and a map",
        ),
    };
    draft.report(diagnostic);
}
