//! Arguments that every step has, whatever its kind: they are the engine's, not the kind's.
//!
//! `after:` is the only one so far. One that is added later (`when:`, `tags:`) is taken out of the
//! map here, before the kind's schema sees it, and goes into the draft of the step.

use std::collections::BTreeSet;

use krun_model::Address;
use rhai::Dynamic;

use crate::{
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Spot},
    handle::{Handle, Output},
};

/// Their names.
pub(crate) const RESERVED: &[&str] = &["after"];

/// What they say.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    /// Steps named by handle or output.
    pub needs: BTreeSet<Address>,
    /// Steps named by address, with where that stands.
    pub after: Vec<(String, Place)>,
}

impl Reserved {
    /// Takes them out of a step's arguments.
    pub fn take(draft: &mut Draft, spot: &Spot, args: &mut rhai::Map) -> Self {
        let mut reserved = Self::default();
        if let Some(after) = args.remove("after") {
            reserved.add_after(draft, spot, &after);
        }
        reserved
    }

    fn add_after(&mut self, draft: &mut Draft, spot: &Spot, value: &Dynamic) {
        if let Some(handle) = value.read_lock::<Handle>() {
            self.needs.insert(handle.address().clone());
        } else if let Some(output) = value.read_lock::<Output>() {
            self.needs.insert(output.step.clone());
        } else if let Ok(text) = value.as_immutable_string_ref() {
            self.after.push((text.to_string(), spot.value("after")));
        } else if let Ok(list) = value.as_array_ref() {
            for item in list.iter() {
                self.add_after(draft, spot, item);
            }
        } else if !value.is_unit() {
            draft.report(
                Diagnostic::new(
                    "krun::arg-type",
                    spot.value("after"),
                    "`after` must be steps: a handle, an address, or a list of them",
                )
                .help("Write `after: zookeeper`, or `after: [\"zookeeper-1\", \"zookeeper-2\"]`."),
            );
        }
    }
}
