//! What can be wrong with a download, in words.

use std::time::Duration;

use krun_model::{Checksum, Fault, FaultCode, download::Download};

use super::{answer::Answer, part::Part};
use crate::sniff;

/// Nothing may be downloaded.
pub fn offline(what: &Download) -> Fault {
    Fault::new(FaultCode::Download, "a file is not in the cache")
        .at(&what.url)
        .because("`--offline` forbids to download it")
        .hint(format!("Put the file there by hand: {}", what.to))
        .hint("Or run once without `--offline`.")
}

/// Attempts without any progress.
pub fn gave_up(what: &Download, part: &Part, tries: u32, why: &str) -> Fault {
    let fault = Fault::new(FaultCode::Download, "a file could not be downloaded")
        .at(&what.url)
        .because(format!("{why}, {tries} times in a row"));
    match part.len() {
        0 => fault.hint(
            "See whether the URL can be reached from here; `http_proxy`, `https_proxy` and `no_proxy` \
             are honoured.",
        ),
        have => fault.hint(format!(
            "Run the same command again: it goes on from the {} that are there.",
            size(have)
        )),
    }
}

/// A failure that another attempt would meet again.
pub fn lasting(what: &Download, why: &str) -> Fault {
    let fault = Fault::new(FaultCode::Download, "a file could not be downloaded")
        .at(&what.url)
        .because(why);
    if why.contains("certificate") || why.contains("UnknownIssuer") {
        return fault.hint(
            "Where a company's own authority signs, add it to the system's certificates, or name its \
             PEM file in SSL_CERT_FILE.",
        );
    }
    fault
}

/// A status that will stay.
pub fn refused(what: &Download, answer: &Answer) -> Fault {
    let fault = lasting(
        what,
        &format!("the server answered {} {}", answer.status, answer.reason),
    );
    match answer.status {
        401 | 403 => fault.hint("Get the file by hand and name its path instead of the URL."),
        407 => fault
            .hint("Give the proxy's user and password: http_proxy=http://user:password@host:port."),
        _ => fault,
    }
}

/// The whole took too long.
pub fn too_long(what: &Download) -> Fault {
    Fault::new(FaultCode::Timeout, "a download took too long")
        .at(&what.url)
        .because(format!("it was given {}", minutes(what.patience.limit)))
        .hint("Run the same command again: it goes on from what is there.")
}

/// More bytes than a file of its kind can have.
pub fn too_large(what: &Download) -> Fault {
    lasting(what, &format!("it is larger than {}", size(what.limit)))
        .hint("See whether this is the right URL.")
}

/// Not what it must look like.
pub fn another_kind(what: &Download, beginning: &[u8]) -> Fault {
    Fault::new(FaultCode::Download, "this is no gzip archive")
        .at(&what.url)
        .because(format!("the server sent {}", sniff::describe(beginning)))
        .evidence(sniff::first_lines(beginning))
        .hint("Open the URL in a browser: a login, a proxy or a page that offers mirrors may answer in its place.")
}

/// Not what the checksum says.
pub fn another_sum(
    what: &Download,
    wanted: &Checksum,
    found: &Checksum,
    beginning: &[u8],
) -> Fault {
    Fault::new(
        FaultCode::Download,
        "a download is not what its checksum says",
    )
    .at(&what.url)
    .because(format!("what came is {}", sniff::describe(beginning)))
    .evidence([format!("wanted {wanted}"), format!("found  {found}")])
    .hint(format!(
        "What came is kept as {}.bad; nothing uses it.",
        what.to
    ))
    .hint("Compare the checksum with the publisher's own page, then run again.")
}

/// A size for people: decimal megabytes, as download pages have them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size(0), "0 kB");
        assert_eq!(size(1), "1 kB");
        assert_eq!(size(113_257_079), "113.2 MB");
        assert_eq!(minutes(Duration::from_secs(90)), "90 s");
        assert_eq!(minutes(Duration::from_secs(7200)), "120 min");
    }
}
