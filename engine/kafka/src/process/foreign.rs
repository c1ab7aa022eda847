//! A server that was started by hand: is it what a step wants, and in what does it differ?
//!
//! Reads the process's command line, program and folder from `/proc`. What can't be told of a running
//! process (the jars of a class path in its environment) is no difference.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Digest, Fault, FaultCode, Map, Outputs, ReadHost, Secrets, TargetState,
    kind::FoundProcess,
    plan::{After, DiffLine},
    process::Running,
};
use serde_json::json;

use super::{
    Heap, Server, Started,
    config::{effective, showable},
};
use crate::java;

/// A Java server that krun did not start.
#[derive(Debug)]
pub struct Foreign {
    running: Running,
    argv: Vec<String>,
    /// The settings that it was started with, as far as its configuration file still says.
    pub settings: Map<String>,
}

impl Foreign {
    /// The server that listens on a port; none where nobody does.
    ///
    /// # Errors
    /// Somebody else listens there than a server of the class that `started` names.
    pub async fn at(
        host: &dyn ReadHost,
        port: u16,
        started: &Started,
    ) -> Result<Option<Self>, Fault> {
        let Some(holder) = host.port_holder(port).await? else {
            return Ok(None);
        };
        let refused = |why: String| {
            Fault::new(
                FaultCode::Conflict,
                format!("what listens on port {port} can't be adopted"),
            )
            .because(why)
        };
        if let Some(id) = holder.id {
            return Err(refused(format!("it is a process of krun's own, {id}"))
                .hint("It belongs to another deployment: use that one, or stop it there."));
        }
        let running = holder.process.ok_or_else(|| {
            refused("it is a process of another user".into())
                .hint("Run krun as that user, or as root.")
        })?;
        let proc = Utf8PathBuf::from(format!("/proc/{}", running.pid));
        let bytes = host.read(&proc.join("cmdline")).await?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let argv: Vec<String> = text
            .trim_end_matches('\0')
            .split('\0')
            .map(str::to_owned)
            .collect();
        let class = class_of(started);
        let Some(at) = argv.iter().position(|word| word == class) else {
            return Err(refused(format!(
                "pid {} is no {class}: {}",
                running.pid, running.command
            ))
            .hint("End it, or choose another port."));
        };
        let arguments = argv.get(at + 1..).unwrap_or_default();
        let settings = settings(host, &proc, arguments).await?.ok_or_else(|| {
            refused(format!(
                "the configuration that pid {} was started with is not there",
                running.pid
            ))
        })?;
        Ok(Some(Self {
            running,
            argv,
            settings,
        }))
    }

    /// What the process has of its keys, where a difference would mean other data than the step's.
    ///
    /// # Errors
    /// [`FaultCode::Conflict`] where one differs.
    pub fn must_share(&self, wanted: &Map<String>, keys: &[&str]) -> Result<(), Fault> {
        let differs = keys
            .iter()
            .find(|key| self.settings.get(**key) != wanted.get(**key));
        let Some(key) = differs else {
            return Ok(());
        };
        let show = |settings: &Map<String>| {
            settings
                .get(*key)
                .cloned()
                .unwrap_or_else(|| "not set".into())
        };
        Err(Fault::new(
            FaultCode::Conflict,
            "the process that runs has other data than this step",
        )
        .at(format!("pid {}", self.running.pid))
        .because(format!(
            "its {key} is {}, and {} is wanted",
            show(&self.settings),
            show(wanted)
        ))
        .hint("Give the runbook the parameters of what runs, then adopt it."))
    }

