//! Looking for Java: JAVA_HOME, the search path, the folders where distributions put it.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, ReadHost};

use super::{paths::resolve, version::JavaVersion};

/// Where Linux distributions put their Javas.
const JVM_FOLDER: &str = "/usr/lib/jvm";

/// A Java on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Java {
    /// The program, without links in its path.
    pub bin: Utf8PathBuf,
    /// The folder that JAVA_HOME would name.
    pub home: Utf8PathBuf,
    /// Its version.
    pub version: JavaVersion,
}

/// Every Java that is found, in the order in which they are preferred; each once.
///
/// # Errors
/// What the host reports.
pub async fn find_all(host: &dyn ReadHost) -> Result<Vec<Java>, Fault> {
    let mut found: Vec<Java> = vec![];
    for candidate in candidates(host).await? {
        let Some(bin) = resolve(host, &candidate).await? else {
            continue;
        };
        if found.iter().any(|java| java.bin == bin) {
            continue;
        }
        let Some(home) = home_of(&bin) else { continue };
        if let Some(version) = version_of(host, &bin).await? {
            found.push(Java {
                home: home.to_owned(),
                bin,
                version,
            });
        }
    }
    Ok(found)
}

async fn candidates(host: &dyn ReadHost) -> Result<Vec<Utf8PathBuf>, Fault> {
    let mut all = vec![];
    if let Some(home) = host
        .env("JAVA_HOME")
        .await
        .filter(|home| home.starts_with('/'))
    {
        all.push(Utf8Path::new(&home).join("bin/java"));
    }
    all.extend(host.which("java").await?);
    let installed = host.list(JVM_FOLDER.into()).await?.unwrap_or_default();
    all.extend(
        installed
            .iter()
            .filter(|name| !name.starts_with('.'))
            .map(|name| Utf8Path::new(JVM_FOLDER).join(name).join("bin/java")),
    );
    Ok(all)
}

fn home_of(bin: &Utf8Path) -> Option<&Utf8Path> {
    bin.parent()?.parent()
}

/// The version of a Java program: from the file `release` beside it, else by running it. None where
/// it is no Java or does not run.
///
/// # Errors
/// What the host reports.
pub async fn version_of(host: &dyn ReadHost, bin: &Utf8Path) -> Result<Option<JavaVersion>, Fault> {
    // Java 8 of some distributions has its program in jre/bin below the folder with the file.
    let home = home_of(bin);
    for home in [home, home.and_then(Utf8Path::parent)]
        .into_iter()
        .flatten()
    {
        let Some(bytes) = host.read(&home.join("release")).await? else {
            continue;
        };
        if let Some(version) = JavaVersion::from_release(&String::from_utf8_lossy(&bytes)) {
            return Ok(Some(version));
        }
    }
    if host.stat(bin).await?.is_none() {
        return Ok(None);
    }
    let argv = [bin.to_string(), "-version".to_owned()];
    Ok(match host.ask(&argv, Duration::from_secs(20)).await {
        Ok(output) => JavaVersion::from_output(&output.stderr)
            .or_else(|| JavaVersion::from_output(&output.stdout)),
        // A file that is no program is no Java.
        Err(_) => None,
    })
}
