//! The machine as it will be once planned steps are applied: reads fall through to the machine but
//! for what effects would have changed, and nothing is touched.
//!
//! Owns what is foreseen of files, folders and links. A process, a package, a topic or a download is
//! not foreseen: a step that asks for one ends there, and the plan says "known after apply" as far as
//! something depends on it. Never writes to the machine, the journal or a cache.

mod glances;
mod look;
mod tree;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Content, Digest, Effect, Fault, FaultCode, Map, ReadHost, RunId, Secrets as _, Target,
    TargetState, WriteHost,
    download::{Download, Downloaded, Unpack},
    host::{CommandOutput, FileKind},
};

use self::{
    glances::Glances,
    tree::{Place, Tree},
};
use crate::{Session, host::quarantine_place};

/// How many links may lead on to one another.
const LINKS: usize = 40;

/// What is foreseen.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    tree: Mutex<Tree>,
    /// Folders without links in them, as far as they were looked at.
    folders: Mutex<HashMap<Utf8PathBuf, Utf8PathBuf>>,
    /// What was read of the machine: many steps look at the same folder of jars, or the same Java.
    glances: Glances,
    /// The user and group that files are made with.
    me: tokio::sync::OnceCell<(u32, u32)>,
}

impl Overlay {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<Utf8PathBuf, Utf8PathBuf>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The view that one step has of the machine as it will be; remembers what it was used for.
pub(crate) struct Lens<'a> {
    pub(crate) session: &'a Session,
    pub(crate) overlay: &'a Overlay,
    pub(crate) run: RunId,
    pub(crate) step: &'a Address,
    /// Whether anything was seen that is not on the machine now.
    ahead: AtomicBool,
    /// Whether anything was foreseen.
    performed: AtomicBool,
    /// What was seen, one line each, where that is asked for.
    seen: Option<Mutex<BTreeSet<String>>>,
}

impl<'a> Lens<'a> {
    /// A view for one step. With `remember`, [`Lens::seen`] says afterwards what was seen.
    pub(crate) fn new(
        session: &'a Session,
        overlay: &'a Overlay,
        run: RunId,
        step: &'a Address,
        remember: bool,
    ) -> Self {
        Self {
            session,
            overlay,
            run,
            step,
            ahead: AtomicBool::new(false),
            performed: AtomicBool::new(false),
            seen: remember.then(Mutex::default),
        }
    }

    /// Whether anything was seen that is not on the machine now.
    pub(crate) fn saw_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Whether anything was foreseen.
    pub(crate) fn performed(&self) -> bool {
        self.performed.load(Ordering::Relaxed)
    }

    /// The digest of all that was seen; a keyed one where a secret may have been among it.
    pub(crate) fn seen(&self) -> Option<Digest> {
        let seen = self.seen.as_ref()?;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = seen.iter().map(String::as_str).collect();
        let digest = Digest::of(lines.join("\n"));
        match self.session.vault.is_in_use() {
            true => self.session.vault.keyed(digest).ok(),
            false => Some(digest),
        }
    }

    /// Remembers what was seen, if that is asked for.
    fn saw(&self, line: impl FnOnce() -> String) {
        if let Some(seen) = &self.seen {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(line());
        }
    }

    /// Where a path has to be looked at; with `follow` the path itself may be a link.
    async fn place(&self, path: &Utf8Path, follow: bool) -> Result<(Utf8PathBuf, Place), Fault> {
        if self.overlay.tree().is_empty() {
            return Ok((path.to_owned(), Place::Machine(path.to_owned())));
        }
        // A `.` at the end names what a link leads to.
        let follow = follow || path.as_str().ends_with("/.");
        let path = self.settle(path, follow).await?;
        let place = self.overlay.tree().place(&path);
        match &place {
            Place::Machine(real) if *real == path => {}
            _ => self.ahead.store(true, Ordering::Relaxed),
        }
        Ok((path, place))
    }

    /// A path without links in its folders, nor in itself where `follow` says so.
    async fn settle(&self, path: &Utf8Path, follow: bool) -> Result<Utf8PathBuf, Fault> {
        let clean: Utf8PathBuf = path.components().collect();
        if follow {
            return self.without_links(clean, LINKS).await;
        }
        match (clean.parent(), clean.file_name()) {
            (Some(folder), Some(name)) => Ok(self
                .without_links(folder.to_owned(), LINKS)
                .await?
                .join(name)),
            _ => Ok(clean),
        }
    }

    async fn without_links(&self, path: Utf8PathBuf, left: usize) -> Result<Utf8PathBuf, Fault> {
        if let Some(known) = self.overlay.folders().get(&path) {
            return Ok(known.clone());
        }
        let (Some(parent), Some(last)) = (path.parent(), path.components().next_back()) else {
            return Ok(path);
        };
        let folder = Box::pin(self.without_links(parent.to_owned(), left)).await?;
        let settled = match last.as_str() {
            ".." => folder.parent().unwrap_or(&folder).to_owned(),
            name => {
                let at = folder.join(name);
                match self.link(&at).await? {
                    Some(to) if left > 0 => {
                        Box::pin(self.without_links(folder.join(to), left - 1)).await?
                    }
                    _ => at,
                }
            }
        };
        self.overlay.folders().insert(path, settled.clone());
        Ok(settled)
    }

    /// What a link at a path will lead to.
    async fn link(&self, at: &Utf8Path) -> Result<Option<String>, Fault> {
        let place = self.overlay.tree().place(at);
        let state = match place {
            Place::Nothing => return Ok(None),
            Place::Made { state, .. } => state,
            Place::Machine(real) => {
                let machine = &self.session.machine;
                match machine.stat(&real).await? {
                    Some(stat) if stat.kind == FileKind::Link => machine.path_state(&real).await?,
                    _ => return Ok(None),
                }
            }
        };
        Ok(match state {
            TargetState::Link { to } => Some(to),
            _ => None,
        })
    }

