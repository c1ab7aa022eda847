//! Comparisons with outputs: values that stand in `when:` and in an `assert` step, and nowhere else.
//!
//! Rhai hands the result of a comparison on to whatever asked for it, some of it native code that
//! takes anything that is no bool for false (`filter`, `contains`). So each comparison is kept in
//! mind, and one that never becomes a condition of a step is reported at the end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use krun_model::{Address, Condition, Value, condition::Relation};
use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, NativeCallContext};

use crate::{
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Shared},
    handle::{Opaque, Output, UNKNOWN_VALUE, unknown_value},
    secrets::{first_secret, looked_at},
    values::to_value,
};

/// The name of [`Test`] in Rhai's messages.
pub(crate) const TEST: &str = "condition";

const RELATIONS: &[Relation] = &[
    Relation::Equal,
    Relation::Different,
    Relation::Less,
    Relation::AtMost,
    Relation::Greater,
    Relation::AtLeast,
];

/// A condition that a script holds.
#[derive(Clone)]
pub(crate) struct Test {
    condition: Arc<Condition>,
    used: Arc<AtomicBool>,
}

/// A comparison that was made, so that one that led nowhere can be reported.
pub(crate) struct Made {
    place: Place,
    output: Option<Output>,
    used: Arc<AtomicBool>,
}

impl Test {
    /// The condition, for whom it becomes part of a step.
    pub fn take(&self) -> Condition {
        self.used.store(true, Ordering::Relaxed);
        Condition::clone(&self.condition)
    }

    /// A condition that is part of another one or of a step: it is used with it.
    fn made(draft: &mut Draft, place: Place, condition: Condition) -> Self {
        let used = Arc::new(AtomicBool::new(false));
        draft.tests.push(Made {
            place,
            output: first_output(&condition),
            used: used.clone(),
        });
        Self {
            condition: Arc::new(condition),
            used,
        }
    }
}

impl Opaque for Test {
    fn output(&self) -> Option<Output> {
        self.used.store(true, Ordering::Relaxed);
        first_output(&self.condition)
    }
}

fn first_output(condition: &Condition) -> Option<Output> {
    let mut first = None;
    condition.each_output(&mut |step: &Address, name: &str| {
        first.get_or_insert_with(|| Output {
            step: step.clone(),
            name: name.into(),
        });
    });
    first
}

/// What a value is as a condition: a bool, an output, or a comparison.
pub(crate) fn to_condition(value: &Dynamic) -> Option<Condition> {
    if let Ok(bool) = value.as_bool() {
        return Some(Condition::Is(Value::Bool(bool)));
    }
    if let Some(test) = value.read_lock::<Test>() {
        return Some(test.take());
    }
    if value.is::<Output>() {
        let output = to_value(value, &mut BTreeSet::new()).ok()?;
        return Some(Condition::Is(output));
    }
    None
}

/// Reports the comparisons that never became a condition of a step.
pub(crate) fn report_unused(draft: &mut Draft) {
    for made in std::mem::take(&mut draft.tests) {
        let used = made.used.load(Ordering::Relaxed);
        if !used && !draft.reported_at(&made.place.file, made.place.offset) {
            draft.report(unknown_value(made.place, made.output.as_ref()));
        }
    }
}

/// The diagnostic of a value that can't be looked at yet, with the output's name where the value is a
/// comparison that was just made there.
pub(crate) fn named(draft: &Draft, diagnostic: Diagnostic) -> Diagnostic {
    let last = draft.tests.last().filter(|made| {
        !made.used.load(Ordering::Relaxed)
            && made.place.file == diagnostic.file
            && made.place.line == diagnostic.line
    });
    match last {
        Some(made) if diagnostic.code == UNKNOWN_VALUE => {
            unknown_value(made.place.clone(), made.output.as_ref())
        }
        _ => diagnostic,
    }
}

