//! What went wrong, in the four parts that every error of krun has: what, where, why, what to do.

mod page;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use page::FaultPage;

/// The kind of a fault. Each has a page in the book and an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultCode {
    /// The command line, a parameter or a parameter file is wrong.
    Usage,
    /// `krun check` found something in the runbook.
    Script,
    /// A parameter marked identity differs from the deployment's.
    IdentityChanged,
    /// What the runbook needs of the machine is missing: Java, a tool, memory, rights, disk.
    Prerequisite,
    /// A port that a process should listen on is held by somebody else.
    PortTaken,
    /// The disk is full, or has less room than needed.
    DiskFull,
    /// A file or folder could not be read or written.
    Io,
    /// A command that krun ran ended with an error.
    Command,
    /// A download was cut, or is not what its checksum says.
    Download,
    /// A process ended, or said a known error, while it was starting.
    ProcessDied,
    /// Something did not happen in the time given.
    Timeout,
    /// What is there differs from what is wanted in a way that krun does not change by itself.
    Conflict,
    /// Something foreign changed what krun wrote; rollback would overwrite it.
    Drifted,
    /// What a plan in a file rests on is no longer so.
    PlanStale,
    /// Kafka or ZooKeeper refused or could not be reached.
    Cluster,
    /// A proof found that the cluster is not what it should be.
    ProofFailed,
    /// After apply, a check still finds a difference.
    NotConverged,
    /// Another krun holds the deployment.
    Locked,
    /// The state store is damaged.
    StateDamaged,
    /// The state store was written by a newer krun.
    StateNewer,
    /// The state store can't be read or written.
    State,
    /// An effect was begun and what is there now is neither before nor after it.
    InDoubt,
    /// The value of a secret can't be had.
    Secret,
    /// The key that sealed content with secrets is missing, or is another one.
    SecretKey,
    /// A plugin trapped, ran into a limit, broke its contract, or is not the one in `krun.lock`.
    Plugin,
    /// `krun.lock` does not grant a plugin what it asks for.
    NotGranted,
    /// A person is needed to confirm, and there is no terminal and no `--yes`.
    NeedsConfirmation,
    /// The run was told to stop.
    Cancelled,
    /// A defect in krun itself.
    Internal,
}

impl FaultCode {
    /// The code as users see it: `krun::port-taken`.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|v| v.as_str().map(|s| format!("krun::{s}")))
            .unwrap_or_default()
    }

    /// Whether such a fault can pass by itself, so that another attempt has a chance: something was
    /// not there yet, was busy, or could not be reached. What a person must change does not pass.
    pub fn can_pass(self) -> bool {
        match self {
            Self::PortTaken
            | Self::Command
            | Self::Download
            | Self::ProcessDied
            | Self::Timeout
            | Self::Cluster
            | Self::ProofFailed
            | Self::NotConverged => true,
            Self::Usage
            | Self::Script
            | Self::IdentityChanged
            | Self::Prerequisite
            | Self::DiskFull
            | Self::Io
            | Self::Conflict
            | Self::Drifted
            | Self::PlanStale
            | Self::Locked
            | Self::StateDamaged
            | Self::StateNewer
            | Self::State
            | Self::InDoubt
            | Self::Secret
            | Self::SecretKey
            | Self::Plugin
            | Self::NotGranted
            | Self::NeedsConfirmation
            | Self::Cancelled
            | Self::Internal => false,
        }
    }
}

/// An error: what failed, where, why, and what to do next.
///
/// `what` and `why` are lower-case fragments; hints are whole sentences on lines of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The kind of fault.
    pub code: FaultCode,
    /// What failed: reads well after "error: ".
    pub what: String,
    /// The file, port, step or process that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Lines of a log, or of a diff, that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

impl Fault {
    /// A fault of a kind, with what failed.
    pub fn new(code: FaultCode, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            place: None,
            why: None,
            hints: vec![],
            evidence: vec![],
        }
    }

    /// Adds the file, port, step or process that it is about.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Adds lines that show it.
    #[must_use]
    pub fn evidence(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    /// A defect in krun: something that other code was to rule out.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(FaultCode::Internal, what)
            .hint("This is a defect in krun; please report it with the run's journal.")
    }

    /// A fault from an I/O error on a path: a full disk and missing rights get their own words.
    pub fn io(what: impl Into<String>, path: impl fmt::Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let what = what.into();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Self::new(FaultCode::DiskFull, what)
                    .at(path)
                    .because(error)
                    .hint("Free some room on that filesystem, then run the same command again.")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::new(FaultCode::Io, what)
                    .at(path)
                    .because(error)
                    .hint("Choose a folder that this user can write, or change its rights.")
            }
            _ => Self::new(FaultCode::Io, what).at(path).because(error),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
