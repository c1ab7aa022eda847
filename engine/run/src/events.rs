//! Events on their way to a reporter: one channel, so one order.

use std::sync::Arc;

use krun_model::{Address, Event, Reporter, kind::Progress};
use krun_secrets::Vault;
use tokio::sync::mpsc;

use crate::concealed;

/// Where anything that happens is said.
#[derive(Clone, Debug)]
pub struct EventSender(mpsc::UnboundedSender<Event>, Option<Arc<Vault>>);

impl EventSender {
    /// Says it. When nobody listens any more, it is dropped: the journal is the record, not this.
    pub fn send(&self, event: Event) {
        let event = match &self.1 {
            Some(vault) => concealed::event(vault.veil(), event),
            None => event,
        };
        let _ = self.0.send(event);
    }

    /// From now on says nothing of the values in a vault.
    #[must_use]
    pub fn concealing(self, vault: Arc<Vault>) -> Self {
        Self(self.0, Some(vault))
    }
}

/// Runs `work` while a reporter shows its events, in order, to the last one.
pub async fn report<T>(
    mut reporter: Box<dyn Reporter>,
    work: impl AsyncFnOnce(EventSender) -> T,
) -> T {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let shown = tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            reporter.event(&event);
        }
    });
    let result = work(EventSender(sender, None)).await;
    let _ = shown.await;
    result
}

/// The progress of one step, as events.
pub(crate) struct StepProgress {
    pub(crate) step: Address,
    pub(crate) events: EventSender,
}

impl Progress for StepProgress {
    fn say(&self, text: &str) {
        self.events.send(Event::StepProgress {
            step: self.step.clone(),
            message: text.to_owned(),
        });
    }
}

/// For looks that nobody watches.
pub(crate) struct Silent;

impl Progress for Silent {
    fn say(&self, _text: &str) {}
}
