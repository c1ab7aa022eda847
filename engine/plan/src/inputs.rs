//! The identity of what a step was asked to do.
//!
//! | digest | of | changes when |
//! |---|---|---|
//! | inputs | kind, arguments with outputs filled in | an argument changes; not when the script is reformatted |
//! | key | inputs, incarnation | the inputs change, or what the act was done to is another one |

use krun_model::Digest;

/// The digest of a step's kind and arguments. Maps are ordered, so equal arguments give one digest
/// however they are written in the script.
pub fn inputs_digest(kind: &str, args: &serde_json::Value) -> Digest {
    Digest::of_json(&(kind, args))
}

/// The key under which an act is done once.
pub fn act_key(inputs: &Digest, incarnation: &Digest) -> Digest {
    Digest::of_json(&(inputs, incarnation))
}
