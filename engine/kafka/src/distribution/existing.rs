//! A distribution that is there already: is it what it should be?

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, ReadHost};

use super::Folders;
use crate::versions::{self, KafkaVersion};

/// Files of `config/` without which neither server starts.
const NEEDED: &[&str] = &["server.properties", "zookeeper.properties"];

/// Looks at a folder that the user named.
///
/// # Errors
/// [`FaultCode::Conflict`] with what was found instead.
pub async fn look(host: &dyn ReadHost, home: &Utf8Path, row: &KafkaVersion) -> Result<(), Fault> {
    let folders = Folders::of(home);
    let conflict = |what: &str| Fault::new(FaultCode::Conflict, what.to_owned()).at(home);
    let choose = format!(
        "Name the folder of an unpacked kafka_{}-{}.tgz, or leave `home` out: then it comes through \
         Maven.",
        row.scala, row.version
    );
    let Some(names) = host.list(home).await? else {
        return Err(conflict("there is no such folder").hint(choose));
    };
    let jars = host.list(&folders.libs).await?.unwrap_or_default();
    match jars.iter().find_map(|name| versions::of_jar(name)) {
        Some(version) if version == row.version => {}
        Some(version) => {
            return Err(conflict("this is another version of Kafka")
                .because(format!("{version} was found, {} is wanted", row.version))
                .hint(choose));
        }
        None if names
            .iter()
            .any(|name| name.starts_with("gradlew") || name == "build.gradle") =>
        {
            return Err(conflict("this is the source archive of Kafka")
                .because("it has a build.gradle, and no jars in libs/")
                .hint(format!(
                    "Take the binary archive kafka_{}-{}.tgz instead of the one with -src.",
                    row.scala, row.version
                )));
        }
        None => {
            return Err(conflict("this is no distribution of Kafka")
                .because(format!(
                    "libs/ has no kafka_{}-{}.jar; the folder holds {}",
                    row.scala,
                    row.version,
                    shown(&names)
                ))
                .hint(choose));
        }
    }
    for name in NEEDED {
        if host.stat(&folders.config.join(name)).await?.is_none() {
            return Err(conflict("a file of the distribution is missing")
                .because(format!("there is no config/{name}"))
                .hint(choose));
        }
    }
    Ok(())
}

fn shown(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names if names.len() <= 6 => names.join(", "),
        names => format!("{} and {} more", names[..6].join(", "), names.len() - 6),
    }
}
