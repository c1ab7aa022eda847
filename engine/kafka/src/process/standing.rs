//! How a server's process stands against what is wanted.

use krun_model::{Fault, Outputs, ReadHost, kind::StepRef, process::Running};

use super::{Server, Started, effective, server::jars};

/// What is wanted of a server, or what has to be there first.
pub enum Wanted {
    /// Everything is there.
    Known(Box<Started>),
    /// Something is not there yet: a fragment that says what.
    Missing(String),
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
    let Some(jars) = jars(host, server.home).await? else {
        return Ok(Wanted::Missing(format!(
            "the distribution {} is not there yet",
            server.home
        )));
    };
    let Some(settings) = effective(host, server.config).await? else {
        return Ok(Wanted::Missing(format!(
            "{} is not there yet",
            server.config
        )));
    };
    let started = server
        .started(host, step.process_id(), jars, settings)
        .await?;
    Ok(Wanted::Known(Box::new(started)))
}

/// How a process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not run.
    Absent,
    /// It runs, started with something else.
    Other(Running),
    /// It runs, started with what is wanted; but krun was ended before it saw it ready.
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
    remembered: Option<&Outputs>,
) -> Result<Standing, Fault> {
    let digest = started.spec.digest;
    Ok(match host.process(&started.spec.id).await? {
        None => Standing::Absent,
        Some(running) if running.digest != Some(digest) => Standing::Other(running),
        Some(_) => {
            let seen = remembered
                .and_then(|outputs| outputs.get("digest"))
                .is_some_and(|seen| *seen == serde_json::json!(digest));
            if seen {
                Standing::Ready
            } else {
                Standing::Unseen
            }
        }
    })
}
