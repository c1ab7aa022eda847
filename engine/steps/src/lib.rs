//! Step kinds that know no product: folders, files, properties, packages, web pages.
//!
//! This crate owns what is wanted of such things and how it differs from what is there. It reaches a
//! machine only through [`ReadHost`](krun_model::ReadHost) and
//! [`WriteHost`](krun_model::WriteHost); it never journals, never takes before-images, never decides
//! an order. A new kind is one file and one alphabetical line here.

mod args;
mod assertion;
mod by_hand;
mod directory;
mod file;
mod file_clone;
pub mod folders;
mod http_shows;
mod mode;
mod package;
mod properties;
mod text_diff;

use krun_model::Kind;

/// All kinds of this crate.
pub fn kinds() -> Vec<Kind> {
    vec![
        assertion::kind(),
        directory::kind(),
        file::kind(),
        file_clone::kind(),
        http_shows::kind(),
        package::kind(),
        properties::kind(),
    ]
}
