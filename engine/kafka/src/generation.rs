//! The marker of a generation: which deployment cleaned a folder, and which time it was.
//!
//! Owns the name and the format of the file. A folder with this deployment's marker is not cleaned
//! again; a new generation in ZooKeeper is a reason to set the brokers' log dirs aside.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Content, Effect, Fault, ReadHost, kind::CheckCx};

use crate::distribution;

/// The file's name. Neither ZooKeeper, which looks at `version-2` and `myid` only, nor a broker, which
/// takes only folders of a log dir for partitions, minds it (both tried with Kafka 3.9.1).
pub const MARKER: &str = ".krun-generation";

/// Linux gives a new random UUID at each reading of this file.
const NEW_UUID: &str = "/proc/sys/kernel/random/uuid";

/// What the marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The deployment that cleaned.
    pub deployment: String,
    /// A UUID, new each time.
    pub generation: String,
}

impl Generation {
    /// A generation that never was before.
    ///
    /// # Errors
    /// A machine that gives no UUID.
    pub async fn fresh(host: &dyn ReadHost, deployment: &str) -> Result<Self, Fault> {
        let bytes = host.read(NEW_UUID.into()).await?.unwrap_or_default();
        let uuid = String::from_utf8_lossy(&bytes).trim().to_owned();
        if uuid.is_empty() {
            return Err(Fault::internal(format!("{NEW_UUID} gave no UUID")));
        }
        Ok(Self {
            deployment: deployment.to_owned(),
            generation: uuid,
        })
    }

    /// The marker's text.
    pub fn text(&self) -> String {
        format!(
            "deployment={}\ngeneration={}\n",
            self.deployment, self.generation
        )
    }

    /// Reads a marker's text; none where it is no marker.
    pub fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.strip_prefix('=')?.trim().to_owned())
        };
        Some(Self {
            deployment: value("deployment")?,
            generation: value("generation")?,
        })
    }

    /// The marker of a folder, if it has one.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn of(host: &dyn ReadHost, folder: &Utf8Path) -> Result<Option<Self>, Fault> {
        let bytes = host.read(&path(folder)).await?;
        Ok(bytes.and_then(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))))
    }
}

/// The path of a folder's marker.
pub fn path(folder: &Utf8Path) -> Utf8PathBuf {
    folder.join(MARKER)
}

/// The effect that says of a folder which a process uses that it is of a generation, what was found
/// there, and the marker; none where no process uses it.
///
/// # Errors
/// What the host reports.
pub async fn adopt(
    cx: &CheckCx<'_>,
    folder: &Utf8Path,
    generation: String,
) -> Result<Option<(Effect, String, Generation)>, Fault> {
    let Some(user) = cx.host.folder_user(folder).await? else {
        return Ok(None);
    };
    let marker = Generation {
        deployment: cx.step.deployment.to_owned(),
        generation,
    };
    let effect = Effect::WriteFile {
        path: path(folder),
        content: Content::new(marker.text().into_bytes()),
        mode: distribution::FILE,
        owner: None,
    };
    let found = format!("pid {} uses it: nothing is set aside", user.pid);
    Ok(Some((effect, found, marker)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let generation = Generation {
            deployment: "d".into(),
            generation: "0-1".into(),
        };
        assert_eq!(generation.text(), "deployment=d\ngeneration=0-1\n");
        assert_eq!(Generation::parse(&generation.text()), Some(generation));
        assert_eq!(Generation::parse("deployment=d\n"), None);
        assert_eq!(Generation::parse(""), None);
    }
}
