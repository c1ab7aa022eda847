//! The one place where errors become words and exit codes.

use std::{io::Write as _, process::ExitCode};

use krun_model::{Fault, FaultCode};
use krun_script::Diagnostics;

use crate::{context::Context, diagnostics};

/// What a command can end with.
#[derive(Debug)]
pub enum CliError {
    /// A fault.
    Fault(Box<Fault>),
    /// A runbook or a parameter file with errors, with source.
    Script(Box<Diagnostics>),
}

impl From<Fault> for CliError {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Script(Box::new(diagnostics))
    }
}

/// Everything is as wanted.
pub const DONE: u8 = 0;
/// Somebody else changed what a rollback would overwrite.
pub const CONFLICT: u8 = 6;
/// A rollback is incomplete.
pub const ROLLBACK_INCOMPLETE: u8 = 7;

/// The exit code of a fault: each has a page in the book.
pub fn exit_code(code: FaultCode) -> u8 {
    match code {
        FaultCode::Usage | FaultCode::IdentityChanged => 2,
        FaultCode::Script => 3,
        FaultCode::Prerequisite | FaultCode::PortTaken | FaultCode::DiskFull => 4,
        FaultCode::Locked => 5,
        FaultCode::Drifted | FaultCode::PlanStale => 6,
        FaultCode::StateDamaged | FaultCode::StateNewer | FaultCode::State => 8,
        FaultCode::InDoubt => 9,
        FaultCode::NeedsConfirmation => 10,
        FaultCode::Internal => 70,
        FaultCode::Cancelled => 130,
        FaultCode::Io
        | FaultCode::Command
        | FaultCode::Download
        | FaultCode::ProcessDied
        | FaultCode::Timeout
        | FaultCode::Conflict
        | FaultCode::Cluster
        | FaultCode::ProofFailed
        | FaultCode::NotConverged => 1,
    }
}

/// Clap's own exit: 0 for help and version, 2 for wrong usage.
pub fn clap_exit(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// Shows an error and gives its exit code.
pub fn show(context: &Context, error: &CliError) -> ExitCode {
    let (text, code) = match error {
        CliError::Fault(fault) => (
            krun_report::fault_text(fault, context.err_style),
            exit_code(fault.code),
        ),
        CliError::Script(found) => (
            diagnostics::text(found, context.err_style),
            diagnostics::exit_code(found),
        ),
    };
    if context.global.json {
        let object = match error {
            CliError::Fault(fault) => serde_json::json!({"event": "error", "fault": fault}),
            CliError::Script(found) => {
                serde_json::json!({"event": "error", "diagnostics": diagnostics::json(found)})
            }
        };
        context.print(&format!("{object}\n"));
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(code)
}