    /// The process as something that can be adopted.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn found(
        self,
        host: &dyn ReadHost,
        server: &Server<'_>,
        secrets: &dyn Secrets,
        started: Started,
        mut outputs: Outputs,
    ) -> Result<FoundProcess, Fault> {
        let mut differences = self.of_settings(&started.settings, secrets);
        if let Some(line) = self.of_heap(server.heap) {
            if let Some(before) = &line.before {
                outputs.insert("heap".into(), json!(before));
            }
            differences.push(line);
        }
        if let Some(line) = self.of_java(host, server.java).await? {
            outputs.insert("java".into(), json!(line.before));
            differences.push(line);
        }
        if let Some(line) = self.of_jars(host, server.home).await? {
            outputs.insert("jars".into(), json!(line.before));
            differences.push(line);
        }
        let argv = Digest::of_json(&self.argv);
        let digest = if differences.is_empty() {
            started.spec.digest
        } else {
            let digest = Digest::of_json(&(&self.argv, &self.settings));
            match secrets.guards(server.config) {
                true => secrets.keyed(digest)?,
                false => digest,
            }
        };
        outputs.insert("settings".into(), json!(showable(&self.settings, secrets)));
        outputs.insert("digest".into(), json!(digest));
        Ok(FoundProcess {
            spec: started.spec,
            running: Running {
                digest: Some(digest),
                ..self.running
            },
            argv,
            outputs,
            differences,
        })
    }

    fn of_settings(&self, wanted: &Map<String>, secrets: &dyn Secrets) -> Vec<DiffLine> {
        let there = showable(&self.settings, secrets);
        let wanted = showable(wanted, secrets);
        let mut keys: Vec<_> = there.keys().chain(wanted.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter(|key| there.get(*key) != wanted.get(*key))
            .map(|key| DiffLine {
                key: key.clone(),
                before: there.get(key).cloned(),
                after: wanted
                    .get(key)
                    .map_or(After::Gone, |value| After::Value(value.clone())),
            })
            .collect()
    }

    fn of_heap(&self, wanted: &Heap) -> Option<DiffLine> {
        let there = self
            .argv
            .iter()
            .rev()
            .find_map(|word| word.strip_prefix("-Xmx"));
        let same = there
            .is_some_and(|there| Heap::parse(there).is_ok_and(|there| there.bytes == wanted.bytes));
        (!same).then(|| DiffLine::new("heap", there.or(Some("Java's own")), &*wanted.text))
    }

    /// Two Javas of one version are one: links lead to the same in many ways.
    async fn of_java(&self, host: &dyn ReadHost, wanted: &str) -> Result<Option<DiffLine>, Fault> {
        let exe = link(host, &format!("/proc/{}/exe", self.running.pid).into()).await?;
        let Some(exe) = exe.filter(|exe| exe != wanted) else {
            return Ok(None);
        };
        let there = java::version_of(host, &exe).await?;
        let same = match java::version_of(host, wanted.into()).await? {
            Some(wanted) => there.is_none_or(|there| there.text == wanted.text),
            None => true,
        };
        Ok((!same).then(|| DiffLine::new("java", Some(exe.as_str()), wanted)))
    }

    async fn of_jars(
        &self,
        host: &dyn ReadHost,
        home: &Utf8Path,
    ) -> Result<Option<DiffLine>, Fault> {
        let libs = home.join("libs");
        let behind = link(host, &libs).await?;
        let mut words = self.argv.iter();
        let Some(path) = words
            .find(|word| matches!(word.as_str(), "-cp" | "-classpath" | "--class-path"))
            .and_then(|_| words.next())
        else {
            return Ok(None);
        };
        let same = path
            .split(':')
            .map(|entry| clean(entry.into()))
            .any(|entry| {
                entry.starts_with(&libs) || behind.as_ref().is_some_and(|to| entry.starts_with(to))
            });
        Ok((!same).then(|| DiffLine::new("jars", Some(path), libs.join("*").as_str())))
    }
}

/// The class that a server is started with: what stands before its configuration.
fn class_of(started: &Started) -> &str {
    let argv = &started.spec.argv;
    argv.len()
        .checked_sub(2)
        .and_then(|at| argv.get(at))
        .map_or("", String::as_str)
}

/// The settings of the configuration file that a server was given, and those that it was given beside
/// it; none where the file is not there.
async fn settings(
    host: &dyn ReadHost,
    proc: &Utf8Path,
    arguments: &[String],
) -> Result<Option<Map<String>>, Fault> {
    let Some(config) = arguments.first() else {
        return Ok(None);
    };
    let cwd = link(host, &proc.join("cwd")).await?.unwrap_or_default();
    let Some(mut settings) = effective(host, &cwd.join(config)).await? else {
        return Ok(None);
    };
    let mut words = arguments.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--override"
            && let Some((key, value)) = words.next().and_then(|pair| pair.split_once('='))
        {
            settings.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(Some(settings))
}

/// Where a link leads; none where no link is.
async fn link(host: &dyn ReadHost, path: &Utf8PathBuf) -> Result<Option<Utf8PathBuf>, Fault> {
    Ok(match host.path_state(path).await? {
        TargetState::Link { to } => Some(to.into()),
        _ => None,
    })
}

/// A path without `.` and `..`, as Apache's scripts put them into a class path.
fn clean(path: &Utf8Path) -> Utf8PathBuf {
    let mut clean = Utf8PathBuf::new();
    for part in path.components() {
        match part.as_str() {
            ".." => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(argv: &[&str], settings: &[(&str, &str)]) -> Foreign {
        Foreign {
            running: Running {
                pid: 1,
                started: 1,
                boot: "b".into(),
                digest: None,
                command: "java".into(),
            },
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            settings: map(settings),
        }
    }

    fn map(pairs: &[(&str, &str)]) -> Map<String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn heaps() {
        let wanted = Heap::parse("1g").unwrap();
        let of = |argv: &[&str]| foreign(argv, &[]).of_heap(&wanted).map(|line| line.before);
        assert_eq!(of(&["java", "-Xmx256m", "-Xmx1024m"]), None);
        assert_eq!(of(&["java", "-Xmx2g"]), Some(Some("2g".into())));
        assert_eq!(of(&["java"]), Some(Some("Java's own".into())));
    }

    #[test]
    fn other_data_is_not_adopted() {
        let found = foreign(&[], &[("log.dirs", "/a"), ("password", "x")]);
        assert!(
            found
                .must_share(&map(&[("log.dirs", "/a")]), &["log.dirs"])
                .is_ok()
        );
        let refused = found
            .must_share(&map(&[("log.dirs", "/b")]), &["log.dirs"])
            .unwrap_err();
        assert!(refused.why.unwrap().contains("/a"));
        let lines = found.of_settings(
            &map(&[("log.dirs", "/b"), ("x", "1")]),
            &krun_model::secret::NoSecrets,
        );
        let keys: Vec<_> = lines.iter().map(|line| line.key.as_str()).collect();
        assert_eq!(keys, ["log.dirs", "x"], "a secret is not shown");
    }

    #[test]
    fn class_paths() {
        assert_eq!(clean("/k/bin/../libs/./a.jar".into()), "/k/libs/a.jar");
    }
}
