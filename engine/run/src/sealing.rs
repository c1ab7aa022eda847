//! What holds a secret is sealed before anything of it is written down.
//!
//! Owns, for `run`, the side of the design in [`krun_model::secret`] that has the key: which paths are
//! guarded, contents that are sealed on their way to the journal and opened on their way to the machine,
//! and states of guarded files as the journal knows them. What was journaled of a file before it held a
//! secret has a plain digest: where both kinds meet, the plain one is *lifted*, that is, its blob is
//! sealed too, in memory. Without the key a guarded file can't be seen, like a cluster that is down: all
//! else goes on, and what needs it says why it can't be.

use std::collections::BTreeSet;

use camino::Utf8Path;
use krun_model::{
    Bytes, Condition, Content, Digest, Effect, Fault, FaultCode, History, Journal, Runbook,
    Secrets as _, Step, Target, TargetState, Undo, Value,
    history::EffectMemory,
    kind::{Declared, Kinds},
    secret::{ExposeSecret as _, SecretString},
};

use krun_secrets::Vault;

use crate::{Session, observe::kind_of};

/// A value that is shorter may stand in a file that has nothing to do with it, in bytes.
const TELLING: usize = 8;

impl Session {
    /// Learns from the journal which files hold a secret, which key that needs, and which values must
    /// not be shown. To be called before anything is looked at.
    pub fn know_secrets(&self) {
        know_secrets(
            &self.vault,
            &self.ledger.history(),
            &**self.ledger.journal(),
        );
    }

    /// Has the values that a runbook's steps need, and guards what they write. `wanted` says which steps
    /// are looked at.
    ///
    /// # Errors
    /// A value that can't be had.
    pub(crate) async fn have_secrets(
        &self,
        runbook: &Runbook,
        kinds: &Kinds,
        wanted: impl Fn(&Step) -> bool,
    ) -> Result<(), Fault> {
        if runbook.secrets.is_empty() {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for step in &runbook.steps {
            let mut own = BTreeSet::new();
            for value in step.args.values() {
                value.each_secret(&mut |name| {
                    own.insert(name.to_owned());
                });
            }
            if own.is_empty() || !wanted(step) || is_never_done(step) {
                continue;
            }
            let kind = kind_of(kinds, step)?.common();
            let declared = kind.declare(&step.address, self.ledger.id(), &step.args)?;
            self.guard_written(&declared);
            names.append(&mut own);
        }
        self.vault.have(&runbook.secrets, &names).await
    }

    fn guard_written(&self, declared: &Declared) {
        for target in &declared.writes {
            if let Target::Path(path) = target {
                self.vault.guard(path);
            }
        }
    }

    /// Whether an effect's target is a file that holds a secret, or held one.
    fn guards(&self, target: &Target) -> bool {
        matches!(target, Target::Path(path) if self.vault.guards(path))
    }

    /// The effect as it may be written down: what holds a secret in it is sealed, and kept.
    ///
    /// # Errors
    /// A file that others could read; no key.
    pub(crate) async fn sealed(&self, effect: &Effect) -> Result<Effect, Fault> {
        let mut effect = effect.clone();
        let target = effect.target();
        if let (Effect::WriteFile { content, mode, .. }, Target::Path(path)) =
            (&mut effect, &target)
        {
            content.secret |= self.tells(content);
            if content.is_open() {
                refuse_wide(path, *mode)?;
                self.vault.guard(path);
            }
        }
        let guarded = self.guards(&target);
        if guarded {
            self.vault.sealer()?;
        }
        for content in effect.contents_mut() {
            if guarded && content.bytes.is_none() && !content.digest.is_sealed() {
                content.bytes = Some(self.bytes(&content.digest).await?);
            }
            self.seal(content, guarded).await?;
        }
        self.vault.keep_key()?;
        Ok(effect)
    }

    /// Whether the value of a secret stands in what is to be written, though nobody said so: it was copied
    /// from elsewhere.
    fn tells(&self, content: &Content) -> bool {
        let open = content
            .bytes
            .as_ref()
            .filter(|_| !content.digest.is_sealed());
        open.is_some_and(|bytes| {
            let found = self.vault.veil().found_in(bytes);
            found.iter().any(|(_, value)| is_telling(value))
        })
    }

    /// Seals a content that holds a secret, with the values of those that are known.
    async fn seal(&self, content: &mut Content, guarded: bool) -> Result<(), Fault> {
        let Some(bytes) = content
            .bytes
            .clone()
            .filter(|_| !content.digest.is_sealed())
        else {
            return Ok(());
        };
        if !content.secret && !guarded {
            return Ok(());
        }
        let found = self.vault.veil().found_in(&bytes);
        self.vault.sealer()?;
        self.vault.keep_key()?;
        let sealer = self.vault.sealer()?;
        for (name, value) in &found {
            if content.secret || is_telling(value) {
                let sealed = sealer.seal(value.expose_secret().as_bytes())?;
                content.values.insert(name.clone(), Digest::sealed(&sealed));
                self.ledger.put_blob(sealed.into()).await?;
            }
        }
        let sealed = sealer.seal(&bytes)?;
        content.digest = Digest::sealed(&sealed);
        content.secret = true;
        self.ledger.put_blob(sealed.into()).await
    }

    /// The bytes with a digest, opened where they are sealed.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Bytes, Fault> {
        let blob = self.ledger.blob(*digest).await?;
        if !digest.is_sealed() {
            return Ok(blob.into());
        }
        let opened = self.vault.sealer()?.open(&blob)?;
        Ok(opened.to_vec().into())
    }

