//! The closed world that scripts run in: Rhai's engine without clock, randomness, environment, files
//! and output, and with limits on everything that can grow.
//!
//! Owns what the language leaves out, and why. Knows nothing of runbooks: what a script can declare
//! is added by [`crate::declare`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use krun_model::kind::Kinds;
use rhai::{
    Dynamic, Engine, EvalAltResult, FLOAT, INT, OptimizationLevel, Position, Token,
    packages::{
        BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage,
        MoreStringPackage, Package,
    },
};

/// How many operations a script may take; a runbook of a hundred thousand steps takes a few
/// million.
pub(crate) const MAX_OPERATIONS: u64 = 50_000_000;
/// How deep function calls may nest.
pub(crate) const MAX_CALL_LEVELS: usize = 32;
/// How deep an expression may nest.
pub(crate) const MAX_EXPRESSION_DEPTH: usize = 48;
/// The longest string, in bytes.
pub(crate) const MAX_STRING: usize = 1 << 20;
/// The longest array, what it contains counted. Rhai counts anew at each change, so that this bounds
/// time as well; and what can be nested is only bounded by it.
pub(crate) const MAX_ARRAY: usize = 20_000;
/// The largest map, what it contains counted.
pub(crate) const MAX_MAP: usize = 20_000;
/// How many variables may be in scope.
pub(crate) const MAX_VARIABLES: usize = 1_000;
/// How many imported files.
pub(crate) const MAX_MODULES: usize = 100;
/// How many functions a file may define.
pub(crate) const MAX_FUNCTIONS: usize = 1_000;
/// How long evaluation may take; ten thousand steps take a second at worst.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The stack of the thread that evaluates, in bytes: enough for all of the above at once, with
/// frames that are not optimised. Only what is used becomes memory.
pub(crate) const STACK: usize = 256 << 20;

/// Functions of Rhai that the language leaves out, each with the reason.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("debug", "a runbook prints nothing: it only declares steps"),
    ("eval", "a runbook says all it does in its own text"),
    ("exit", "a runbook is always read to its end"),
    ("print", "a runbook prints nothing: it only declares steps"),
    (
        "rand",
        "a runbook has no randomness: each reading must give the same steps",
    ),
    (
        "sleep",
        "a runbook does not wait: steps do, for what they name",
    ),
    (
        "timestamp",
        "a runbook has no clock: each reading must give the same steps",
    ),
];

/// Why a function is left out, if it is.
pub(crate) fn left_out(name: &str) -> Option<&'static str> {
    LEFT_OUT
        .iter()
        .find(|(left_out, _)| *left_out == name)
        .map(|(_, why)| *why)
}

/// Ends a script that takes longer than this. An operation on large data takes long, so that their
/// number alone does not bound the time. No runbook depends on it: one is read whole, or not at all.
pub(crate) fn limit_time(engine: &mut Engine, patience: Duration) {
    let start = Instant::now();
    engine.on_progress(move |operations| {
        let looks = operations % 64 == 0;
        (looks && start.elapsed() > patience).then_some(Dynamic::UNIT)
    });
}

/// The engine without anything to declare.
pub(crate) fn engine(kinds: &Kinds) -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);

    // Branches that don't run must stay in the tree, so that they are checked too.
    engine.set_optimization_level(OptimizationLevel::None);
    // Otherwise comparing a custom type with anything is silently false.
    engine.set_fast_operators(false);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_max_operations(MAX_OPERATIONS);
    engine.set_max_call_levels(MAX_CALL_LEVELS);
    engine.set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_DEPTH);
    engine.set_max_string_size(MAX_STRING);
    engine.set_max_array_size(MAX_ARRAY);
    engine.set_max_map_size(MAX_MAP);
    engine.set_max_variables(MAX_VARIABLES);
    engine.set_max_modules(MAX_MODULES);
    engine.set_max_functions(MAX_FUNCTIONS);
    // Rhai searches the whole cache for each string once it is full: a runbook that makes an address a
    // step fills any cache.
    engine.set_max_strings_interned(0);

    deny(&mut engine);
    free_words(&mut engine, kinds);
    engine
}

/// What a function that is left out throws: its name, and why.
#[derive(Clone, Debug)]
pub(crate) struct Denied(pub &'static str, pub &'static str);

/// What is reached under a name that only shows when it is called, such as `Fn("sleep")`.
fn deny(engine: &mut Engine) {
    fn denied(name: &'static str) -> Result<Dynamic, Box<EvalAltResult>> {
        let denied = Denied(name, left_out(name).unwrap_or_default());
        Err(EvalAltResult::ErrorRuntime(Dynamic::from(denied), Position::NONE).into())
    }
    engine.register_fn("sleep", |_: INT| denied("sleep"));
    engine.register_fn("sleep", |_: FLOAT| denied("sleep"));
    engine.register_fn("exit", || denied("exit"));
    engine.register_fn("exit", |_: Dynamic| denied("exit"));
}

/// Rhai reserves words that it does not use; those that are names here become ordinary ones.
fn free_words(engine: &mut Engine, kinds: &Kinds) {
    let mut free = BTreeSet::from(["default"]);
    for kind in kinds.iter() {
        let spec = kind.spec();
        free.extend(spec.name.split("::"));
        free.extend(spec.args.iter().map(|arg| arg.name));
        free.extend(spec.outputs.iter().map(|output| output.name));
    }
    #[expect(
        deprecated,
        reason = "Rhai marks what it may change so; there is no other way to free a reserved word"
    )]
    engine.on_parse_token(move |token, _, _| match token {
        Token::Reserved(word) if free.contains(word.as_str()) => Token::Identifier(word),
        token => token,
    });
}
