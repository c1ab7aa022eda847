//! The effects of one attempt that are between their intent and their outcome, and the time the
//! attempt has.
//!
//! An attempt whose time is up begins no further effect, and what it has in hand is finished: a
//! future is dropped only where no intent is without an outcome.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use krun_model::{Address, Fault, FaultCode};
use tokio::{sync::watch, time::Instant};

/// Counts the effects in hand, and can be closed for more.
#[derive(Debug)]
pub(crate) struct InHand {
    closed: AtomicBool,
    effects: watch::Sender<usize>,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            closed: AtomicBool::new(false),
            effects: watch::Sender::new(0),
        }
    }
}

/// One effect in hand.
pub(crate) struct Held<'a>(&'a InHand);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.effects.send_modify(|effects| *effects -= 1);
    }
}

impl InHand {
    /// Takes an effect in hand; refused once the time is up, before anything was journaled.
    pub fn take(&self) -> Result<Held<'_>, Fault> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Fault::new(
                FaultCode::Timeout,
                "no further effect is begun: the time of this attempt is up",
            ));
        }
        self.effects.send_modify(|effects| *effects += 1);
        Ok(Held(self))
    }

    /// Waits until nothing is in hand; nothing more comes after that.
    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let mut effects = self.effects.subscribe();
        let _ = effects.wait_for(|effects| *effects == 0).await;
    }
}

/// How long one attempt may take.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    step: Address,
    time: Duration,
    end: Option<Instant>,
}

impl Limit {
    /// The limit of an attempt that begins now; without a time there is none.
    pub fn from_now(step: &Address, timeout_ms: Option<u64>) -> Self {
        let time = timeout_ms.map(Duration::from_millis);
        Self {
            step: step.clone(),
            time: time.unwrap_or_default(),
            end: time.and_then(|time| Instant::now().checked_add(time)),
        }
    }

    /// Does something that may have effects: when the time is up, those in hand are finished and no
    /// more are begun.
    pub async fn finish<T>(
        &self,
        in_hand: &InHand,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let Some(end) = self.end else {
            return work.await;
        };
        let work = std::pin::pin!(work);
        let mut work = work;
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = tokio::time::sleep_until(end) => {}
        }
        tokio::select! {
            biased;
            // What was all but done is done, and what went wrong with an effect is not lost.
            result = &mut work => result.map_err(|fault| match fault.code {
                FaultCode::Timeout => self.fault(),
                _ => fault,
            }),
            () = in_hand.close() => Err(self.fault()),
        }
    }

    fn fault(&self) -> Fault {
        Fault::new(
            FaultCode::Timeout,
            "the step was not done in the time given",
        )
        .at(&self.step)
        .because(format!(
            "`timeout` allows {} s for one attempt",
            self.time.as_secs_f64()
        ))
        .hint("Give it more with `timeout:`, or let it be tried again with `retries:`.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(ms: u64) -> Limit {
        Limit::from_now(&"s".parse().unwrap(), Some(ms))
    }

    #[tokio::test]
    async fn what_only_waits_is_dropped() {
        let waits = std::future::pending::<Result<(), Fault>>();
        let fault = limit(1)
            .finish(&InHand::default(), waits)
            .await
            .unwrap_err();
        assert_eq!(fault.code, FaultCode::Timeout);
    }

    #[tokio::test]
    async fn an_effect_in_hand_is_finished_and_no_other_begun() {
        let in_hand = InHand::default();
        let (begin, finish) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        let done = AtomicBool::new(false);
        let work = async {
            let held = in_hand.take()?;
            begin.notify_one();
            finish.notified().await;
            done.store(true, Ordering::SeqCst);
            drop(held);
            in_hand.take().map(drop)
        };
        let limit = limit(1);
        let late = async {
            begin.notified().await;
            // Closed means that the time was up while the effect was in hand.
            while !in_hand.closed.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            finish.notify_one();
        };
        let (result, ()) = tokio::join!(limit.finish(&in_hand, work), late);
        assert_eq!(result.unwrap_err().code, FaultCode::Timeout);
        assert!(done.load(Ordering::SeqCst));
        assert_eq!(*in_hand.effects.borrow(), 0);
    }

    #[tokio::test]
    async fn without_a_time_there_is_no_limit() {
        let limit = Limit::from_now(&"s".parse().unwrap(), None);
        let work = async { Ok(3) };
        assert_eq!(limit.finish(&InHand::default(), work).await, Ok(3));
    }
}
