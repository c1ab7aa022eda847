//! Packages of the operating system, as Debian and its kin have them.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, Map, host::CommandOutput};

use crate::commands::{Invocation, last_lines};

/// For how long a query may take.
const QUERY_LIMIT: Duration = Duration::from_secs(30);
/// For how long fetching lists or installing may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Which of these packages are not installed.
pub async fn missing(names: &[String]) -> Result<Vec<String>, Fault> {
    if names.is_empty() {
        return Ok(vec![]);
    }
    let mut argv = words(&[
        "dpkg-query",
        "-W",
        "-f=${Package} ${db:Status-Abbrev}\\n",
        "--",
    ]);
    argv.extend_from_slice(names);
    // It ends with 1 where it knows one of the names not at all, which is an answer here.
    let output = run(&argv, QUERY_LIMIT).await.map_err(|fault| {
        if fault.code == FaultCode::Prerequisite {
            Fault::new(
                FaultCode::Prerequisite,
                "could not see which packages are installed",
            )
            .because("there is no `dpkg-query` on this machine")
            .hint(format!(
                "See to it that these are installed: {}.",
                names.join(" ")
            ))
        } else {
            fault
        }
    })?;
    Ok(not_installed(names, &output.stdout))
}

/// Installs packages; fetches the lists of packages first where there are none, or where they turn
/// out to be stale.
///
/// # Errors
/// A prerequisite that names the command to run, where this user can't install.
pub async fn install(apt: Option<&Utf8Path>, is_root: bool, names: &[String]) -> Result<(), Fault> {
    let Some(apt) = apt.filter(|_| is_root) else {
        return Err(cannot_install(apt.is_some(), names));
    };
    let mut argv = words(&[
        apt.as_str(),
        "install",
        "-y",
        "--no-upgrade",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
        "--",
    ]);
    argv.extend_from_slice(names);
    let update = words(&[apt.as_str(), "update"]);
    let fresh = !has_lists();
    if fresh {
        succeed(&update).await?;
    }
    match succeed(&argv).await {
        Err(_) if !fresh => {
            succeed(&update).await?;
            succeed(&argv).await
        }
        result => result,
    }
}

/// The fault of a machine where krun cannot install packages.
fn cannot_install(has_apt: bool, names: &[String]) -> Fault {
    let names = names.join(" ");
    let fault = Fault::new(
        FaultCode::Prerequisite,
        format!("could not install {names}"),
    );
    if has_apt {
        fault
            .because("only root can install packages")
            .hint(format!("Run: sudo apt-get install -y {names}"))
    } else {
        fault
            .because("there is no `apt-get` on this machine")
            .hint(format!(
                "Install them with the machine's own tools: {names}."
            ))
    }
}

/// Whether lists of packages were ever fetched; a container's image has none.
fn has_lists() -> bool {
    Utf8PathBuf::from("/var/lib/apt/lists")
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().contains("_Packages"))
}

/// Runs a command that must end with 0. It is not broken off when the run is told to stop: half an
/// installation is worse than a late end.
async fn succeed(argv: &[String]) -> Result<(), Fault> {
    let output = run(argv, INSTALL_LIMIT).await?;
    if output.code == Some(0) {
        return Ok(());
    }
    Err(
        Fault::new(FaultCode::Command, format!("`{}` failed", argv.join(" ")))
            .because(output.code.map_or_else(
                || "it was ended by a signal".to_owned(),
                |code| format!("exit code {code}"),
            ))
            .evidence(last_lines(&output.stderr, 10)),
    )
}

async fn run(argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
    let env = Map::from(
        [("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8")]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    Invocation {
        argv,
        cwd: None,
        env: &env,
        limit,
        line: None,
        cancel: None,
    }
    .run()
    .await
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The names that `dpkg-query` does not list as installed.
fn not_installed(names: &[String], listed: &str) -> Vec<String> {
    let installed = |name: &str| {
        // A name may say an architecture, as in `libc6:amd64`.
        let bare = name.split(':').next().unwrap_or(name);
        listed.lines().any(|line| {
            line.split_once(' ').is_some_and(|(package, status)| {
                package == bare && status.as_bytes().get(1) == Some(&b'i')
            })
        })
    };
    names
        .iter()
        .filter(|name| !installed(name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed() {
        let names = words(&["maven", "curl:amd64", "gone", "held", "unknown"]);
        let listed = "maven ii \ncurl ii \ngone rc \nheld hi \n";
        assert_eq!(not_installed(&names, listed), ["gone", "unknown"]);
    }

    #[test]
    fn says_the_command() {
        let names = words(&["maven", "curl"]);
        let fault = cannot_install(true, &names);
        assert_eq!(fault.hints, ["Run: sudo apt-get install -y maven curl"]);
        assert_eq!(fault.code, FaultCode::Prerequisite);
        assert!(cannot_install(false, &names).hints[0].ends_with("maven curl."));
    }

    #[tokio::test]
    async fn updates_stale_lists() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        let apt = dir.join("apt-get");
        let script = format!(
            "#!/bin/sh\ncd {dir}\necho \"$1 $DEBIAN_FRONTEND\" >>calls\n\
             [ $1 = update ] && touch updated && exit 0\n\
             [ -e updated ] || {{ echo E: Unable to locate package >&2; exit 100; }}\n"
        );
        std::fs::write(&apt, script).unwrap();
        std::fs::set_permissions(&apt, std::fs::Permissions::from_mode(0o755)).unwrap();
        install(Some(&apt), true, &words(&["x"])).await.unwrap();
        let calls = std::fs::read_to_string(dir.join("calls")).unwrap();
        assert!(
            calls.ends_with("update noninteractive\ninstall noninteractive\n"),
            "{calls}"
        );
        assert!(install(Some(&apt), false, &words(&["x"])).await.is_err());
    }
}
