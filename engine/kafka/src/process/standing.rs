//! How a server's process stands against what is wanted.

use krun_model::{
    Address, Change, Fault, FaultCode, Outputs, ReadHost,
    kind::{Check, StepRef},
    plan::DiffLine,
    process::Running,
};

use super::{Server, Started, differences, effective, server::jars};

/// What is wanted of a server, or what has to be there first.
pub enum Wanted {
    /// Everything is there.
    Known(Box<Started>),
    /// Something is not there yet: a fragment that says what.
    Missing(String),
}

impl Wanted {
    /// What is wanted, where everything must be there by now.
    ///
    /// # Errors
    /// What is not there.
    pub fn required(self, step: &Address) -> Result<Started, Fault> {
        match self {
            Self::Known(started) => Ok(*started),
            Self::Missing(why) => Err(Fault::new(FaultCode::Prerequisite, why).at(step)),
        }
    }
}

/// The finding that a server does not run.
pub fn absent() -> Check {
    Check::Drift {
        change: Change::Create,
        why: "the process is not running".to_owned(),
        diff: vec![DiffLine::new("process", None, "running")],
    }
}

/// The finding that a server runs and does not serve yet.
pub fn not_serving(why: &str) -> Check {
    Check::Drift {
        change: Change::Update,
        why: format!("it runs but does not serve yet: {why}"),
        diff: vec![],
    }
}

/// The finding that a server was started with something else.
pub fn outdated(before: Option<&Outputs>, wanted: &Outputs) -> Check {
    Check::Drift {
        change: Change::Restart,
        why: "it was started with something else than is wanted now".to_owned(),
        diff: differences(before, wanted),
    }
}

/// What a server of this step is to be started with.
///
/// # Errors
/// A configuration that Java would refuse, a folder that is no Kafka, a Java that is none.
pub async fn wanted(
    host: &dyn ReadHost,
    step: &StepRef<'_>,
    server: &Server<'_>,
) -> Result<Wanted, Fault> {
    let Some(settings) = effective(host, server.config).await? else {
        return Ok(Wanted::Missing(format!(
            "{} is not there yet",
            server.config
        )));
    };
    let Some(jars) = jars(host, server.home).await? else {
        return Ok(Wanted::Missing(format!(
            "the distribution {} is not there yet",
            server.home
        )));
    };
    let started = server.started(host, step, jars, settings).await?;
    Ok(Wanted::Known(Box::new(started)))
}

/// How a process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not run.
    Absent,
    /// It runs, started with something else.
    Other(Running),
    /// It runs, started with what is wanted; but krun was ended before it saw this process ready.
    Unseen,
    /// It runs, started with what is wanted, and was seen ready.
    Ready,
}

/// How a step's process stands against what is wanted.
///
/// # Errors
/// What the host reports.
pub async fn standing(
    host: &dyn ReadHost,
    started: &Started,
    step: &StepRef<'_>,
) -> Result<Standing, Fault> {
    let digest = started.spec.digest;
    Ok(match host.process(&started.spec.id).await? {
        None => Standing::Absent,
        Some(running) if running.digest != Some(digest) => Standing::Other(running),
        Some(_) => {
            let remembered = step.memory.and_then(|memory| memory.outputs.get("digest"));
            let seen = step.same_process
                && remembered.is_some_and(|seen| *seen == serde_json::json!(digest));
            if seen {
                Standing::Ready
            } else {
                Standing::Unseen
            }
        }
    })
}
