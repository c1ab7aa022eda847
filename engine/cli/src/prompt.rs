//! Questions to a person. Without a terminal and without `--yes` nothing is assumed.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use krun_model::{Fault, FaultCode};

/// Asks before something is done that a person must agree to.
pub fn confirm(question: &str, yes: bool) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(
            Fault::new(FaultCode::NeedsConfirmation, "this needs a confirmation")
                .because("there is no terminal to ask on")
                .hint("Say yes beforehand with `--yes`."),
        );
    }
    let mut err = std::io::stderr();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Fault::new(FaultCode::Cancelled, "nothing was done").because("the answer was not yes"))
}

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for one of several words, by the word or its first letter; none where the answer is none of
/// them.
pub fn choose<T: Copy + std::fmt::Display>(question: &str, words: &[T]) -> Option<T> {
    let names: Vec<_> = words.iter().map(ToString::to_string).collect();
    let mut err = std::io::stderr();
    let _ = write!(err, "{question} [{}, or nothing] ", names.join("/"));
    let _ = err.flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    let answer = answer.trim().to_lowercase();
    let is = |name: &String| *name == answer || name.chars().take(1).eq(answer.chars());
    let at = names.iter().position(is)?;
    words.get(at).copied()
}
