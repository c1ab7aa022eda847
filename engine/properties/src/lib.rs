//! Java properties files, read as Java reads them and edited without touching another byte.
//!
//! This crate owns the text of a properties file: what entries it holds, and how one of them is
//! changed while every comment, every blank line and every other entry keeps its exact bytes. It
//! never opens a file, never prints, and knows nothing of Kafka or of what a key means.
//!
//! # The facts it rests on
//!
//! The format is the one of `java.util.Properties.load(InputStream)`; its Javadoc (Java SE 17) is
//! the source of these rules, and `tests/java.rs` checks them against a real Java:
//!
//! - The input is ISO 8859-1: one byte is one character. A character that is not in Latin-1 is
//!   written `\uXXXX`, as UTF-16, with exactly one `u`. A malformed `\u` makes the whole load fail.
//! - A *natural line* ends with LF, CR, CR LF or the end of the input. A *logical line* is one or
//!   more natural lines, joined where a natural line ends with an odd number of backslashes.
//! - Space, tab and form feed are white space; white space at the start of a natural line is
//!   dropped, also on a continuation line.
//! - A line whose first other character is `#` or `!` is a comment, and cannot be continued.
//! - The key ends at the first unescaped `=`, `:` or white space; white space and at most one
//!   `=` or `:` after the key are the separator; all the rest, trailing spaces too, is the value.
//! - `\t`, `\n`, `\r` and `\f` are control characters; before any other character a backslash is
//!   dropped.
//! - Of several entries with one key the last wins.
//!
//! One rule is not in the Javadoc and was read off a running Java 17: a file that ends with a line
//! holding nothing but one backslash has an entry with an empty key and an empty value, unless that
//! last line ends with CR LF.
//!
//! # Bytes that are not Latin-1
//!
//! Comments may hold UTF-8 or anything else, their bytes are never decoded. A UTF-8 value is read
//! as Java reads it, one character a byte. What this crate writes is plain ASCII, which every
//! reader of properties files understands alike.
//!
//! # Unpaired surrogates
//!
//! Java can read `\uD800` alone into a string; a Rust [`String`] cannot hold it. Such a file is
//! refused with [`Fault::UnpairedSurrogate`] rather than shown with a replacement character, which
//! would make two different keys look the same.
//!
//! # Example
//!
//! ```
//! use krun_properties::Document;
//!
//! let mut doc = Document::parse(b"# The id of the broker.\nbroker.id = 0\n#listeners=PLAINTEXT://:9092\n")?;
//! doc.set("broker.id", "7");
//! doc.set("listeners", "SSL://:9093");
//! assert_eq!(
//!     doc.to_bytes(),
//!     b"# The id of the broker.\nbroker.id = 7\n#listeners=PLAINTEXT://:9092\nlisteners=SSL://:9093\n",
//! );
//! # Ok::<(), krun_properties::ParseError>(())
//! ```

mod document;
mod error;
mod escape;
mod line;
mod logical;
mod piece;
mod terminator;

pub use document::Document;
pub use error::{Fault, ParseError};
