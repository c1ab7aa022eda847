//! What a step function gives back: a handle, and outputs that no script can look at.
//!
//! An output is known only once its step ran. Rhai would compare and print a custom type without
//! asking, so every operator is registered, and refuses.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use krun_model::{
    Address, Kind, Map, Value,
    names::{listed, nearest},
    schema::OutputSpec,
};
use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Module, NativeCallContext,
    Position,
};

use crate::{
    condition::Test,
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Shared},
    rewrite::SEEN_BY_SWITCH,
    secrets::{Secret, first_secret, looked_at},
    values::{to_dynamic, to_json, to_value},
};

/// The name of [`Output`] in Rhai's messages.
pub(crate) const OUTPUT: &str = "output";
/// The name of [`Handle`] in Rhai's messages.
pub(crate) const HANDLE: &str = "step";

/// What a script holds of a step.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Held>);

struct Held {
    address: Address,
    kind: Kind,
    args: Arc<Map<Value>>,
    /// Made when a script first asks for a property: most handles are never asked.
    computed: OnceLock<Map<Value>>,
    sound: bool,
}

impl Held {
    fn computed(&self) -> &Map<Value> {
        self.computed.get_or_init(|| match self.sound {
            true => self.kind.common().computed(&self.args),
            false => Map::new(),
        })
    }

    fn outputs(&self) -> &'static [OutputSpec] {
        if self.sound {
            self.kind.spec().outputs
        } else {
            &[]
        }
    }
}

impl Handle {
    /// The handle of a step; of one that is not sound, whatever it is asked for stays unknown.
    pub fn new(address: Address, kind: &Kind, args: Arc<Map<Value>>, sound: bool) -> Self {
        Self(Arc::new(Held {
            address,
            kind: kind.clone(),
            args,
            computed: OnceLock::new(),
            sound,
        }))
    }

    /// The handle of a step that is wrong already and not declared.
    pub fn unsound(address: Address, kind: &Kind) -> Self {
        Self::new(address, kind, Arc::default(), false)
    }

    /// The step's address.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Whether a property has this value already. After a method was called on a property, Rhai sets
    /// it, changed or not.
    fn has(&self, name: &str, value: &Dynamic) -> bool {
        let held = Output {
            step: self.0.address.clone(),
            name: name.into(),
        };
        let steps = &mut BTreeSet::new();
        let computed = self.0.computed().get(name).cloned();
        let held = computed.or_else(|| to_value(&Dynamic::from(held), steps).ok());
        held == to_value(value, steps).ok()
    }

    fn property(&self, draft: &mut Draft, place: Place, name: &str) -> Dynamic {
        if name == "address" {
            return self.0.address.as_str().into();
        }
        if let Some(value) = self.0.computed().get(name) {
            return to_dynamic(value);
        }
        if self.0.sound && !self.0.outputs().iter().any(|output| output.name == name) {
            let known = || {
                let computed = self.0.computed().keys().map(String::as_str);
                computed
                    .chain(self.0.outputs().iter().map(|output| output.name))
                    .chain(["address"])
            };
            let message = format!(
                "a step of kind `{}` has no `{name}`",
                self.0.kind.spec().name
            );
            let all = format!("There is {}.", listed(known()));
            draft.report(
                Diagnostic::new("krun::unknown-output", place, message).help(
                    match nearest(name, known()) {
                        Some(near) => format!("Did you mean `{near}`? {all}"),
                        None => all,
                    },
                ),
            );
        }
        Dynamic::from(Output {
            step: self.0.address.clone(),
            name: name.into(),
        })
    }
}

/// What a step will say once it ran.
#[derive(Clone)]
pub(crate) struct Output {
    /// The step.
    pub step: Address,
    /// The output's name.
    pub name: ImmutableString,
}

/// What a script can hold and hand on, and not look at.
pub(crate) trait Opaque: Clone + Send + Sync + 'static {
    /// What its type is called in Rhai's messages.
    const NAME: &'static str = OUTPUT;

    /// The output that keeps it from being known.
    fn output(&self) -> Option<Output>;

    /// The diagnostic of looking at it.
    fn refusal(&self, place: Place) -> Diagnostic {
        unknown_value(place, self.output().as_ref())
    }
}