    /// The state of a target as it will be.
    async fn state(&self, target: &Target) -> Result<TargetState, Fault> {
        Ok(match target {
            Target::Path(path) => self.path_state(path).await?,
            Target::Contents(path) => match self.list(path).await? {
                Some(names) => TargetState::Contents(names.into_iter().collect()),
                None => TargetState::Absent,
            },
            Target::Moved { from, to } => TargetState::Moved {
                from: self.stat(from).await?.is_some(),
                to: self.stat(to).await?.is_some(),
            },
            // What would be kept is seen only by the call that keeps it.
            Target::Kept { .. } => TargetState::Absent,
            Target::Process(_)
            | Target::Packages(_)
            | Target::Topic(_)
            | Target::Records(_)
            | Target::Configs(_)
            | Target::Group(_)
            | Target::Replicas(_)
            | Target::Leaders(_)
            | Target::Plugin(_) => {
                return Err(not_foreseen(target));
            }
        })
    }

    /// The user and group that krun makes files with: those that own its own folder below `/proc`.
    async fn me(&self) -> Result<(u32, u32), Fault> {
        let look = async || {
            let own = self.session.machine.stat("/proc/self/.".into()).await?;
            Ok(own.map_or((0, 0), |stat| (stat.uid, stat.gid)))
        };
        self.overlay.me.get_or_try_init(look).await.copied()
    }

    /// Moves one thing, with the folders above its destination.
    async fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), Fault> {
        let mut above = vec![];
        for folder in to.ancestors().skip(1) {
            if self.stat(folder).await?.is_some() {
                break;
            }
            above.push(folder);
        }
        let me = self.me().await?;
        for folder in above.into_iter().rev() {
            let path = self.settle(folder, false).await?;
            let effect = Effect::MakeDir { path, mode: 0o755 };
            if let Some(after) = effect.after(&TargetState::Absent, me) {
                self.overlay
                    .tree()
                    .put(&effect, &TargetState::Absent, after);
            }
        }
        let (from, to) = (
            self.settle(from, false).await?,
            self.settle(to, false).await?,
        );
        self.overlay.tree().rename(&from, &to);
        self.overlay.folders().clear();
        Ok(())
    }

    /// Takes in what an effect changes.
    async fn take_in(&self, effect: &Effect, before: &TargetState) -> Result<(), Fault> {
        match effect {
            Effect::Move { from, to } => self.rename(from, to).await,
            Effect::Release {
                path,
                keep,
                quarantine,
            } => {
                for name in self.list(path).await?.unwrap_or_default() {
                    if !keep.contains(&name) {
                        self.rename(&path.join(&name), &quarantine.join(&name))
                            .await?;
                    }
                }
                Ok(())
            }
            effect => {
                let Some(after) = effect.after(before, self.me().await?) else {
                    return Err(not_foreseen(effect.target()));
                };
                let settled = self.settled(effect).await?;
                self.overlay.tree().put(&settled, before, after);
                // Only a link that comes or goes leads folders elsewhere.
                if !matches!(effect, Effect::WriteFile { .. } | Effect::MakeDir { .. }) {
                    self.overlay.folders().clear();
                }
                Ok(())
            }
        }
    }

    /// An effect on one path, with the links in its folders resolved.
    async fn settled(&self, effect: &Effect) -> Result<Effect, Fault> {
        let mut effect = effect.clone();
        if let Effect::WriteFile { path, .. }
        | Effect::RemoveFile { path }
        | Effect::MakeDir { path, .. }
        | Effect::RemoveDir { path }
        | Effect::Link { path, .. } = &mut effect
        {
            *path = self.settle(path, false).await?;
        }
        Ok(effect)
    }
}

fn not_foreseen(what: impl std::fmt::Display) -> Fault {
    Fault::new(FaultCode::Conflict, "this is not known before it is done").at(what)
}

#[async_trait]
impl WriteHost for Lens<'_> {
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault> {
        let target = effect.target();
        let before = self.state(&target).await?;
        if matches!(effect, Effect::Claim { .. } | Effect::Keep { .. }) || effect.achieved(&before)
        {
            return Ok(before);
        }
        if matches!(effect, Effect::Move { .. })
            && before
                != (TargetState::Moved {
                    from: true,
                    to: false,
                })
        {
            return Err(
                Fault::new(FaultCode::Conflict, "this can't be moved").at(format!("{target}"))
            );
        }
        if let (Target::Path(path), true) = (&target, effect.contents().any(Content::is_open)) {
            self.session.vault.guard(path);
        }
        self.performed.store(true, Ordering::Relaxed);
        self.take_in(&effect, &before).await?;
        self.state(&target).await
    }

    async fn fetch(
        &self,
        argv: &[String],
        _cwd: &Utf8Path,
        _env: &Map<String>,
        _limit: Duration,
    ) -> Result<CommandOutput, Fault> {
        Err(not_foreseen(argv.join(" ")))
    }

    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault> {
        Err(not_foreseen(&what.url))
    }

    async fn unpack(&self, what: &Unpack) -> Result<(), Fault> {
        Err(not_foreseen(&what.archive))
    }

    async fn quarantine(&self, path: &Utf8Path, name: &str) -> Result<Utf8PathBuf, Fault> {
        quarantine_place(self.session, self, self.run, self.step, path, name).await
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        Err(not_foreseen("the cache"))
    }
}
