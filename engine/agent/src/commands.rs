//! Running a command to its end, with a limit.

use std::{
    io::ErrorKind,
    process::{ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, Map, host::CommandOutput, process::MARKER, secret};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::programs;

/// How much of each stream is kept.
const KEPT: usize = 1024 * 1024;
/// How long the output may stay open after the command itself has ended, because a daemon that it
/// started holds it.
const LINGER: Duration = Duration::from_secs(1);

/// A command and the circumstances it runs in.
pub struct Invocation<'a> {
    /// Program and arguments; no shell.
    pub argv: &'a [String],
    /// The folder it runs in; krun's own where none is given.
    pub cwd: Option<&'a Utf8Path>,
    /// What is added to krun's own environment.
    pub env: &'a Map<String>,
    /// After how long it is killed, with all processes of its group.
    pub limit: Duration,
    /// Who is told each line of output.
    pub line: Option<&'a (dyn Fn(&str) + Send + Sync)>,
    /// Whether the run was told to stop; then it is killed too.
    pub cancel: Option<watch::Receiver<bool>>,
}

impl Invocation<'_> {
    /// Runs it to its end. An exit code other than 0 is an answer and no fault.
    ///
    /// # Errors
    /// A prerequisite where there is no such program, a timeout, a cancellation.
    pub async fn run(self) -> Result<CommandOutput, Fault> {
        let shown = self.argv.join(" ");
        let mut child = self.spawn()?;
        let mut group = Group(child.id());
        let (stdout, stderr) = (Stream::default(), Stream::default());
        let work = async {
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let read = async {
                tokio::join!(stdout.read(out, self.line), stderr.read(err, self.line));
            };
            wait(&mut child, &mut group, read).await
        };
        let status = tokio::select! {
            status = timeout(self.limit, work) => status.map_err(|_| {
                Fault::new(FaultCode::Timeout, format!("`{shown}` did not end"))
                    .because(format!("it was killed after {} s", self.limit.as_secs_f32()))
                    .evidence(stderr.last_lines(10))
            })?,
            () = stopped(self.cancel.clone()) => {
                return Err(cancelled(format!("`{shown}` was broken off")));
            }
        };
        let status = status.map_err(|error| {
            Fault::new(FaultCode::Command, format!("lost `{shown}`")).because(error)
        })?;
        Ok(CommandOutput {
            code: status.code(),
            stdout: stdout.text(),
            stderr: stderr.text(),
        })
    }

    fn spawn(&self) -> Result<Child, Fault> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Fault::internal("a command without a program"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.env)
            .env_remove(MARKER)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        // What krun was given in its environment is not for what it runs.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(secret::PREFIX) {
                command.env_remove(name);
            }
        }
        if let Some(cwd) = self.cwd {
            if !cwd.is_dir() {
                return Err(
                    Fault::new(FaultCode::Command, format!("could not run `{program}`"))
                        .at(cwd)
                        .because("the folder that it is to run in does not exist"),
                );
            }
            command.current_dir(cwd);
        }
        command.spawn().map_err(|error| {
            let what = format!("could not run `{program}`");
            // The error says little: a folder of the search path that this user may not enter turns
            // a missing program into one that may not be executed.
            let search = std::env::var("PATH").ok();
            if error.kind() == ErrorKind::NotFound
                || matches!(programs::which(program, search.as_deref()), Ok(None))
            {
                return Fault::new(FaultCode::Prerequisite, what)
                    .because("there is no such program on the search path");
            }
            Fault::new(FaultCode::Command, what).because(error)
        })
    }
}

/// Ends when the run is told to stop; never where nobody can tell.
pub async fn stopped(cancel: Option<watch::Receiver<bool>>) {
    if let Some(mut cancel) = cancel
        && cancel.wait_for(|stop| *stop).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// The fault of what was broken off because the run was told to stop.
pub fn cancelled(what: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Cancelled, what).because("the run was told to stop")
}

/// Waits for the end of a command and of its output.
async fn wait(
    child: &mut Child,
    group: &mut Group,
    read: impl Future<Output = ()>,
) -> std::io::Result<ExitStatus> {
    tokio::pin!(read);
    let mut all_read = false;
    let status = loop {
        tokio::select! {
            () = &mut read, if !all_read => all_read = true,
            status = child.wait() => break status?,
        }
    };
    // Its exit status is taken, so its pid may be somebody else's from now on.
    group.0 = None;
    if !all_read {
        let _holds_on = timeout(LINGER, read).await;
    }
    Ok(status)
}

/// A group of processes that is killed unless its first process has ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _gone_already = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// What a command wrote to one stream.
#[derive(Default)]
struct Stream(Mutex<Vec<u8>>);

impl Stream {
    async fn read(
        &self,
        from: Option<impl AsyncRead + Unpin>,
        line: Option<&(dyn Fn(&str) + Send + Sync)>,
    ) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 16 * 1024];
        let mut lines = Lines::default();
        // A stream that can't be read has ended; what matters then is the exit code.
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let bytes = &buffer[..n];
            self.keep(bytes);
            if let Some(line) = line {
                lines.feed(bytes, line);
            }
        }
        if let Some(line) = line {
            lines.end(line);
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
    }

    fn text(&self) -> String {
        let kept = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }

    fn last_lines(&self, count: usize) -> Vec<String> {
        last_lines(&self.text(), count)
    }
}

/// The last lines of a text.
pub fn last_lines(text: &str, count: usize) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|&line| line.to_owned())
        .collect()
}

/// Cuts a stream into lines; a carriage return, with which progress bars redraw, ends one too.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn feed(&mut self, bytes: &[u8], line: &(dyn Fn(&str) + Send + Sync)) {
        for byte in bytes {
            if matches!(byte, b'\n' | b'\r') || self.0.len() >= KEPT {
                self.end(line);
            } else {
                self.0.push(*byte);
            }
        }
    }

    fn end(&mut self, line: &(dyn Fn(&str) + Send + Sync)) {
        if !self.0.is_empty() {
            line(&String::from_utf8_lossy(&self.0));
            self.0.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let seen = Mutex::new(vec![]);
        let see = |line: &str| seen.lock().unwrap().push(line.to_owned());
        let mut lines = Lines::default();
        lines.feed(b"10%\r20%\r\none", &see);
        lines.feed(b" line\n\nlast", &see);
        lines.end(&see);
        assert_eq!(*seen.lock().unwrap(), ["10%", "20%", "one line", "last"]);
        assert_eq!(last_lines("a\nb\nc\n", 2), ["b", "c"]);
    }
}
