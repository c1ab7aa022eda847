//! Where it is measured: a temporary folder, the release build of krun, and ways to time a command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use krun_tests::lab::repository;

/// The temporary folder and the program.
pub struct Work {
    folder: tempfile::TempDir,
    krun: PathBuf,
}

impl Drop for Work {
    fn drop(&mut self) {
        end_all(self.folder.path());
    }
}

impl Work {
    /// Builds krun and makes the folder.
    pub fn new() -> Result<Self, String> {
        eprintln!("building krun");
        let mut build = Command::new("cargo");
        build
            .args(["build", "--release", "--quiet", "--package", "krun-cli"])
            .current_dir(repository());
        finished(&mut build)?;
        let target = std::env::current_exe().map_err(|error| error.to_string())?;
        let krun = target.with_file_name("krun");
        let folder = tempfile::Builder::new()
            .prefix("krun-figures-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        Ok(Self { folder, krun })
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        }
        fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// krun with state and cache of its own.
    pub fn krun(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.krun);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("KRUN_STATE", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .stdin(Stdio::null());
        command
    }

    /// Where rivals are installed: kept from one time to the next.
    pub fn tools(&self) -> PathBuf {
        repository().join("target/tools")
    }
}

/// Runs a command to its end; what it printed if it failed.
pub fn finished(command: &mut Command) -> Result<Output, String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let tail: Vec<&str> = said.lines().rev().take(6).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(format!(
        "{:?} failed: {}",
        command.get_program(),
        tail.join(" / ")
    ))
}

/// How long a command takes that must succeed.
pub fn timed(command: &mut Command) -> Result<Duration, String> {
    let since = Instant::now();
    finished(command)?;
    Ok(since.elapsed())
}

/// How long a command takes, its exit code and the most memory that it had at a time, in bytes.
pub fn timed_with_memory(command: &mut Command) -> Result<(Duration, Option<i32>, u64), String> {
    let since = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        // The kernel keeps the high-water mark; the last look misses little of it.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default() * 1024);
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => return Ok((since.elapsed(), status.code(), most)),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// A program of a package of PyPI, installed with pip into an environment of its own.
pub fn installed(work: &Work, package: &str, program: &str) -> Result<PathBuf, String> {
    let environment = work.tools().join(format!("bench-{package}"));
    let path = environment.join("bin").join(program);
    if !path.exists() {
        let python = |program: &Path, arguments: &[&str]| {
            finished(Command::new(program).args(arguments)).map_err(|why| {
                format!("{package} could not be installed with Python's venv and pip: {why}")
            })
        };
        let folder = environment.to_string_lossy().into_owned();
        python(Path::new("python3"), &["-m", "venv", &folder])?;
        python(
            &environment.join("bin/pip"),
            &["install", "--quiet", package],
        )?;
    }
    Ok(path)
}

/// Does something several times.
pub fn times<T>(
    count: usize,
    mut once: impl FnMut() -> Result<T, String>,
) -> Result<Vec<T>, String> {
    (0..count).map(|_| once()).collect()
}

/// Waits until something is there.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if since.elapsed() > limit {
            return Err(format!("{what} did not happen within {limit:?}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ends everything whose command line names a folder, at once, and waits until it is gone.
pub fn end_all(folder: &Path) {
    let folder = folder.to_string_lossy().into_owned();
    loop {
        let mut left = false;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if pid != std::process::id() && String::from_utf8_lossy(&command).contains(&folder) {
                left = true;
                let _ended = Command::new("kill").args(["-9", &pid.to_string()]).status();
            }
        }
        if !left {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
