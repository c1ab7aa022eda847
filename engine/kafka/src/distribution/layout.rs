//! The folder that krun makes around the jars.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Change, Content, Digest, Effect, Fault, FaultCode, Outputs, ReadHost, TargetState, WriteHost,
    host::FileKind,
    kind::{Check, Progress},
    plan::DiffLine,
};
use krun_steps::folders::{ensure_dir, ensure_parent};

use super::{
    FILE, FOLDER, Folders, SCRIPT,
    launcher::{self, Content as Bin},
    source::{Found, Source},
};
use crate::versions::Product;

/// What a layout is made of.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// What is to be there.
    pub product: Product,
    /// Where its jars and its default configuration come from.
    pub source: &'a Source,
    /// Where it lies.
    pub folders: &'a Folders,
    /// The Java that its launchers start.
    pub java: &'a Utf8Path,
    /// The folder below which its default configuration keeps data.
    pub data: Option<&'a Utf8Path>,
}

impl Layout<'_> {
    /// What a step that makes it says of it.
    pub async fn check(&self, host: &dyn ReadHost) -> Result<Check, Fault> {
        let diff = self.differences(host).await?;
        if diff.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let there = host.stat(&self.folders.libs).await?.is_some();
        Ok(Check::Drift {
            change: if there {
                Change::Update
            } else {
                Change::Create
            },
            why: match (there, diff.len()) {
                (false, _) => "it is not there".to_owned(),
                (true, 1) => format!("{} differs", diff[0].key),
                (true, count) => format!("{count} of its files differ"),
            },
            diff,
        })
    }

    /// What is missing or different. A configuration file counts only if it is missing: its contents
    /// belong to later steps and to people.
    async fn differences(&self, host: &dyn ReadHost) -> Result<Vec<DiffLine>, Fault> {
        let mut lines = vec![];
        let libs = &self.folders.libs;
        let found = self.source.look(host).await?;
        let seen = match host.stat(libs).await?.map(|stat| stat.kind) {
            Some(FileKind::Link) => Some(host.path_state(libs).await?),
            Some(_) => return Err(in_the_way(libs)),
            None => None,
        };
        let linked = match &seen {
            Some(TargetState::Link { to }) => {
                let source = self.source;
                source
                    .is_linked(host, &self.product, &found, to, libs)
                    .await?
            }
            _ => false,
        };
        if !linked {
            let before = seen.as_ref().map(ToString::to_string);
            let after = self.source.title(&self.product);
            lines.push(DiffLine::new(libs.as_str(), before.as_deref(), after));
        }
        if found == Found::NotYet {
            let config = self.folders.config.as_str();
            lines.push(DiffLine::new(
                config,
                None,
                "the archive's own, where missing",
            ));
        }
        for (path, _) in self.missing_config(host, &found).await? {
            lines.push(DiffLine::new(path, None, "default"));
        }
        let stale = self.stale_launchers(host).await?;
        match stale.as_slice() {
            [] => {}
            [(path, _, before)] => {
                let before = before_text(before);
                lines.push(DiffLine::new(path.as_str(), before.as_deref(), "launcher"));
            }
            // Dozens of names that belong together are one line.
            many => {
                let there = many
                    .iter()
                    .filter(|(_, _, before)| *before != TargetState::Absent);
                let before = match there.count() {
                    0 => None,
                    count => Some(format!("{count} that differ")),
                };
                let after = format!("launchers, {} names", many.len());
                lines.push(DiffLine::new(
                    self.folders.bin.as_str(),
                    before.as_deref(),
                    after,
                ));
            }
        }
        let scripts = self.stale_scripts(host, &found).await?;
        if !scripts.is_empty() {
            let after = format!("links to {} scripts of the archive", scripts.len());
            lines.push(DiffLine::new(self.folders.bin.as_str(), None, after));
        }
        Ok(lines)
    }

    async fn missing_config(
        &self,
        host: &dyn ReadHost,
        found: &Found,
    ) -> Result<Vec<(Utf8PathBuf, Vec<u8>)>, Fault> {
        let mut missing = vec![];
        let data = self.data.map(Utf8Path::as_str);
        let files = found.config(host, &self.product, data).await?;
        for (name, bytes) in files.unwrap_or_default() {
            let path = self.folders.config.join(name);
            if host.stat(&path).await?.is_none() {
                missing.push((path, bytes));
            }
        }
        Ok(missing)
    }

    /// Scripts of the distribution's own for which there is no launcher and no link yet. What else has
    /// such a name is left as it is.
    async fn stale_scripts(
        &self,
        host: &dyn ReadHost,
        found: &Found,
    ) -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>, Fault> {
        let launchers = launcher::scripts(&self.product, self.java);
        let mut stale = vec![];
        for (name, to) in found.scripts(host).await? {
            if launchers.iter().any(|launcher| launcher.name == name) {
                continue;
            }
            let path = self.folders.bin.join(name);
            match host.path_state(&path).await? {
                TargetState::Absent => stale.push((path, to)),
                TargetState::Link { to: seen } if to != seen => stale.push((path, to)),
                _ => {}
            }
        }
        Ok(stale)
    }

    /// Launchers that are missing or different, with what is there.
    async fn stale_launchers(
        &self,
        host: &dyn ReadHost,
    ) -> Result<Vec<(Utf8PathBuf, Bin, TargetState)>, Fault> {
        let mut stale = vec![];
        for script in launcher::scripts(&self.product, self.java) {
            let path = self.folders.bin.join(&script.name);
            let before = host.path_state(&path).await?;
            let as_wanted = match (&script.content, &before) {
                (Bin::Text(text), TargetState::File { digest, mode, .. }) => {
                    *digest == Digest::of(text) && *mode == SCRIPT
                }
                (Bin::Link(to), TargetState::Link { to: seen }) => seen == to,
                _ => false,
            };
            if !as_wanted {
                stale.push((path, script.content, before));
            }
        }
        Ok(stale)
    }

    /// Makes what is missing or different.
    pub async fn make(&self, host: &dyn WriteHost, progress: &dyn Progress) -> Result<(), Fault> {
        let java_home = self.java.parent().and_then(Utf8Path::parent);
        let source = self.source;
        let (jars, found) = source
            .fetch(host, &self.product, java_home, progress)
            .await?;
        ensure_dir(host, &self.folders.home, FOLDER).await?;
        host.perform(Effect::Link {
            path: self.folders.libs.clone(),
            to: jars.into_string(),
        })
        .await?;
        self.make_files(host, &found).await
    }

    /// Makes what is missing or different of the files, which follow from the version and from what was
    /// found of the source.
    pub async fn make_files(&self, host: &dyn WriteHost, found: &Found) -> Result<(), Fault> {
        ensure_dir(host, &self.folders.config, FOLDER).await?;
        for (path, bytes) in self.missing_config(host, found).await? {
            ensure_parent(host, &path).await?;
            host.perform(write(path, Content::new(bytes), FILE)).await?;
        }
        ensure_dir(host, &self.folders.bin, FOLDER).await?;
        for (path, content, before) in self.stale_launchers(host).await? {
            let effect = match content {
                Bin::Text(text) => write(path, Content::new(text.into_bytes()), SCRIPT),
                Bin::Link(to) => {
                    // An earlier krun made a script of every name.
                    if matches!(before, TargetState::File { .. }) {
                        host.perform(Effect::RemoveFile { path: path.clone() })
                            .await?;
                    }
                    let to = to.to_owned();
                    Effect::Link { path, to }
                }
            };
            host.perform(effect).await?;
        }
        for (path, to) in self.stale_scripts(host, found).await? {
            let to = to.into_string();
            host.perform(Effect::Link { path, to }).await?;
        }
        Ok(())
    }
}

fn before_text(before: &TargetState) -> Option<String> {
    (*before != TargetState::Absent).then(|| before.to_string())
}

fn write(path: Utf8PathBuf, content: Content, mode: u32) -> Effect {
    Effect::WriteFile {
        path,
        content,
        mode,
        owner: None,
    }
}

fn in_the_way(libs: &Utf8Path) -> Fault {
    Fault::new(FaultCode::Conflict, "a folder is where a link should be")
        .at(libs)
        .because("this folder was not made by krun")
        .hint("If this is a distribution of your own, name it as `home`.")
        .hint("Otherwise choose another folder for `to`.")
}
