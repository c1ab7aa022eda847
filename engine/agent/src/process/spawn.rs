//! Starting a process that needs nobody afterwards.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    process::{Command, Stdio},
};

use camino::Utf8Path;
use krun_model::{
    Fault, FaultCode, ProcessSpec,
    process::{MARKER, MARKER_DIGEST},
};

use super::{Scanner, detach::detach, proc};
use crate::blocking::blocking;

/// Starts a process, unless it runs: never twice. Returns once its program was executed.
///
/// The caller sees to it that no two calls for one id run at the same time.
///
/// # Errors
/// A conflict where it runs but was started with something else; a prerequisite where its program
/// is missing.
pub async fn start(scanner: &Scanner, spec: &ProcessSpec) -> Result<(), Fault> {
    match scanner.find(&spec.id).await? {
        Some(running) if running.digest == Some(spec.digest) => Ok(()),
        Some(running) => Err(Fault::new(
            FaultCode::Conflict,
            format!("could not start process {}", spec.id.step),
        )
        .at(format!("pid {}", running.pid))
        .because("it runs already, with another program, arguments or configuration")
        .evidence([running.command])),
        None => {
            let spec = spec.clone();
            blocking(move || spawn(&spec)).await
        }
    }
}

fn spawn(spec: &ProcessSpec) -> Result<(), Fault> {
    let what = format!("could not start process {}", spec.id.step);
    let Some((program, arguments)) = spec.argv.split_first() else {
        return Err(Fault::internal("a process without a program"));
    };
    if !Utf8Path::new(program).is_absolute() {
        return Err(Fault::internal(format!(
            "the program of a process is no absolute path: {program}"
        )));
    }
    if !spec.cwd.is_dir() {
        return Err(Fault::new(FaultCode::Conflict, what)
            .at(&spec.cwd)
            .because("the folder that it is to run in does not exist"));
    }
    let log = open_log(&spec.log)?;
    let log_again = log
        .try_clone()
        .map_err(|error| Fault::io(what.clone(), &spec.log, &error))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&spec.env)
        .envs(secret_env(spec)?)
        .env(MARKER, spec.id.to_string())
        .env(MARKER_DIGEST, spec.digest.to_string())
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_again);
    detach(&mut command);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::new(FaultCode::Prerequisite, what)
            .at(program)
            .because("the program, or the interpreter that it names, does not exist"),
        ErrorKind::PermissionDenied => Fault::new(FaultCode::Prerequisite, what)
            .at(program)
            .because("this user may not execute the program"),
        _ => Fault::io(what, program, &error),
    })?;
    // The program was executed, but its environment is there an instant later: whoever looks for it
    // from now on is to find it.
    let _settled = proc::environment(child.id());
    // While krun lives it is the parent, and must take the exit status lest a zombie stays. Without
    // a thread to wait it would stay until krun ends, which harms nobody: a zombie counts as ended.
    let _best_effort = std::thread::Builder::new()
        .name("krun-reaper".to_owned())
        .stack_size(64 * 1024)
        .spawn(move || child.wait());
    Ok(())
}

/// The variables that hold secrets, loaded.
fn secret_env(spec: &ProcessSpec) -> Result<Vec<(&str, &OsStr)>, Fault> {
    let all = spec.secret_env.iter().map(|(name, content)| {
        let value = content.loaded(Utf8Path::new(name))?;
        Ok((name.as_str(), OsStr::from_bytes(value)))
    });
    all.collect()
}

fn open_log(path: &Utf8Path) -> Result<File, Fault> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .open(path)
        .map_err(|error| Fault::io("could not open the log of a process", path, &error))
}
