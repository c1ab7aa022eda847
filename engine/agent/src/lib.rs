//! The hands: files, processes, packages and probes on the machine it runs on.
//!
//! This crate owns how an effect is brought about and how a target is looked at, so that an atomic
//! write or a process probe is written once and behaves the same everywhere. It never decides what
//! is wanted, never journals, never prints, and knows no product. Only Linux is served: processes,
//! ports and memory are read from `/proc`.
//!
//! # What a crash may leave
//!
//! Each effect becomes visible by one system call (a rename, a link, an exec), so that a probe
//! afterwards finds the state before or the state after and nothing between; the exception is
//! [`Effect::Release`](krun_model::Effect), which moves one entry after the other and is repeated
//! until nothing is left to move. What a killed krun may leave behind are temporary files named
//! `.krun-XXXXXX.tmp`: nobody reads them, they are not listed, and they go with their folder.
//!
//! # Links
//!
//! A file is never written through a symbolic link, nor put in a link's place, and a link is never
//! put in a file's place: both are conflicts. So what an effect touches is the path that the plan
//! shows, and the undo of each is again an effect of the same sort. A folder above a path may be a
//! link.

mod blocking;
mod commands;
mod contents;
mod download;
mod errands;
mod files;
mod folders;
mod http;
mod links;
mod listening;
mod lock;
mod machine;
mod memory;
mod moves;
mod open_files;
mod own_names;
mod packages;
mod place;
mod ports;
mod process;
mod programs;
mod quarantine;
mod rename;
mod sniff;
mod stop;
pub mod unjournaled;
mod unpack;
mod write;

pub use machine::LocalMachine;
