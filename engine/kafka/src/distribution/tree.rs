//! A distribution as its publisher packed it, Apache's or Confluent's: what is it, and is it what is
//! wanted?

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, ReadHost, host::FileKind};

use super::confluent;
use crate::versions::{self, KafkaVersion};

/// Files of the configuration without which neither server starts.
const NEEDED: &[&str] = &["server.properties", "zookeeper.properties"];

/// Whose layout it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// `libs/`, `config/`, `bin/*.sh`.
    Apache,
    /// `share/java/kafka/`, `etc/kafka/`, `bin/*`.
    Confluent,
}

/// A distribution that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Whose layout it has.
    pub publisher: Publisher,
    /// Its folder.
    pub root: Utf8PathBuf,
    /// The folder of its jars.
    pub libs: Utf8PathBuf,
    /// The folder of its configuration.
    pub config: Utf8PathBuf,
}

impl Tree {
    /// Where a publisher's layout has its parts, whether they are there or not.
    pub fn of(publisher: Publisher, root: &Utf8Path) -> Self {
        let (libs, config) = match publisher {
            Publisher::Apache => ("libs", "config"),
            Publisher::Confluent => (confluent::LIBS, confluent::CONFIG),
        };
        Self {
            publisher,
            root: root.to_owned(),
            libs: root.join(libs),
            config: root.join(config),
        }
    }

    /// Looks at a folder.
    ///
    /// # Errors
    /// [`FaultCode::Conflict`] with what was found instead of the version that is wanted.
    pub async fn look(
        host: &dyn ReadHost,
        root: &Utf8Path,
        row: &KafkaVersion,
    ) -> Result<Self, Fault> {
        let conflict = |what: &str| Fault::new(FaultCode::Conflict, what.to_owned()).at(root);
        let Some(names) = host.list(root).await? else {
            return Err(conflict("there is no such folder").hint(choose(row)));
        };
        for publisher in [Publisher::Apache, Publisher::Confluent] {
            let tree = Self::of(publisher, root);
            let jars = host.list(&tree.libs).await?.unwrap_or_default();
            let found = jars.iter().find_map(|jar| Found::of_jar(jar));
            if let Some(found) = found {
                found.must_be(row).map_err(|fault| fault.at(root))?;
                return tree.with_config(host, row).await;
            }
        }
        if names
            .iter()
            .any(|name| name.starts_with("gradlew") || name == "build.gradle")
        {
            return Err(conflict("this is the source archive of Kafka")
                .because("it has a build.gradle, and no jars in libs/")
                .hint(no_source(row)));
        }
        Err(conflict("this is no distribution of Kafka")
            .because(format!(
                "libs/ has no kafka_{}-{}.jar; the folder holds {}",
                row.scala,
                row.version,
                shown(&names)
            ))
            .hint(choose(row)))
    }

    async fn with_config(self, host: &dyn ReadHost, row: &KafkaVersion) -> Result<Self, Fault> {
        for name in NEEDED {
            let path = self.config.join(name);
            if host.stat(&path).await?.is_none() {
                let place = path.strip_prefix(&self.root).unwrap_or(&path);
                let what = "a file of the distribution is missing";
                return Err(Fault::new(FaultCode::Conflict, what)
                    .at(&self.root)
                    .because(format!("there is no {place}"))
                    .hint(choose(row)));
            }
        }
        Ok(self)
    }

    /// The files of its configuration, by their paths below it: its own and those one folder deeper.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn config_files(&self, host: &dyn ReadHost) -> Result<Vec<Utf8PathBuf>, Fault> {
        let mut files = vec![];
        for name in host.list(&self.config).await?.unwrap_or_default() {
            let path = Utf8PathBuf::from(&name);
            match host
                .stat(&self.config.join(&name))
                .await?
                .map(|stat| stat.kind)
            {
                Some(FileKind::File | FileKind::Link) => files.push(path),
                Some(FileKind::Dir) => {
                    let below = host.list(&self.config.join(&name)).await?;
                    files.extend(below.unwrap_or_default().iter().map(|name| path.join(name)));
                }
                _ => {}
            }
        }
        Ok(files)
    }

    /// The names of its own scripts that work beside `libs/` and `config/`: Apache's. Confluent's look
    /// for their jars in other places. The two that end every server of the host are left out.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn scripts(&self, host: &dyn ReadHost) -> Result<Vec<String>, Fault> {
        if self.publisher == Publisher::Confluent {
            return Ok(vec![]);
        }
        let mut names = host.list(&self.root.join("bin")).await?.unwrap_or_default();
        let stops = ["kafka-server-stop.sh", "zookeeper-server-stop.sh"];
        names.retain(|name| name.ends_with(".sh") && !stops.contains(&name.as_str()));
        Ok(names)
    }
}

/// A version by the name of its main jar.
enum Found<'a> {
    Apache(&'a str),
    Confluent(&'a str),
}

impl<'a> Found<'a> {
    fn of_jar(name: &'a str) -> Option<Self> {
        let apache = versions::of_jar(name).map(Self::Apache);
        apache.or_else(|| confluent::of_jar(name).map(Self::Confluent))
    }

    fn must_be(&self, row: &KafkaVersion) -> Result<(), Fault> {
        let what = "this is another version of Kafka";
        let fault = Fault::new(FaultCode::Conflict, what).hint(choose(row));
        match self {
            Self::Apache(version) if *version == row.version => Ok(()),
            Self::Apache(version) => {
                Err(fault.because(format!("{version} was found, {} is wanted", row.version)))
            }
            Self::Confluent(version) if confluent::holds(version, row) => Ok(()),
            Self::Confluent(version) => Err(fault.because(match confluent::kafka_line(version) {
                Some(line) => format!(
                    "Confluent {version} holds Kafka {line}, and {} is wanted",
                    row.version
                ),
                None => format!("krun does not know which Kafka is in Confluent {version}"),
            })),
        }
    }
}

/// What to take instead of the sources.
pub fn no_source(row: &KafkaVersion) -> String {
    format!(
        "Take the binary archive kafka_{}-{}.tgz instead of the one with -src.",
        row.scala, row.version
    )
}

fn choose(row: &KafkaVersion) -> String {
    format!(
        "Name Kafka {0} as Apache packs it (kafka_{1}-{0}.tgz, unpacked or not), or leave it out: then \
         it comes through Maven.",
        row.version, row.scala
    )
}

fn shown(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names if names.len() <= 6 => names.join(", "),
        names => format!("{} and {} more", names[..6].join(", "), names.len() - 6),
    }
}
