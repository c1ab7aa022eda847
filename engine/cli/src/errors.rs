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

/// `krun plan --detailed-exitcode`: a run would change something.
pub const CHANGES: u8 = 2;
/// Everything is as wanted.
pub const DONE: u8 = 0;
/// Wrong usage, or a wrong parameter.
const USAGE: u8 = 2;
/// Wrong usage where 2 is an answer: that of `krun plan --detailed-exitcode`.
const USAGE_BESIDE_CHANGES: u8 = 1;

/// The exit code of wrong usage for a command line, which may be too wrong to be read by its grammar.
pub fn usage_code(arguments: &[std::ffi::OsString]) -> u8 {
    if arguments.iter().any(|word| word == "--detailed-exitcode") {
        USAGE_BESIDE_CHANGES
    } else {
        USAGE
    }
}

/// Somebody else changed what a rollback would overwrite.
pub const CONFLICT: u8 = 6;
/// An effect is in doubt.
pub const IN_DOUBT: u8 = 9;
/// The state store is damaged.
pub const STATE: u8 = 8;
/// A rollback is incomplete.
pub const ROLLBACK_INCOMPLETE: u8 = 7;

/// The exit code of a fault: each has a page in the book.
pub fn exit_code(code: FaultCode) -> u8 {
    match code {
        FaultCode::Usage | FaultCode::IdentityChanged => USAGE,
        FaultCode::Script => 3,
        FaultCode::Prerequisite
        | FaultCode::PortTaken
        | FaultCode::DiskFull
        | FaultCode::Secret
        | FaultCode::SecretKey => 4,
        FaultCode::Locked => 5,
        FaultCode::Drifted | FaultCode::PlanStale => 6,
        FaultCode::StateDamaged | FaultCode::StateNewer | FaultCode::State => 8,
        FaultCode::InDoubt => IN_DOUBT,
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
        | FaultCode::NotConverged
        | FaultCode::Plugin
        | FaultCode::NotGranted => 1,
    }
}

/// Clap's own exit: 0 for help and version, else that of wrong usage.
pub fn clap_exit(error: &clap::Error, usage: u8) -> ExitCode {
    if error.use_stderr() {
        ExitCode::from(usage)
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
    let _ = std::io::stderr().write_all(context.concealed(&text).as_bytes());
    exit(context, code)
}

/// An exit code, as this command line has it.
pub fn exit(context: &Context, code: u8) -> ExitCode {
    ExitCode::from(if code == USAGE { context.usage } else { code })
}
