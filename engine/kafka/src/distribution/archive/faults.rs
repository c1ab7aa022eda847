//! What stands in the way of an archive, in words.

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};

use super::Archive;

pub fn offline(archive: &Archive, file: &Utf8Path) -> Fault {
    Fault::new(
        FaultCode::Download,
        "an archive of Kafka is not in the cache",
    )
    .at(archive.from())
    .because("`--offline` forbids to download it")
    .hint(format!(
        "Bring {} over by hand and put it there: {file}",
        archive.name()
    ))
    .hint("Or name its path instead of the URL, or run once without `--offline`.")
}

pub fn offline_sum(archive: &Archive, file: &Utf8Path) -> Fault {
    Fault::new(
        FaultCode::Download,
        "the checksum of an archive of Kafka is not in the cache",
    )
    .at(archive.from())
    .because("`--offline` forbids to download it")
    .hint(format!(
        "Give the digits as `checksum`, or put {0}.sha512 there: {file}",
        archive.name()
    ))
    .hint("Or name the archive's path instead of the URL, or run once without `--offline`.")
}

pub fn no_file(path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::Conflict, "there is no such archive")
        .at(path)
        .because("nothing is there")
        .hint("Name the .tgz that you have, or its URL, or leave it out: then Kafka comes through Maven.")
}

pub fn no_sum_file(path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::Conflict, "there is no such checksum file")
        .at(path)
        .because("nothing is there")
        .hint("Name the .sha512 that lies beside the archive at its publisher, or give its digits.")
}

pub fn no_such_url(url: &str) -> Fault {
    Fault::new(FaultCode::Download, "the server has no such file")
        .at(url)
        .because("it answered that nothing is there")
        .hint("Apache's mirrors keep the newest versions only; all others are in Apache's archive of releases.")
}

pub fn no_sum(archive: &Archive, beside: &str) -> Fault {
    Fault::new(FaultCode::Download, "there is nothing to check the archive against")
        .at(archive.from())
        .because(format!("no `checksum` was given, and the server has no {beside}"))
        .hint("Give the SHA-512 from the publisher's page as `checksum` (the shipped runbook calls it `kafka_checksum`).")
        .hint("Or say `unverified: true` (`kafka_unverified=true`) to take whatever comes.")
}
