//! The agent against the real operating system, in folders and with processes of its own.

#![expect(
    clippy::unwrap_used,
    reason = "this whole crate is a test; clippy excepts test functions only"
)]

mod commands;
mod contents;
mod downloads;
mod files;
mod folders;
mod lab;
mod machine;
mod moves;
mod packages;
mod pages;
mod pids;
mod ports;
mod processes;
mod unpacking;
mod writes;
