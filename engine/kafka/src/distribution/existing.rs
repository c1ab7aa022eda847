//! A distribution that is there already and is used as it stands: is it what it should be?

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, ReadHost};

use super::tree::{Publisher, Tree};
use crate::versions::KafkaVersion;

/// Looks at a folder that the user named.
///
/// # Errors
/// [`FaultCode::Conflict`] with what was found instead.
pub async fn look(host: &dyn ReadHost, home: &Utf8Path, row: &KafkaVersion) -> Result<(), Fault> {
    match Tree::look(host, home, row).await?.publisher {
        Publisher::Apache => Ok(()),
        Publisher::Confluent => Err(Fault::new(
            FaultCode::Conflict,
            "this folder has Confluent's layout",
        )
        .at(home)
        .because("jars and configuration lie in share/java/kafka and etc/kafka, and not in libs and config")
        .hint(
            "Name it as `from` (the shipped runbook calls it `kafka_from`): then it is left as it is, and \
             libs, config and bin are made around its jars.",
        )),
    }
}
