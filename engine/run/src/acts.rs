//! What plugins with an undo of their own did: intent before, the plugin's work, outcome; and its undo.
//!
//! Owns when a plugin's word is taken: its check says what is there before and after, and an undo that
//! leaves its check satisfied is a failed one. What the plugin changes meanwhile goes through the same
//! host, and has intents of its own. Never opens a component: that is [`Plugins`](krun_model::plugin)'.

use std::sync::Arc;

use krun_model::{
    Effect, Fault, FaultCode, RunId, TargetState,
    history::StepMemory,
    host::Work,
    journal::Outcome,
    kind::Progress,
    plugin::{KeptBy, PluginAct, PluginCall},
};

use crate::{Session, events::Silent, host::JournaledHost};

/// All that a plugin is told about an act of its own.
struct Told {
    component: Arc<[u8]>,
    memory: Option<StepMemory>,
    kept: KeptBy,
}

impl Told {
    async fn of(session: &Session, act: &PluginAct) -> Result<Self, Fault> {
        let component = session.ledger.blob(act.component).await?.into();
        let history = session.ledger.history();
        let mut effects = history.effects.iter().chain(&history.pending);
        // An address may have moved since.
        let own =
            effects.find(|one| matches!(&one.effect, Effect::PluginAct(own) if **own == *act));
        let (step, run) = own.map_or((&act.address, None), |own| (&own.step, Some(own.run)));
        let is_last = |memory: &&StepMemory| run == Some(memory.run);
        Ok(Self {
            component,
            memory: history.steps.get(step).filter(is_last).cloned(),
            kept: history.kept(step),
        })
    }

    fn call<'a>(&'a self, act: &'a PluginAct, progress: &'a dyn Progress) -> PluginCall<'a> {
        PluginCall {
            act,
            component: self.component.clone(),
            memory: self.memory.as_ref(),
            kept: &self.kept,
            progress,
        }
    }
}

/// What the plugin's check says now; that it can't be asked is an answer too.
pub(crate) async fn observe(session: &Session, act: &PluginAct) -> TargetState {
    let seen = async {
        let told = Told::of(session, act).await?;
        let call = told.call(act, &Silent);
        session.plugins.observe(call, &*session.machine).await
    };
    seen.await.unwrap_or_else(|fault| TargetState::Unreachable {
        why: fault.to_string(),
    })
}

/// Lets a plugin apply a step.
pub(crate) async fn act(
    host: &JournaledHost<'_>,
    act: &PluginAct,
    component: Arc<[u8]>,
    work: Work<'_>,
) -> Result<(), Fault> {
    let session = host.session;
    // A rollback needs it when the plugin's file is gone or another.
    session.ledger.put_blob(component.to_vec().into()).await?;
    let effect = Effect::PluginAct(Box::new(act.clone()));
    let _turn = session.ledger.turn_at(effect.target()).await;
    let before = observe(session, act).await;
    let undo = effect.undo(&before);
    let pending = session
        .ledger
        .intend(host.run, host.step, &effect, before.clone(), undo)
        .await?;
    session.ledger.acting(host.step, &effect);
    let worked = work.await;
    session.ledger.acted(host.step, &effect);
    let after = observe(session, act).await;
    let outcome = match &worked {
        Err(fault) if after == before && !asked_for_anything(session, host.run, &effect) => {
            Outcome::NotDone(fault.to_string())
        }
        _ => Outcome::Done(after),
    };
    session.ledger.settle(pending, outcome).await?;
    worked
}

/// Whether the plugin changed anything in its act that is still open.
fn asked_for_anything(session: &Session, run: RunId, effect: &Effect) -> bool {
    let history = session.ledger.history();
    let mut open = history.pending.iter();
    open.find(|one| one.run == run && one.effect == *effect)
        .is_some_and(|act| history.is_begun(act))
}

/// Lets a plugin take back what it did.
pub(crate) async fn undo(host: &JournaledHost<'_>, act: &PluginAct) -> Result<(), Fault> {
    let told = Told::of(host.session, act).await?;
    let progress = host.progress();
    let undone = host.session.plugins.undo(told.call(act, &progress), host);
    undone.await.map_err(|fault| {
        fault.hint(
            "What the step did before is still there; what it was is in the journal: `krun show`.",
        )
    })
}

/// Refuses to call an undo where its plugin can't say what is there.
pub(crate) fn may_undo(effect: &Effect, before: &TargetState) -> Result<(), Fault> {
    match (effect, before) {
        (Effect::PluginUndo { act, .. }, TargetState::Unreachable { why }) => Err(Fault::new(
            FaultCode::Plugin,
            format!(
                "the plugin {} {} can't say what is there, so its undo is not called",
                act.plugin, act.version
            ),
        )
        .at(&act.address)
        .because(why)),
        _ => Ok(()),
    }
}

/// Refuses to believe an undo after which the plugin's own check is satisfied.
pub(crate) fn is_undone(effect: &Effect, after: &TargetState) -> Result<(), Fault> {
    match (effect, after) {
        (Effect::PluginUndo { act, .. }, TargetState::Plugin(_)) if !effect.achieved(after) => {
            Err(Fault::new(
                FaultCode::Plugin,
                format!(
                    "the plugin {} {} says that it took back what it did, and did not",
                    act.plugin, act.version
                ),
            )
            .at(&act.address)
            .because("its check is still satisfied")
            .hint("Report it to the plugin's authors."))
        }
        _ => Ok(()),
    }
}
