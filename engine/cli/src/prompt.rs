//! Questions to a person. Without a terminal and without `--yes` nothing is assumed.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use krun_model::{Fault, FaultCode};

/// Asks before something is done that a person must agree to.
pub fn confirm(question: &str, yes: bool) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
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
