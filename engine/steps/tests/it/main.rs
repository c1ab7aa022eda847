//! Each kind against this machine, in a folder of its own.

#![expect(
    clippy::unwrap_used,
    reason = "this whole crate is a test; clippy excepts test functions only"
)]

mod assertion;
mod directory;
mod file;
mod file_clone;
mod folders;
mod http_shows;
mod lab;
mod package;
mod properties;
mod specs;
