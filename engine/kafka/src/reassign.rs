//! Where replicas ought to live: the plan of a reassignment, as a pure function of where they are.
//!
//! Deterministic: the same cluster gives the same plan, and a plan that was carried out gives an empty
//! one. Owns no client and moves nothing.

mod balance;
mod drain;
mod even;
mod leaders;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use krun_model::placement::Placement;

pub use balance::empty;

/// How replicas are spread over the brokers that may hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Replicas on brokers that may hold none are moved; all others stay.
    Drain,
    /// Beyond that, every broker gets as many replicas, and leads as many partitions, as every other,
    /// give or take one.
    Even,
}

/// A partition that needs more brokers than may hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// The partition's topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// How many replicas it has.
    pub replicas: usize,
    /// How many brokers may hold replicas.
    pub brokers: usize,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{} has {} replicas, and {} brokers may hold them",
            self.topic, self.partition, self.replicas, self.brokers
        )
    }
}

/// Where every partition ought to be: the same partitions in the same order, each with as many
/// replicas as it has, all different and all on `brokers`.
///
/// Moves as few replicas as it can: a replica that may stay is moved only for balance, and then only
/// from a broker with too many to one with too few. Leaders are balanced by the order of replicas,
/// which moves no data; where few brokers hold all of a topic that has one replica only, that order
/// cannot make them even.
///
/// # Errors
/// The first partition with more replicas than there are brokers.
pub fn target(
    present: &[Placement],
    brokers: &BTreeSet<i32>,
    spread: Spread,
) -> Result<Vec<Placement>, TooFew> {
    if let Some(one) = present.iter().find(|p| p.replicas.len() > brokers.len()) {
        return Err(TooFew {
            topic: one.topic.clone(),
            partition: one.partition,
            replicas: one.replicas.len(),
            brokers: brokers.len(),
        });
    }
    let mut wanted = present.to_vec();
    drain::drain(&mut wanted, brokers);
    if spread == Spread::Even {
        even::even(present, &mut wanted, brokers);
        leaders::even(&mut wanted, brokers);
    }
    Ok(wanted)
}

/// The partitions that a target places differently.
pub fn moves(present: &[Placement], target: &[Placement]) -> Vec<Placement> {
    present
        .iter()
        .zip(target)
        .filter(|(is, wanted)| is != wanted)
        .map(|(_, wanted)| wanted.clone())
        .collect()
}
