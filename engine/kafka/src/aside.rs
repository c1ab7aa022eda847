//! Setting things aside: into the run's quarantine, one move each.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Address, Effect, Fault, FaultCode, ReadHost, WriteHost};

/// Refuses to touch a folder in which a process has files open.
///
/// # Errors
/// [`FaultCode::Conflict`] with the process.
pub async fn unused(host: &dyn ReadHost, folder: &Utf8Path) -> Result<(), Fault> {
    match host.folder_user(folder).await? {
        None => Ok(()),
        Some(user) => Err(Fault::new(FaultCode::Conflict, "a process uses the folder")
            .at(folder)
            .because(format!("pid {}: {}", user.pid, user.command))
            .hint("Stop that process first; krun does not clean under a running server.")),
    }
}

/// A name in the quarantine for what a step sets aside.
pub fn name(step: &Address, what: &str) -> String {
    format!("{}.{what}", step.as_str().replace('/', "."))
}

/// Moves entries of a folder into a folder of the quarantine.
///
/// Each is a move of its own, rather than the folder as a whole: so the folder keeps its owner and
/// mode, may be a mount point, and a rollback brings back exactly what was there.
///
/// # Errors
/// What the host reports.
pub async fn entries(
    host: &dyn WriteHost,
    folder: &Utf8Path,
    names: &[String],
    to: &Utf8Path,
) -> Result<(), Fault> {
    for name in names {
        let from: Utf8PathBuf = folder.join(name);
        if host.stat(&from).await?.is_some() {
            let to = to.join(name);
            host.perform(Effect::Move { from, to }).await?;
        }
    }
    Ok(())
}
