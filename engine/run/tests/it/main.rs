//! What a run does as a whole: one binary, a file for each subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod foresight;
mod lab;
mod same_folder;
