//! The one door through which a step changes anything: before-image, intent, effect, outcome.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Checksum, Digest, Effect, Fault, FaultCode, HttpAnswer, HttpQuestion, Map, ProcessId,
    ReadHost, RunId, Target, TargetState, WriteHost,
    checksum::Algorithm,
    download::{Download, Downloaded, Unpack},
    history::EffectMemory,
    host::{CommandOutput, Errand, FileStat, PortHolder, Work},
    journal::Outcome,
    names::numbered,
    plugin::PluginAct,
    process::Running,
};

use crate::{
    Pending, Session, acts, events::StepProgress, in_hand::InHand, sealing::changed_meanwhile,
    verify::SETTLING,
};

/// The machine as one step of one run may change it.
pub(crate) struct JournaledHost<'a> {
    pub(crate) session: &'a Session,
    pub(crate) run: RunId,
    pub(crate) step: &'a Address,
    /// Effects that were begun and have no outcome yet.
    pub(crate) in_hand: InHand,
}

impl JournaledHost<'_> {
    pub(crate) fn progress(&self) -> StepProgress {
        StepProgress {
            step: self.step.clone(),
            events: self.session.events.clone(),
        }
    }

    /// What is there before an effect. What can't be seen is not changed: it could not be taken back.
    async fn before(&self, target: &Target) -> Result<TargetState, Fault> {
        let mut pauses = SETTLING.iter();
        loop {
            let state = self.session.observe(target).await?;
            let TargetState::Unreachable { why } = &state else {
                return Ok(state);
            };
            if !target.is_in_cluster() {
                return Ok(state);
            }
            let Some(pause) = pauses.next() else {
                let what = "a cluster does not say what is there before it is changed";
                return Err(Fault::new(FaultCode::Cluster, what)
                    .at(target)
                    .because(why)
                    .hint("It was not changed. See whether its brokers run, and give the command again."));
            };
            self.pause(Duration::from_millis(*pause)).await?;
        }
    }

    /// Whether the effect has nothing left to do, so that no entry is owed.
    async fn settled_already(&self, effect: &Effect, before: &TargetState) -> Result<bool, Fault> {
        let target = effect.target();
        let pending = {
            let history = self.session.ledger.history();
            if let Effect::Claim { .. } = effect {
                let mut claims = history.effects.iter().map(|e| &e.effect);
                return Ok(
                    claims.any(|e| matches!(e, Effect::Claim { .. }) && e.target() == target)
                );
            }
            let mut pending = history.pending.iter();
            let pending = pending.find(|p| p.effect.target() == target);
            if let Effect::Produce { records, .. } = effect {
                // Its step was cut off before it could say that it is done.
                let mut own = history.effects.iter().filter(|e| e.step == *self.step);
                let written =
                    |e: &EffectMemory| e.effect == *effect && has_all(e, *records, before);
                return Ok(pending.is_none() && own.any(written));
            }
            pending.cloned()
        };
        if matches!(effect, Effect::PluginUndo { .. }) || !effect.achieved(before) {
            return Ok(false);
        }
        if let Some(pending) = pending.filter(|p| p.effect.achieved(before)) {
            let pending = self.session.ledger.take_up(&pending);
            let outcome = Outcome::Recovered(before.clone());
            self.session.ledger.settle(pending, outcome).await?;
        }
        Ok(true)
    }

    /// The open intent of this very effect, where an attempt that was cut off is still under way.
    fn under_way(&self, effect: &Effect, now: &TargetState) -> Option<Pending> {
        let history = self.session.ledger.history();
        let same = history
            .pending
            .iter()
            .find(|pending| pending.step == *self.step && pending.effect == *effect)?;
        let is_undo = matches!(effect, Effect::PluginUndo { .. });
        (effect.goes_on(now) || effect.may_arrive_late() || is_undo)
            .then(|| self.session.ledger.take_up(same))
    }

    /// Keeps the bytes that the effect would overwrite, and those that it writes.
    async fn keep_images(&self, effect: &Effect, before: &TargetState) -> Result<(), Fault> {
        // What is sealed is kept already.
        for content in effect.contents() {
            if let Some(bytes) = content
                .bytes
                .as_ref()
                .filter(|_| !content.digest.is_sealed())
            {
                self.session.ledger.put_blob(bytes.clone()).await?;
            }
        }
        let (Target::Path(path), TargetState::File { digest, .. }) = (effect.target(), before)
        else {
            return Ok(());
        };
        let bytes = self.session.machine.read(&path).await?.unwrap_or_default();
        match self.session.image(bytes, digest)? {
            Some(image) => self.session.ledger.put_blob(image).await,
            None => Err(changed_meanwhile(&path)),
        }
    }

    /// Before-image, intent, effect, outcome: all in one turn at the target. With `keep_dir` a folder
    /// that is there stays as it is.
    async fn bring_about(&self, effect: Effect, keep_dir: bool) -> Result<TargetState, Fault> {
        let session = self.session;
        let target = effect.target();
        session.within_fence(&target)?;
        let _turn = session.ledger.turn_at(target.clone()).await;
        // Who only waits for a turn has nothing in hand.
        let _held = self.in_hand.take()?;
        let effect = session.sealed(&effect).await?;
        let before = self.before(&target).await?;
        if self.settled_already(&effect, &before).await? {
            return Ok(before);
        }
        if keep_dir && matches!(before, TargetState::Dir { .. }) {
            return Ok(before);
        }
        acts::may_undo(&effect, &before)?;
        self.keep_images(&effect, &before).await?;
        let pending = match self.under_way(&effect, &before) {
            Some(pending) => pending,
            None => {
                let undo = effect.undo(&before);
                session
                    .ledger
                    .intend(self.run, self.step, &effect, before.clone(), undo)
                    .await?
            }
        };
        session.ledger.acting(self.step, &effect);
        let performed = match &effect {
            Effect::PluginUndo { act, .. } => acts::undo(self, act).await,
            // Its intent is all of it.
            Effect::Keep { .. } => Ok(()),
            effect => session.perform(effect).await,
        };
        session.ledger.acted(self.step, &effect);
        let after = session.observe(&target).await?;
        if let Err(fault) = &performed
            && (effect.goes_on(&after) || matches!(effect, Effect::PluginUndo { .. }))
        {
            // The intent stays open, so that the next run knows whose it is.
            return Err(fault.clone());
        }
        let outcome = match &performed {
            Err(fault) if after == before => Outcome::NotDone(fault.to_string()),
            _ => Outcome::Done(after.clone()),
        };
        session.ledger.settle(pending, outcome).await?;
        performed?;
        acts::is_undone(&effect, &after)?;
        Ok(after)
    }
}

