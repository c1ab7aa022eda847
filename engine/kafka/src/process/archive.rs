//! The class-data archive of a server: what Java would otherwise read, check and lay out anew at each
//! start, mapped from a file.
//!
//! An archive is made once for the jars of a distribution and a Java, in the cache, by an errand that
//! begins when a run has ended (`train.sh`). It is never a reason to fail, and no part of what a process
//! is recognised by: the flag that names it is added to a specification whose digest is made already.
//! A truncated archive kills Java 17 with SIGBUS, so that one is used only if its bytes are those that
//! were written.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Digest, Fault, Map, WriteHost, host::Errand};
use serde::Serialize;

use super::{
    Server, Started,
    server::{Jars, env},
};
use crate::{
    java,
    versions::{self, Logging, Product, Program},
};

/// Set to anything, archives are neither used nor made.
const OFF: &str = "KRUN_NO_ARCHIVE";
/// Set to anything, archives that are there are used, and none is made.
const NO_TRAINING: &str = "KRUN_NO_TRAINING";
/// The first Java that writes an archive of what a program loaded (`-XX:ArchiveClassesAtExit`, JEP 350).
const FIRST_JAVA: u32 = 13;
/// How often it is tried to make one.
const ATTEMPTS: usize = 3;

/// What an archive fits: anything else makes Java refuse it.
#[derive(Serialize)]
struct Fits<'a> {
    format: u32,
    java: &'a Utf8Path,
    /// The file `release` beside it, which names the exact build.
    release: &'a str,
    libs: &'a Utf8Path,
    jars: &'a Jars,
    flags: &'a [&'a str],
}

/// Lets a server start from its archive if there is one, and asks for one otherwise.
pub async fn take(host: &dyn WriteHost, server: &Server<'_>, started: &mut Started) {
    // Without an archive a server only starts slower.
    if let Ok(Some(archive)) = find(host, server, &started.jars).await {
        let flags = [
            format!("-XX:SharedArchiveFile={archive}"),
            "-Xshare:auto".to_owned(),
            "-Xlog:cds*=off".to_owned(),
        ];
        started.spec.argv.splice(1..1, flags);
    }
}

async fn find(
    host: &dyn WriteHost,
    server: &Server<'_>,
    jars: &Jars,
) -> Result<Option<Utf8PathBuf>, Fault> {
    let java = Utf8Path::new(server.java);
    let version = java::version_of(host, java).await?;
    if host.env(OFF).await.is_some() || version.is_none_or(|java| java.major < FIRST_JAVA) {
        return Ok(None);
    }
    let release = java.parent().and_then(Utf8Path::parent);
    let release = match release {
        Some(home) => host.read(&home.join("release")).await?,
        None => None,
    };
    let libs = java::resolve(host, &server.home.join("libs")).await?;
    let product = versions::of_jars(jars.keys().map(String::as_str));
    let (Some(release), Some(libs), Some(product)) = (release, libs, product) else {
        return Ok(None);
    };
    // A ZooKeeper of its own has its configuration on the class path, and starts in less than a second.
    if product.runtime.logging == Logging::OnClassPath {
        return Ok(None);
    }
    let name = Digest::of_json(&Fits {
        format: 2,
        java,
        release: &String::from_utf8_lossy(&release),
        libs: &libs,
        jars,
        flags: product.runtime.flags,
    })
    .short();
    let folder = host.cache().await?.join("cds");
    let role = match server.program {
        Program::ZooKeeper => "zookeeper",
        Program::Broker => "broker",
    };
    let archive = folder.join(format!("{name}-{role}.jsa"));
    if host
        .stat(&folder.join(format!("{name}.complete")))
        .await?
        .is_some()
    {
        return Ok(whole(host, &archive).await?.then_some(archive));
    }
    if host.env(NO_TRAINING).await.is_some() {
        return Ok(None);
    }
    let failed = host.read(&folder.join(format!("{name}.failed"))).await?;
    let failures = failed.unwrap_or_default();
    if failures.split(|byte| *byte == b'\n').count() <= ATTEMPTS {
        host.later(errand(&folder, &name, server, &libs, &product));
    }
    Ok(None)
}

/// Whether an archive is what was written, to the byte.
async fn whole(host: &dyn WriteHost, archive: &Utf8Path) -> Result<bool, Fault> {
    let said = Utf8PathBuf::from(format!("{archive}.sha256"));
    let said = host.read(&said).await?;
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    let digest = host.digest(archive).await?;
    Ok(digest.is_some_and(|digest| said.starts_with(&digest.to_string())))
}

fn errand(
    folder: &Utf8Path,
    name: &str,
    server: &Server<'_>,
    libs: &Utf8Path,
    product: &Product,
) -> Errand {
    let log4j = server
        .home
        .join(product.config_folder)
        .join("log4j.properties");
    let argv = [
        "nice",
        "-n",
        "19",
        "sh",
        "-c",
        include_str!("archive/train.sh"),
        "krun-archive",
        folder.as_str(),
        name,
        server.java,
        libs.as_str(),
        log4j.as_str(),
        Program::ZooKeeper.class(),
        Program::Broker.class(),
    ];
    let flags = product.runtime.flags.iter();
    Errand {
        name: format!("archive-{name}"),
        argv: argv
            .iter()
            .chain(flags)
            .map(|&part| part.to_owned())
            .collect(),
        cwd: folder.parent().unwrap_or(folder).to_owned(),
        env: env() as Map<String>,
    }
}
