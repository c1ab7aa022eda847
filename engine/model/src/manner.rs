//! How the engine treats a step, whatever its kind: on what condition, under which tags, how many at
//! a time, how often again, for how long.
//!
//! None of it is part of what a step is asked to do, so that none of it is in the digest of its
//! inputs.

use serde::{Deserialize, Serialize};

use crate::Condition;

/// How a step is treated; by default it is simply done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manner {
    /// On what condition it is done; none: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Words that `--tag` and `--skip-tag` know it by; sorted, without repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// With which others it takes turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// How often it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How long one attempt may take, in milliseconds; none: as long as the kind allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A condition, and how the runbook puts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// The condition.
    pub condition: Condition,
    /// Its text in the source.
    pub text: String,
}

/// A group of steps that take turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serial {
    /// The group's name.
    pub group: String,
    /// How many of it run at the same time; at least 1.
    pub at_once: usize,
}

/// How often a step is tried again after a fault that can pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How many times, after the first attempt.
    pub times: u32,
    /// Milliseconds before the second attempt; doubled before each further one.
    pub backoff_ms: u64,
    /// The most milliseconds between two attempts.
    pub max_backoff_ms: u64,
    /// Whether a random part, up to a half, is taken off each wait, so that steps which failed
    /// together do not come again together.
    pub jitter: bool,
}

impl Retry {
    /// A retry with the usual waits: 1 s, doubled up to 30 s, with jitter.
    pub fn times(times: u32) -> Self {
        Self {
            times,
            backoff_ms: 1_000,
            max_backoff_ms: 30_000,
            jitter: true,
        }
    }

    /// Milliseconds to wait after a failed attempt, counted from 1. `luck` from 0 to 1 is what jitter
    /// makes of it.
    pub fn wait_ms(&self, attempt: u32, luck: f64) -> u64 {
        let doubled = 2_u64.saturating_pow(attempt.saturating_sub(1));
        let wait = self
            .backoff_ms
            .saturating_mul(doubled)
            .min(self.max_backoff_ms);
        if self.jitter {
            wait - (wait as f64 * luck.clamp(0.0, 1.0) / 2.0) as u64
        } else {
            wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let retry = Retry {
            jitter: false,
            ..Retry::times(9)
        };
        let waits: Vec<_> = (1..8).map(|attempt| retry.wait_ms(attempt, 0.9)).collect();
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(retry.wait_ms(u32::MAX, 0.0), 30_000);
        let jittered = Retry::times(9);
        assert_eq!(
            (jittered.wait_ms(1, 0.0), jittered.wait_ms(1, 1.0)),
            (1000, 500)
        );
    }

    #[test]
    fn nothing_said_is_nothing_written() {
        assert_eq!(serde_json::to_string(&Manner::default()).unwrap(), "{}");
        let read: Manner = serde_json::from_str("{}").unwrap();
        assert_eq!(read, Manner::default());
    }
}