#[async_trait]
impl WriteHost for JournaledHost<'_> {
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault> {
        self.bring_about(effect, false).await
    }

    async fn make_missing_dir(&self, path: Utf8PathBuf, mode: u32) -> Result<TargetState, Fault> {
        self.bring_about(Effect::MakeDir { path, mode }, true).await
    }

    async fn act(
        &self,
        act: &PluginAct,
        component: Arc<[u8]>,
        work: Work<'_>,
    ) -> Result<(), Fault> {
        acts::act(self, act, component, work).await
    }

    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
    ) -> Result<CommandOutput, Fault> {
        self.session
            .machine
            .fetch(argv, cwd, env, limit, &self.progress())
            .await
    }

    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault> {
        self.session.machine.download(what, &self.progress()).await
    }

    async fn unpack(&self, what: &Unpack) -> Result<(), Fault> {
        self.session.machine.unpack(what, &self.progress()).await
    }

    fn later(&self, errand: Errand) {
        self.session.machine.later(errand);
    }

    async fn quarantine(&self, path: &Utf8Path, name: &str) -> Result<Utf8PathBuf, Fault> {
        quarantine_place(self.session, self, self.run, self.step, path, name).await
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        self.session.machine.cache().await
    }
}

/// Whether all records of an effect had been written when it ended, and nothing was added or lost since.
fn has_all(effect: &EffectMemory, records: u64, now: &TargetState) -> bool {
    match (&effect.before, &effect.after, now) {
        (TargetState::Topic(before), Some(TargetState::Topic(after)), TargetState::Topic(now)) => {
            after == now && after.records == before.records + records
        }
        _ => false,
    }
}

/// The place in the quarantine for what a step of a run sets aside, as `host` shows what is there.
pub(crate) async fn quarantine_place(
    session: &Session,
    host: &dyn ReadHost,
    run: RunId,
    step: &Address,
    path: &Utf8Path,
    name: &str,
) -> Result<Utf8PathBuf, Fault> {
    let root = session
        .machine
        .quarantine_root(path, &session.quarantine)
        .await?;
    let place = root
        .join(session.ledger.id())
        .join(format!("run-{run}"))
        .join(step.as_str().replace('/', "-"));
    let taken = host.list(&place).await?.unwrap_or_default();
    let taken: BTreeSet<_> = taken.into_iter().collect();
    let free = numbered(name).find(|candidate| !taken.contains(candidate));
    Ok(place.join(free.unwrap_or_default()))
}

#[async_trait]
impl ReadHost for JournaledHost<'_> {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        self.session.machine.stat(path).await
    }
    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        self.session.machine.read(path).await
    }
    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        self.session.machine.read_from(path, offset, max).await
    }
    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        self.session.machine.list(path).await
    }
    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        self.session.machine.digest(path).await
    }
    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        self.session.machine.checksum(path, algorithm).await
    }
    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        self.session.machine.path_state(path).await
    }
    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        self.session.machine.process(id).await
    }
    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        self.session.machine.port_holder(port).await
    }
    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        self.session.machine.folder_user(path).await
    }
    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        self.session.machine.writable(path).await
    }
    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault> {
        self.session.machine.free_disk(path).await
    }
    async fn free_memory(&self) -> Result<u64, Fault> {
        self.session.machine.free_memory().await
    }
    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        self.session.machine.which(program).await
    }
    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
        self.session.machine.ask(argv, limit).await
    }
    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        self.session.machine.http_get(question).await
    }
    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        self.session.machine.missing_packages(names).await
    }
    async fn env(&self, name: &str) -> Option<String> {
        self.session.machine.env(name).await
    }
    async fn cache_place(&self) -> Utf8PathBuf {
        self.session.machine.cache_place().await
    }
    async fn is_offline(&self) -> bool {
        self.session.machine.is_offline().await
    }
    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        self.session.machine.pause(time).await
    }
}
