//! What ended a guest badly, as a fault: which plugin, which function, why, and the guest's backtrace.

use krun_model::{Fault, FaultCode};
use wasmtime::{Trap, WasmBacktrace};

use crate::faults::clean;

/// How many frames of a backtrace are shown.
const FRAMES: usize = 12;

/// What was called.
pub(crate) struct Called<'a> {
    /// Name and version; a plugin has none before it was asked for them.
    pub plugin: Option<String>,
    pub function: &'a str,
    /// Of which kind.
    pub kind: Option<&'a str>,
}

/// The fault of a call that trapped, ran into a limit, or broke the contract.
pub(crate) fn fault(called: &Called<'_>, error: &wasmtime::Error, lines: &[String]) -> Fault {
    let with = |before: &str, word: Option<&str>, after: &str| {
        word.map(|word| format!("{before}{word}{after}"))
            .unwrap_or_default()
    };
    let what = format!(
        "the plugin{} failed in `{}`{}",
        with(" ", called.plugin.as_deref(), ""),
        called.function,
        with(" of `", called.kind, "`")
    );
    let mut fault = Fault::new(FaultCode::Plugin, what).because(why(error));
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let frames = backtrace.frames();
        let names = frames.iter().take(FRAMES).map(|frame| {
            let name = frame.func_name().map_or_else(
                || format!("function {}", frame.func_index()),
                |name| format!("{:#}", rustc_demangle::demangle(name)),
            );
            format!("  at {}", clean(&name))
        });
        let more = frames.len().saturating_sub(FRAMES);
        let rest = (more > 0).then(|| format!("  and {more} more"));
        fault = fault.evidence(names.chain(rest));
    }
    if !lines.is_empty() {
        let said = lines.iter().map(|line| format!("  {line}"));
        fault = fault.evidence(std::iter::once("it had said:".to_owned()).chain(said));
    }
    fault.hint("Nothing else is affected. Report it to the plugin's authors with these lines.")
}

/// What wasmtime says, in one line that a terminal can show: it repeats names that a component chose.
pub(crate) fn one_line(text: &str) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn why(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "it computed for longer than it may".into(),
        Some(Trap::StackOverflow) => "its calls nest too deep".into(),
        Some(Trap::UnreachableCodeReached) => "it gave up (a panic, or an assertion)".into(),
        Some(trap) => trap.to_string(),
        None => one_line(&error.root_cause().to_string()),
    }
}