    /// What has to be kept of some bytes so that they can be had again by a digest; none if it is not
    /// theirs.
    pub(crate) fn image(&self, bytes: Vec<u8>, digest: &Digest) -> Result<Option<Bytes>, Fault> {
        let bytes = Bytes::from(bytes);
        if !digest.is_sealed() {
            return Ok((Digest::of(&bytes) == *digest).then_some(bytes));
        }
        let sealed = self.vault.sealer()?.seal(&bytes)?;
        Ok((Digest::sealed(&sealed) == *digest).then(|| sealed.into()))
    }

    /// A state as the journal knows it of a file that holds a secret.
    pub(crate) async fn sealed_state(
        &self,
        target: &Target,
        state: TargetState,
    ) -> Result<TargetState, Fault> {
        let (
            Target::Path(path),
            TargetState::File {
                digest,
                mode,
                uid,
                gid,
            },
        ) = (target, &state)
        else {
            return Ok(state);
        };
        let sealer = match self.vault.sealer() {
            Ok(sealer) => sealer,
            Err(fault) => {
                return Ok(TargetState::Unreachable {
                    why: fault.to_string(),
                });
            }
        };
        let bytes = Bytes::from(self.machine.read(path).await?.unwrap_or_default());
        if Digest::of(&bytes) != *digest {
            return Err(changed_meanwhile(path));
        }
        Ok(TargetState::File {
            digest: Digest::sealed(sealer.seal(&bytes)?),
            mode: *mode,
            uid: *uid,
            gid: *gid,
        })
    }

    /// What is known of effects on guarded files, as if these had been guarded from the beginning. What
    /// can't be lifted stays as it is.
    pub(crate) async fn lifted(&self, history: &History) -> History {
        let mut history = history.clone();
        for effects in [&mut history.effects, &mut history.pending] {
            let guarded = effects
                .iter()
                .filter(|one| self.guards(&one.effect.target()));
            for mut effect in guarded.cloned().collect::<Vec<_>>() {
                self.lift(&mut effect).await;
                effects.push(effect);
            }
        }
        history
    }

    /// [`Session::lifted`], of one effect.
    pub(crate) async fn lift(&self, effect: &mut EffectMemory) {
        let Ok(sealer) = self.vault.sealer() else {
            return;
        };
        let states = [Some(&mut effect.before), effect.after.as_mut()];
        for state in states.into_iter().flatten() {
            let TargetState::File { digest, .. } = state else {
                continue;
            };
            if digest.is_sealed() {
                continue;
            }
            if let Ok(bytes) = self.bytes(digest).await
                && let Ok(sealed) = sealer.seal(&bytes)
            {
                *digest = Digest::sealed(sealed);
            }
        }
        if let Undo::By(Effect::WriteFile { content, .. }) = &mut effect.undo
            && !content.digest.is_sealed()
            && let Ok(bytes) = self.bytes(&content.digest).await
            && let Ok(sealed) = sealer.seal(&bytes)
        {
            content.digest = Digest::sealed(sealed);
            content.bytes = Some(bytes);
        }
    }
}

/// Lets a vault know what a journal says: which files hold a secret, which key that needs, and which
/// values must not be shown. Without the key no value is known.
pub fn know_secrets(vault: &Vault, history: &History, journal: &dyn Journal) {
    if !history.holds_secrets() {
        return;
    }
    let values = history.secret_values();
    let guarded = history.guarded_paths();
    guarded.iter().for_each(|path| vault.guard(path));
    let sealed = values.iter().map(|(_, digest)| *digest);
    let mut sealed = sealed.chain(history.sealed_digests());
    if let Some(blob) = sealed.find_map(|digest| journal.blob(&digest.blob()).ok()) {
        vault.needs_key_of(&blob);
    }
    for (name, digest) in values {
        if let Ok(blob) = journal.blob(&digest.blob()) {
            vault.learn_sealed(name, &blob);
        }
    }
}

/// Whether a value is too long to stand somewhere by chance.
fn is_telling(value: &SecretString) -> bool {
    value.expose_secret().len() >= TELLING
}

/// Whether parameters alone decide that a step is skipped.
fn is_never_done(step: &Step) -> bool {
    let when = step.manner.when.as_ref().map(|when| &when.condition);
    when == Some(&Condition::Is(Value::Bool(false)))
}

fn refuse_wide(path: &Utf8Path, mode: u32) -> Result<(), Fault> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::Conflict,
        "a file that holds a secret is for its owner alone",
    )
    .at(path)
    .because(format!("its mode would be {mode:04o}"))
    .hint("Give it mode 0600, and let what reads it run as its owner."))
}

/// The fault of a file that something else writes while krun reads it.
pub(crate) fn changed_meanwhile(path: &Utf8Path) -> Fault {
    Fault::new(
        FaultCode::Conflict,
        "a file changed while krun was reading it",
    )
    .at(path)
    .hint("Find out what else writes it, then run again.")
}
