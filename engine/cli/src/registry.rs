//! All step kinds that this krun knows.

use std::sync::Arc;

use krun_kafka::diagnosis::Patterns;
use krun_model::kind::Kinds;

/// The kinds of every crate that has some: one line a crate.
pub fn kinds(patterns: Arc<Patterns>) -> Kinds {
    Kinds::new(
        krun_kafka::kinds(patterns)
            .into_iter()
            .chain(krun_steps::kinds()),
    )
}
