//! The words of krun as data, and the contracts between its stages.
//!
//! This crate owns: what a runbook, a step, an effect, a plan, a journal entry and an event *are*,
//! the traits through which the stages meet ([`StepKind`], [`ReadHost`], [`WriteHost`],
//! [`Effector`], [`Journal`], [`Reporter`]), and the fold of journal entries into [`History`].
//! It never performs I/O, reads a clock, or prints; every other crate may depend on it and it
//! depends on none of them.

pub mod address;
pub mod by_hand;
pub mod checksum;
pub mod choice;
pub mod condition;
pub mod configs;
pub mod decision;
pub mod declaration;
pub mod digest;
pub mod download;
pub mod effect;
pub mod event;
pub mod fault;
pub mod history;
pub mod host;
pub mod http;
pub mod journal;
pub mod kill_point;
pub mod kind;
pub mod manner;
pub mod names;
pub mod param;
pub mod part;
pub mod placement;
pub mod plan;
pub mod plugin;
pub mod process;
pub mod reconcile;
pub mod runbook;
pub mod schema;
pub mod secret;
pub mod target;
pub mod topic;
pub mod value;

pub use address::{Address, BadAddress, DeploymentName, RunId};
pub use by_hand::{ByHand, HandCx};
pub use checksum::Checksum;
pub use choice::Choice;
pub use condition::Condition;
pub use decision::Decision;
pub use digest::Digest;
pub use effect::{Content, Effect, Effector, Undo};
pub use event::{Event, Reporter};
pub use fault::{Fault, FaultCode};
pub use history::History;
pub use host::{ReadHost, WriteHost};
pub use http::{HttpAnswer, HttpQuestion};
pub use journal::{Entry, Journal};
pub use kill_point::{KillPoint, Moment, Whose};
pub use kind::{Kind, StepKind};
pub use manner::Manner;
pub use param::{ParamSpec, ParamType};
pub use part::{OnFailure, Part};
pub use plan::{Change, Plan, Reason};
pub use process::{ProcessId, ProcessSpec};
pub use runbook::{Runbook, Span, Step};
pub use secret::{Bytes, Secrets, Text};
pub use target::{Target, TargetState};
pub use value::{Outputs, Value};

/// Keys to values in a fixed order: arguments, outputs, parameters.
pub type Map<V> = std::collections::BTreeMap<String, V>;
