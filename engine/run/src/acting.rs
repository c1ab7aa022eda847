//! Turns at targets: of the steps that run at the same time one acts on a target, from the look at what is
//! there until the outcome is written.
//!
//! Two steps may miss the same folder. Whoever comes second looks only when the first has its outcome, finds
//! the folder there, and owes no entry. Owns the queue at each target; there is none where nobody is.
//!
//! Whoever has a turn waits for no other one, but for plugins: what they ask for in an act or an undo of
//! theirs is acted on in their turn, which is at the act itself. So nobody waits for whoever waits for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use krun_model::Target;
use tokio::sync::OwnedMutexGuard;

/// Who acts on which target.
#[derive(Debug, Default)]
pub(crate) struct Acting {
    queues: Mutex<HashMap<Target, Queue>>,
}

/// Those who act on one target: one after the other, in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    /// How many they are, with the one whose turn it is.
    length: usize,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The turn at a target, until it is dropped.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub(crate) struct Turn<'a> {
    // In this order: who leaves the queue has no turn any more.
    _turn: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

/// A place in a queue, also of somebody who waits no longer.
#[derive(Debug)]
struct Place<'a> {
    acting: &'a Acting,
    target: Target,
}

impl Acting {
    /// Waits for the turn at a target.
    pub(crate) async fn turn(&self, target: Target) -> Turn<'_> {
        let turn = {
            let mut queues = self.queues();
            let queue = queues.entry(target.clone()).or_default();
            queue.length += 1;
            queue.turn.clone()
        };
        let place = Place {
            acting: self,
            target,
        };
        Turn {
            _turn: turn.lock_owned().await,
            _place: place,
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Target, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.acting.queues();
        if let Some(queue) = queues.get_mut(&self.target) {
            queue.length -= 1;
            if queue.length == 0 {
                queues.remove(&self.target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, future::join_all};

    use super::*;

    fn at(path: &str) -> Target {
        Target::Path(path.into())
    }

    #[tokio::test]
    async fn one_at_a_time_and_all_in_the_end() {
        let acting = Acting::default();
        let now = Mutex::new(0);
        let done = join_all((0..20).map(|_| async {
            let _turn = acting.turn(at("/a")).await;
            assert_eq!(std::mem::replace(&mut *now.lock().unwrap(), 1), 0);
            tokio::task::yield_now().await;
            *now.lock().unwrap() = 0;
        }));
        assert_eq!(done.await.len(), 20);
        assert!(acting.queues().is_empty(), "nobody is at any target");
    }

    #[tokio::test]
    async fn other_targets_are_not_waited_for() {
        let acting = Acting::default();
        let _a = acting.turn(at("/a")).await;
        let b = acting.turn(at("/b")).now_or_never();
        assert!(b.is_some());
        drop(b);
        assert_eq!(acting.queues().len(), 1, "only /a is acted on");
    }

    #[tokio::test]
    async fn who_waits_no_longer_leaves_no_trace() {
        let acting = Acting::default();
        let first = acting.turn(at("/a")).await;
        assert!(acting.turn(at("/a")).now_or_never().is_none());
        assert_eq!(acting.queues()[&at("/a")].length, 1);
        drop(first);
        assert!(acting.queues().is_empty());
        assert!(acting.turn(at("/a")).now_or_never().is_some());
    }
}