impl Opaque for Output {
    fn output(&self) -> Option<Output> {
        Some(self.clone())
    }
}

/// Operators that yield a value.
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>"];
/// The same without the one that puts texts together.
const ARITHMETIC_BUT_PLUS: &[&str] = &["-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>"];
/// Operators that yield a bool.
const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

/// The code of that.
pub(crate) const UNKNOWN_VALUE: &str = "krun::unknown-value";

/// The diagnostic of looking at an output.
pub(crate) fn unknown_value(place: Place, output: Option<&Output>) -> Diagnostic {
    let message = match output {
        Some(Output { step, name }) => {
            format!("`{name}` of `{step}` is known only after that step ran")
        }
        None => "a step's output is known only after the step ran".to_owned(),
    };
    Diagnostic::new(UNKNOWN_VALUE, place, message)
        .label("a script can't look at it")
        .help("Hand it on as an argument of another step, or compare it in a step's `when:`.")
}

type Native<T> = Result<T, Box<EvalAltResult>>;

/// Makes both types known to an engine.
pub(crate) fn register(engine: &mut Engine, draft: &Shared) {
    engine.register_type_with_name::<Handle>(HANDLE);
    engine.register_type_with_name::<Output>(OUTPUT);
    handles(engine, draft);
    texts::<Output>(engine, draft);
    texts::<Test>(engine, draft);
    json(engine, draft);
    operators::<Output>(engine, draft, ARITHMETIC);
    operators::<Test>(engine, draft, ARITHMETIC);
    operators::<Test>(engine, draft, COMPARISONS);
    operators::<Secret>(engine, draft, ARITHMETIC_BUT_PLUS);
    operators::<Secret>(engine, draft, COMPARISONS);
    properties::<Output>(engine, draft);
    properties::<Test>(engine, draft);
    properties::<Secret>(engine, draft);
    switches(engine, draft);
}

fn handles(engine: &mut Engine, draft: &Shared) {
    let shared = draft.clone();
    let property = move |cx: NativeCallContext, handle: &mut Handle, name: ImmutableString| {
        let mut draft = shared.lock();
        let place = draft.spot(&cx).token();
        handle.property(&mut draft, place, &name)
    };
    engine.register_indexer_get(property.clone());
    // Every value of Rhai has a property `tag`, which would win over an output of that name.
    engine.register_get("tag", move |cx: NativeCallContext, handle: &mut Handle| {
        property(cx, handle, "tag".into())
    });
    let shared = draft.clone();
    engine.register_indexer_set(
        move |cx: NativeCallContext, handle: &mut Handle, name: ImmutableString, new: Dynamic| {
            if handle.has(&name, &new) {
                return;
            }
            let mut draft = shared.lock();
            let place = draft.spot(&cx).token();
            let message = format!("`{name}` of a step can't be set");
            draft.report(
                Diagnostic::new("krun::read-only", place, message)
                    .help("Give it among the arguments of the step."),
            );
        },
    );
    engine.register_fn("==", |a: Handle, b: Handle| a.address() == b.address());
    engine.register_fn("!=", |a: Handle, b: Handle| a.address() != b.address());
    for name in [rhai::FUNC_TO_STRING, rhai::FUNC_TO_DEBUG] {
        engine.register_fn(name, |handle: &mut Handle| handle.address().to_string());
    }
}

/// Everything that would make a text of it.
fn texts<T: Opaque>(engine: &mut Engine, draft: &Shared) {
    for name in [rhai::FUNC_TO_STRING, rhai::FUNC_TO_DEBUG] {
        let shared = draft.clone();
        engine.register_fn(name, move |cx: NativeCallContext, opaque: &mut T| {
            refuse(&shared, &cx, opaque);
            String::new()
        });
    }
}

