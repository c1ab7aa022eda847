//! Components that are not what they should be, opened by the real host. Each is written by hand here;
//! what guests of a compiler try, and what runs on a machine, is in the end-to-end tests.

#![expect(
    clippy::unwrap_used,
    reason = "this whole crate is a test; clippy excepts test functions only"
)]

mod cache;
mod contract;
mod files;
mod guests;
mod lab;
mod versions;
