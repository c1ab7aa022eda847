//! The desk: answers what a guest asks, if a grant covers it. The only place that sees grants and hosts.

mod commands;
mod files;
mod http;
mod kafka;
mod keeping;
#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use krun_model::{
    Effect, Fault, FaultCode, ReadHost, TargetState, WriteHost,
    kind::{Progress, UndoClass},
};

pub(crate) use kafka::quota_of;
pub(crate) use keeping::{Keeping, fits};

use crate::{Clusters, Grant, Granted, Limits, faults::clean, grant::MachineName};

/// What one call may see and do.
pub(crate) struct Desk<'a> {
    /// The plugin's name, for messages.
    pub plugin: &'a str,
    /// What the kind says a rollback can do with what it does.
    pub undo: UndoClass,
    pub grants: &'a [Granted],
    pub limits: Limits,
    /// The machine that `look` and `act` are: what is granted on another one is not granted here.
    pub machine: &'a MachineName,
    pub look: &'a dyn ReadHost,
    /// None while nothing may be changed: no handle leads there then, and this says so once more.
    pub act: Option<&'a dyn WriteHost>,
    pub clusters: &'a dyn Clusters,
    pub progress: &'a dyn Progress,
    pub keeping: Keeping,
}

/// The longest pause in one question.
const MAX_PAUSE: Duration = Duration::from_secs(60);

impl Desk<'_> {
    pub(crate) async fn pause(&self, milliseconds: u32) -> Result<(), Fault> {
        let time = Duration::from_millis(milliseconds.into());
        self.look.pause(time.min(MAX_PAUSE)).await
    }

    pub(crate) async fn stopped(&self) -> Result<bool, Fault> {
        match self.look.pause(Duration::ZERO).await {
            Err(fault) if fault.code == FaultCode::Cancelled => Ok(true),
            other => other.map(|()| false),
        }
    }

    /// What is granted on this machine.
    fn granted(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter_map(|line| line.at(self.machine))
    }

    /// Whether a grant covers something on this machine.
    fn permit(&self, wanted: &Grant) -> Result<(), Fault> {
        match self.granted().any(|grant| grant.covers(wanted)) {
            true => Ok(()),
            false => Err(self.not_granted(wanted)),
        }
    }

    fn not_granted(&self, wanted: &Grant) -> Fault {
        let plugin = self.plugin;
        let wanted = Granted::on(wanted.clone(), self.machine);
        let elsewhere = self
            .grants
            .iter()
            .find(|line| line.grant.covers(&wanted.grant));
        let why = match elsewhere {
            Some(line) => format!("`{line}` in krun.lock is about another machine"),
            None => "no grant in krun.lock covers it".to_owned(),
        };
        Fault::new(
            FaultCode::NotGranted,
            format!("the plugin `{plugin}` may not {}", wanted.words()),
        )
        .because(why)
        .hint(format!(
            "If it is meant to, add the line `- {wanted}` to `grants:` of `{plugin}` in krun.lock."
        ))
    }

    /// Does what changes nothing, in the time for it.
    async fn in_time<T>(
        &self,
        what: &str,
        place: &str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let limit = self.limits.question;
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(
                Fault::new(FaultCode::Timeout, format!("{what} took too long"))
                    .at(clean(place))
                    .because(format!(
                        "one question of a plugin may take {} s",
                        limit.as_secs()
                    )),
            ),
        }
    }

    /// Changes something; not cut off, since what was begun has to come to its outcome.
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault> {
        let Some(host) = self.act else {
            return Err(Fault::internal(
                "a plugin's change arrived where nothing may be changed",
            ));
        };
        host.perform(effect).await
    }
}