/// Makes comparisons with outputs, and what combines them, known to an engine.
pub(crate) fn register(engine: &mut Engine, draft: &Shared) {
    engine.register_type_with_name::<Test>(TEST);
    for relation in RELATIONS {
        comparison(engine, draft, *relation);
    }
    let (shared, other) = (draft.clone(), draft.clone());
    engine.register_fn("!", move |cx: NativeCallContext, test: Test| {
        negated(&shared, &cx, test.take())
    });
    let shared = draft.clone();
    engine.register_fn("!", move |cx: NativeCallContext, output: Output| {
        let output = to_value(&Dynamic::from(output), &mut BTreeSet::new());
        negated(&shared, &cx, Condition::Is(output.unwrap_or(Value::Null)))
    });
    engine.register_fn("not", move |cx: NativeCallContext, value: Dynamic| {
        let condition = one(&other, &cx, "not", &value);
        folded(&other, &cx, Condition::Not(Box::new(condition)))
    });
    let shared = draft.clone();
    engine.register_fn("all_of", move |cx: NativeCallContext, parts: Array| {
        let parts = parts.iter().map(|part| one(&shared, &cx, "all_of", part));
        let parts = parts.collect();
        folded(&shared, &cx, Condition::All(parts))
    });
    let shared = draft.clone();
    engine.register_fn("any_of", move |cx: NativeCallContext, parts: Array| {
        let parts = parts.iter().map(|part| one(&shared, &cx, "any_of", part));
        let parts = parts.collect();
        folded(&shared, &cx, Condition::Any(parts))
    });
}

fn comparison(engine: &mut Engine, draft: &Shared, relation: Relation) {
    // With text and lists Rhai has operators of its own that take anything, so that those must be
    // named beside `Dynamic`.
    macro_rules! with {
        ($other:ty) => {
            let shared = draft.clone();
            engine.register_fn(
                relation.sign(),
                move |cx: NativeCallContext, a: Output, b: $other| {
                    compared(&shared, &cx, Dynamic::from(a), relation, b.into())
                },
            );
            let shared = draft.clone();
            engine.register_fn(
                relation.sign(),
                move |cx: NativeCallContext, a: $other, b: Output| {
                    compared(&shared, &cx, a.into(), relation, Dynamic::from(b))
                },
            );
        };
    }
    with!(Dynamic);
    with!(ImmutableString);
    with!(Array);
    with!(rhai::Map);
    with!(());
    with!(char);
    with!(FnPtr);
    let shared = draft.clone();
    engine.register_fn(
        relation.sign(),
        move |cx: NativeCallContext, a: Output, b: Output| {
            let (a, b) = (Dynamic::from(a), Dynamic::from(b));
            compared(&shared, &cx, a, relation, b)
        },
    );
}

fn compared(
    shared: &Shared,
    cx: &NativeCallContext,
    left: Dynamic,
    relation: Relation,
    right: Dynamic,
) -> Test {
    let steps = &mut BTreeSet::new();
    let values = if left.is::<Test>() || right.is::<Test>() {
        None
    } else {
        to_value(&left, steps)
            .ok()
            .zip(to_value(&right, steps).ok())
    };
    let mut draft = shared.lock();
    let place = draft.spot(cx).token();
    if let Some(name) = [&left, &right].into_iter().find_map(first_secret) {
        draft.report(looked_at(place.clone(), &name));
    }
    let condition = match values {
        Some((left, right)) => Condition::Compare {
            left,
            relation,
            right,
        },
        None => {
            let output = left.read_lock::<Output>().map(|output| output.clone());
            let output = output.or_else(|| Some(right.read_lock::<Output>()?.clone()));
            draft.report(unknown_value(place.clone(), output.as_ref()));
            Condition::Is(Value::Null)
        }
    };
    Test::made(&mut draft, place, condition)
}

fn negated(shared: &Shared, cx: &NativeCallContext, condition: Condition) -> Test {
    let mut draft = shared.lock();
    let place = draft.spot(cx).token();
    Test::made(&mut draft, place, Condition::Not(Box::new(condition)))
}

/// One part of a combination.
fn one(shared: &Shared, cx: &NativeCallContext, what: &str, value: &Dynamic) -> Condition {
    to_condition(value).unwrap_or_else(|| {
        let mut draft = shared.lock();
        let place = draft.spot(cx).arg(0);
        draft.report(
            Diagnostic::new(
                "krun::arg-type",
                place,
                format!("`{what}` combines bools, outputs, and comparisons with outputs"),
            )
            .label(format!("there is {} in it", value.type_name())),
        );
        Condition::Is(Value::Bool(false))
    })
}

/// A bool where that is known already, so that it may stand in an `if`.
fn folded(shared: &Shared, cx: &NativeCallContext, condition: Condition) -> Dynamic {
    use krun_model::condition::Verdict;
    match condition.verdict(&|_, _| None) {
        Ok(Verdict::Holds) => true.into(),
        Ok(Verdict::Fails) => false.into(),
        _ => {
            let mut draft = shared.lock();
            let place = draft.spot(cx).callee();
            Dynamic::from(Test::made(&mut draft, place, condition))
        }
    }
}
