//! What can be wrong with an archive, in words.

use std::{fmt, io};

use krun_model::{Checksum, Fault, FaultCode, download::Unpack};

use crate::sniff;

fn bad(what: &Unpack, text: &str) -> Fault {
    Fault::new(FaultCode::Download, text).at(&what.archive)
}

/// No archive of the kind that is understood.
pub fn another_kind(what: &Unpack, beginning: &[u8]) -> Fault {
    bad(what, "this is no gzip archive")
        .because(format!("it is {}", sniff::describe(beginning)))
        .evidence(sniff::first_lines(beginning))
        .hint("Take the file whose name ends in .tgz or .tar.gz.")
}

/// Cut, or with bytes that were altered.
pub fn damaged(what: &Unpack, error: &io::Error) -> Fault {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early: it was cut".to_owned(),
        _ => error.to_string(),
    };
    bad(what, "the archive is damaged")
        .because(why)
        .hint("Download it again and compare its checksum with the publisher's.")
}

/// Another sum than was wanted.
pub fn another_sum(what: &Unpack, found: &Checksum) -> Fault {
    bad(what, "the archive is not what its checksum says")
        .because("its sum is another one")
        .evidence([
            format!("wanted {}", what.checksum),
            format!("found  {found}"),
        ])
        .hint("Compare the checksum with the publisher's own page, and see whether it is for this file.")
        .hint("If the file was cut or altered on its way, download it again.")
}

/// An entry that an archive of files has no reason to hold.
pub fn refused(what: &Unpack, entry: impl fmt::Display, why: &str) -> Fault {
    bad(what, "the archive is refused")
        .because(format!("`{entry}` {why}"))
        .hint("Nothing of it was kept. Take the archive from its publisher.")
}
