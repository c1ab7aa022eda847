//! What a plugin keeps for a step: read from the journal before the call, written there as it goes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use krun_model::{Address, Effect, Fault, FaultCode, Map, plugin::Kept};

use super::Desk;
use crate::faults::clean;

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

/// What is kept for the step of a call.
pub(crate) struct Keeping {
    step: Address,
    /// What is kept, as this component understands it.
    kept: Mutex<Kept>,
    /// Bytes that the journal was given in this call.
    written: Mutex<usize>,
    /// Why nothing can be kept in this call; none where it can.
    refuses: Option<&'static str>,
}

impl Keeping {
    pub(crate) fn new(step: &Address, kept: Kept, refuses: Option<&'static str>) -> Self {
        Self {
            step: step.clone(),
            kept: Mutex::new(kept),
            written: Mutex::default(),
            refuses,
        }
    }

    fn now(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether all that is kept is no more than a step may have.
pub(crate) fn fits(pairs: &Map<String>, limit: usize) -> Result<usize, Fault> {
    if let Some(key) = pairs
        .keys()
        .find(|key| key.is_empty() || key.len() > MAX_KEY)
    {
        return Err(too_much(format!(
            "a key has {} bytes, and 1 to {MAX_KEY} are allowed",
            key.len()
        )));
    }
    let bytes = pairs
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    match bytes > limit {
        true => Err(too_much(format!(
            "it would be {bytes} bytes for one step, and {limit} are allowed"
        ))),
        false => Ok(bytes),
    }
}

fn too_much(why: String) -> Fault {
    Fault::new(
        FaultCode::Plugin,
        "the plugin wants to keep what can't be kept",
    )
    .because(why)
}

impl Desk<'_> {
    pub(crate) fn kept(&self, key: &str) -> Result<Option<String>, Fault> {
        Ok(self.keeping.now().pairs.get(key).cloned())
    }

    pub(crate) fn kept_keys(&self) -> Vec<String> {
        self.keeping.now().pairs.keys().cloned().collect()
    }

    pub(crate) async fn keep(&self, key: String, value: Option<String>) -> Result<(), Fault> {
        if let Some(why) = self.keeping.refuses {
            return Err(Fault::new(FaultCode::Plugin, "nothing can be kept now")
                .at(clean(&key))
                .because(why));
        }
        let mut kept = self.keeping.now().clone();
        match value {
            Some(value) => kept.pairs.insert(key, value),
            None => kept.pairs.remove(&key),
        };
        let bytes = fits(&kept.pairs, self.limits.kept)?;
        {
            let mut written = self
                .keeping
                .written
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *written += bytes;
            if *written > self.limits.keeping {
                return Err(too_much(format!(
                    "it would write {written} bytes into the journal in one call, and {} are allowed",
                    self.limits.keeping
                )));
            }
        }
        let effect = Effect::Keep {
            step: self.keeping.step.clone(),
            plugin: self.plugin.to_owned(),
            kept: kept.clone(),
        };
        self.perform(effect).await?;
        *self.keeping.now() = kept;
        Ok(())
    }
}
