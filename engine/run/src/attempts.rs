//! The attempts at one step: how often, and what is waited between them.
//!
//! An attempt that failed is in the journal before the next begins. What it left without an outcome
//! is probed, as after a crash; what it did stays done, and the next attempt looks anew.

use std::time::Duration;

use krun_model::{
    Address, Digest, Entry, Event, Fault, Step,
    journal::Again,
    manner::{Manner, Retry},
};

use crate::{
    execute::{RunCx, StepEnd},
    in_hand::Limit,
    probe,
};

impl RunCx {
    /// Brings one step about, with as many attempts as it may have.
    pub(crate) async fn execute(&self, at: usize) -> Result<StepEnd, Fault> {
        let step = &self.runbook.steps[at];
        let mut attempt = 1;
        loop {
            let limit = Limit::from_now(&step.address, step.manner.timeout_ms);
            let fault = match self.attempt(at, &limit).await {
                Ok(end) => {
                    self.settle_what_was_left(step, &end).await?;
                    return Ok(end);
                }
                Err(fault) => fault,
            };
            let again = again(&step.manner, attempt, &fault, luck(&step.address, attempt));
            let Some(again) = again.filter(|_| !self.session.cancelled()) else {
                return Err(numbered(fault, attempt));
            };
            self.say_again(at, &fault, again).await?;
            let wait = Duration::from_millis(again.wait_ms);
            let paused = self.session.machine.pause(wait).await;
            paused.map_err(|stopped| stopped.at(&step.address))?;
            probe::settle_step(&self.session, &step.address).await?;
            attempt += 1;
        }
    }

    /// A killed run may have left intents on a cluster that could not be seen when this one began. Now
    /// that the step is done it can be, and what is found is written down.
    async fn settle_what_was_left(&self, step: &Step, end: &StepEnd) -> Result<(), Fault> {
        let left = {
            let history = self.session.ledger.history();
            history.pending.iter().any(|one| one.step == step.address)
        };
        if left && !end.reason.is_skip() {
            probe::settle_step(&self.session, &step.address).await?;
        }
        Ok(())
    }

    async fn say_again(&self, at: usize, fault: &Fault, again: Again) -> Result<(), Fault> {
        let step = self.runbook.steps[at].address.clone();
        let entry = Entry::StepFailed {
            step: step.clone(),
            fault: fault.clone(),
            again: Some(again),
        };
        self.session.ledger.append(self.run, entry, false).await?;
        self.session.events.send(Event::StepRetried {
            step,
            again,
            fault: fault.clone(),
        });
        Ok(())
    }
}

/// What follows a failed attempt, if another does.
fn again(manner: &Manner, attempt: u32, fault: &Fault, luck: f64) -> Option<Again> {
    let retry: Retry = manner.retry.filter(|_| fault.code.can_pass())?;
    (attempt <= retry.times).then(|| Again {
        attempt,
        of: retry.times.saturating_add(1),
        wait_ms: retry.wait_ms(attempt, luck),
    })
}

/// What jitter makes of a wait, from 0 to 1: another for each step and attempt, and the same each time.
fn luck(step: &Address, attempt: u32) -> f64 {
    let digest = Digest::of_json(&(step, attempt)).to_string();
    let drawn = u32::from_str_radix(&digest[..8], 16).unwrap_or_default();
    f64::from(drawn) / f64::from(u32::MAX)
}

/// The last fault, with how many attempts there were.
fn numbered(fault: Fault, attempts: u32) -> Fault {
    match attempts {
        1 => fault,
        attempts => fault.evidence([format!("this was attempt {attempts}")]),
    }
}

#[cfg(test)]
mod tests {
    use krun_model::FaultCode;

    use super::*;

    #[test]
    fn jitter_is_drawn_from_step_and_attempt() {
        let luck = |step: &str, attempt| luck(&step.parse().unwrap(), attempt);
        assert_eq!(luck("broker-1", 1).to_bits(), luck("broker-1", 1).to_bits());
        let all: std::collections::BTreeSet<_> = (1..=50)
            .flat_map(|attempt| [("broker-1", attempt), ("broker-2", attempt)])
            .map(|(step, attempt)| luck(step, attempt))
            .map(|luck| {
                assert!((0.0..=1.0).contains(&luck), "{luck}");
                luck.to_bits()
            })
            .collect();
        assert_eq!(all.len(), 100, "no two wait the same time");
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        let manner = Manner {
            retry: Some(Retry::times(2)),
            ..Manner::default()
        };
        let follows = |code, attempt| again(&manner, attempt, &Fault::new(code, "x"), 0.0);
        let next = follows(FaultCode::Timeout, 2).unwrap();
        assert_eq!((next.attempt, next.of, next.wait_ms), (2, 3, 2_000));
        assert_eq!(follows(FaultCode::Timeout, 3), None);
        assert_eq!(follows(FaultCode::Conflict, 1), None);
        let none = again(
            &Manner::default(),
            1,
            &Fault::new(FaultCode::Timeout, "x"),
            0.0,
        );
        assert_eq!(none, None);
    }
}