fn json(engine: &mut Engine, draft: &Shared) {
    let shared = draft.clone();
    engine.register_fn(
        "to_json",
        move |cx: NativeCallContext, map: &mut rhai::Map| -> Native<String> {
            let map = Dynamic::from(map.clone());
            if let Some(output) = first_output(&map) {
                refuse(&shared, &cx, &output);
                return Ok(String::new());
            }
            if let Some(name) = first_secret(&map) {
                let mut draft = shared.lock();
                let place = draft.spot(&cx).token();
                draft.report(looked_at(place, &name));
                return Ok(String::new());
            }
            let json = to_json(&map).map_err(|what| format!("JSON can't contain {what}"))?;
            Ok(json.to_string())
        },
    );
}

/// Operators that can't be applied to something a script can't look at.
fn operators<T: Opaque>(engine: &mut Engine, draft: &Shared, names: &[&str]) {
    fn all<T: Opaque>(engine: &mut Engine, name: &str, draft: &Shared) {
        let act = |shared: Shared| {
            move |cx: &NativeCallContext, opaque: T| {
                refuse(&shared, cx, &opaque);
                opaque
            }
        };
        // With text and lists Rhai has operators of its own that take anything, so that those must
        // be named beside `Dynamic`.
        macro_rules! with {
            ($other:ty) => {
                let refuse = act(draft.clone());
                engine.register_fn(name, move |cx: NativeCallContext, a: T, _: $other| {
                    refuse(&cx, a)
                });
                let refuse = act(draft.clone());
                engine.register_fn(name, move |cx: NativeCallContext, _: $other, b: T| {
                    refuse(&cx, b)
                });
            };
        }
        with!(Dynamic);
        with!(ImmutableString);
        with!(Array);
        with!(rhai::Map);
        with!(());
        with!(char);
        with!(FnPtr);
        let refuse = act(draft.clone());
        engine.register_fn(name, move |cx: NativeCallContext, a: T, _: T| {
            refuse(&cx, a)
        });
    }
    for name in names {
        all::<T>(engine, name, draft);
    }
    for name in ["-", "+"] {
        let shared = draft.clone();
        engine.register_fn(name, move |cx: NativeCallContext, opaque: T| {
            refuse(&shared, &cx, &opaque);
            opaque
        });
    }
}

/// Properties and loops.
fn properties<T: Opaque>(engine: &mut Engine, draft: &Shared) {
    let shared = draft.clone();
    engine.register_indexer_get(move |cx: NativeCallContext, opaque: &mut T, _: Dynamic| {
        refuse(&shared, &cx, opaque);
        opaque.clone()
    });
    let mut loops = Module::new();
    loops.set_iter_result(std::any::TypeId::of::<T>(), |_| {
        let error = EvalAltResult::ErrorMismatchDataType(
            "array".to_owned(),
            T::NAME.to_owned(),
            Position::NONE,
        );
        Box::new(std::iter::once(Err(error.into())))
    });
    engine.register_global_module(loops.into());
}

fn switches(engine: &mut Engine, draft: &Shared) {
    let shared = draft.clone();
    engine.register_fn(
        SEEN_BY_SWITCH,
        move |cx: NativeCallContext, value: Dynamic| {
            if let Some(output) = first_output(&value) {
                let mut draft = shared.lock();
                let place = draft.spot(&cx).arg(0);
                draft.report(unknown_value(place, Some(&output)));
            }
            if let Some(name) = first_secret(&value) {
                let mut draft = shared.lock();
                let place = draft.spot(&cx).arg(0);
                draft.report(looked_at(place, &name));
            }
            value
        },
    );
}

/// Reports that something is looked at which no script can look at.
pub(crate) fn refuse(shared: &Shared, cx: &NativeCallContext, opaque: &impl Opaque) {
    let mut draft = shared.lock();
    let place = draft.spot(cx).token();
    draft.report(opaque.refusal(place));
}

/// An output somewhere in a value.
fn first_output(value: &Dynamic) -> Option<Output> {
    if let Some(output) = value.read_lock::<Output>() {
        return Some(output.clone());
    }
    if let Some(test) = value.read_lock::<Test>() {
        return test.output();
    }
    if let Ok(list) = value.as_array_ref() {
        return list.iter().find_map(first_output);
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().find_map(first_output);
    }
    None
}
