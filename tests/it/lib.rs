//! Support for the end-to-end tests: the krun binary, scratch folders, ports, witnesses.
//!
//! Owns the promise that a test leaves nothing behind: a [`Lab`](lab::Lab) ends every process that
//! runs out of its folder and removes the folder, even when the test fails. Never uses a fixed port.

pub mod lab;
pub mod ports;
pub mod procs;
pub mod tree;
pub mod web;
