//! After a crash: every intent without an outcome is looked at, never blindly repeated.
//!
//! | the target is | the intent is |
//! |---|---|
//! | as wanted | recovered: it had happened |
//! | as before | not done: its step does it again |
//! | neither | in doubt: what was decided about it is carried out; else the run stops and shows all three |
//! | a plugin's act, begun and not satisfied | recovered, as far as it came: its plugin takes it back, or its step applies it again |
//! | a plugin's undo | left open: the rollback calls it again |
//! | still under way (replicas on their way) | left open: its step goes on with it |
//! | a topic that is not there, or records (the request may still arrive) | left open for its step in a run; in a rollback a topic that does not come within 1.5 s is not done, and records count as sent |
//! | not to be seen (a cluster that is down) | left for later: its step or the rollback finds out |

use std::time::Duration;

use krun_model::{
    Address, Effect, Event, Fault, Map, TargetState,
    configs::ConfigChanges,
    history::{EffectMemory, Effects},
    journal::{Outcome, Verb},
};

use crate::{Session, doubt, resolve, verify::SETTLING};

/// How often a topic that may still arrive is looked for again: for 1.5 s in all.
const ARRIVES: usize = 4;

/// Probes all pending intents before they are taken back; what was found, to be said once the run has
/// begun. With `force` what is in doubt is taken as it is found.
pub(crate) async fn settle_pending(session: &Session, force: bool) -> Result<Vec<Event>, Fault> {
    settle(session, &pending(session), force, Wait::TakingBack).await
}

/// Probes all pending intents before a run whose steps can take up what is left open.
pub(crate) async fn settle_for_run(session: &Session, force: bool) -> Result<Vec<Event>, Fault> {
    settle(session, &pending(session), force, Wait::ForItsStep).await
}

/// Probes what an attempt at a step of this run left without an outcome.
pub(crate) async fn settle_step(session: &Session, step: &Address) -> Result<(), Fault> {
    let mut pending = pending(session);
    pending.retain(|effect| effect.step == *step);
    settle(session, &pending, false, Wait::ForItsStep)
        .await
        .map(drop)
}

/// Settles what a step that is done left open: it began anew, with other records than those that were cut off.
pub(crate) async fn settle_late(session: &Session, step: &Address) -> Result<(), Fault> {
    let mut pending = pending(session);
    pending.retain(|effect| effect.step == *step && effect.effect.may_arrive_late());
    settle(session, &pending, false, Wait::TakingBack)
        .await
        .map(drop)
}

/// The intents without an outcome, as they are now.
fn pending(session: &Session) -> Effects {
    session.ledger.history().pending.clone()
}

/// What becomes of a request that may still arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its step takes it up: it is performed again, or found done by a later probe.
    ForItsStep,
    /// A topic counts as not created. Records count as sent: some may be.
    TakingBack,
}

async fn settle(
    session: &Session,
    pending: &Effects,
    force: bool,
    wait: Wait,
) -> Result<Vec<Event>, Fault> {
    let (mut doubts, mut said) = (Vec::new(), Vec::new());
    for effect in pending {
        let target = effect.effect.target();
        session.effector(&target).tidy(&target).await?;
        let found = find(session, effect, wait).await?;
        let verb = session.ledger.history().verb(effect.run);
        let taking_back = verb.is_some_and(Verb::takes_back);
        let outcome = match judge(effect, &found, taking_back) {
            Verdict::NotBegun if wait == Wait::ForItsStep && effect.effect.may_arrive_late() => {
                continue;
            }
            Verdict::NotBegun if may_have_sent(effect, &found) => Outcome::Recovered(found.clone()),
            // What it did of it is its plugin's to take back.
            Verdict::NotBegun if session.ledger.history().is_begun(effect) => {
                Outcome::Recovered(found.clone())
            }
            Verdict::Later => continue,
            Verdict::InDoubt if !force => {
                let decided = session.ledger.history().decision(effect.seq, &found);
                let Some(decision) = decided else {
                    doubts.push((effect.clone(), found));
                    continue;
                };
                resolve::carry_out(session, effect, &found, decision).await?
            }
            Verdict::Happened | Verdict::InDoubt => Outcome::Recovered(found.clone()),
            Verdict::NotBegun => Outcome::NotDone("found not begun after a crash".into()),
        };
        said.push(Event::Recovered {
            step: effect.step.clone(),
            target: effect.effect.target().to_string(),
            found: match &outcome {
                Outcome::Recovered(state) => format!("it had happened: {state}"),
                Outcome::Done(state) => format!("it was done again: {state}"),
                Outcome::NotDone(_) => "it had not happened".into(),
            },
        });
        session
            .ledger
            .settle(session.ledger.take_up(effect), outcome)
            .await?;
    }
    if doubts.is_empty() {
        return Ok(said);
    }
    Err(doubt::fault(session, &doubts).await)
}

/// What is found of an intent's target. A topic that may still be on its way is waited for where it is to be
/// taken back: later nobody would.
async fn find(session: &Session, effect: &EffectMemory, wait: Wait) -> Result<TargetState, Fault> {
    let is_topic = matches!(effect.effect, Effect::CreateTopic { .. });
    let waits = wait == Wait::TakingBack && is_topic;
    let mut pauses = SETTLING.iter().take(ARRIVES).filter(|_| waits);
    loop {
        let found = session.observe_like(effect).await?;
        match pauses.next() {
            Some(pause) if found == TargetState::Absent => {
                let pause = Duration::from_millis(*pause);
                session.machine.pause(pause).await?;
            }
            _ => return Ok(found),
        }
    }
}

/// The intents in doubt, with what is found. Changes nothing.
pub(crate) async fn doubts(session: &Session) -> Result<Vec<(EffectMemory, TargetState)>, Fault> {
    let mut doubts = vec![];
    for effect in &pending(session) {
        let found = session.observe_like(effect).await?;
        let verb = session.ledger.history().verb(effect.run);
        let taking_back = verb.is_some_and(Verb::takes_back);
        if judge(effect, &found, taking_back) == Verdict::InDoubt {
            doubts.push((effect.clone(), found));
        }
    }
    Ok(doubts)
}

/// Carries out what was decided about some intents.
pub(crate) async fn settle_decided(session: &Session, decided: &Effects) -> Result<(), Fault> {
    settle(session, decided, false, Wait::ForItsStep)
        .await
        .map(drop)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Happened,
    NotBegun,
    InDoubt,
    Later,
}

fn judge(effect: &EffectMemory, found: &TargetState, taking_back: bool) -> Verdict {
    match (&effect.effect, found) {
        (_, TargetState::Unreachable { .. }) => Verdict::Later,
        // A rollback is planned anew on what is there now.
        (Effect::Reassign { .. }, _) if taking_back => Verdict::NotBegun,
        (reassign, found) if reassign.goes_on(found) => Verdict::Later,
        // Each partition went its own way when it was cut off: the step decides on all of them anew. What
        // was before is kept if any has moved: nothing else knows where it was.
        (Effect::Reassign { .. }, found) if *found != effect.before => Verdict::Happened,
        (Effect::Reassign { .. }, _) => Verdict::NotBegun,
        // Leaders move by themselves, too.
        (Effect::ElectLeaders { .. }, found) if !effect.effect.achieved(found) => Verdict::NotBegun,
        // What was sent is counted by the record's own marks when its step goes on.
        (Effect::Produce { .. }, _) => Verdict::NotBegun,
        // Who takes it back goes on with it; who does not leaves it to whoever will.
        (Effect::PluginUndo { .. }, _) => Verdict::Later,
        // Each thing that the plugin asked for has an intent of its own.
        (Effect::PluginAct(_), found) if !effect.effect.achieved(found) => Verdict::NotBegun,
        (effect, found) if effect.achieved(found) => Verdict::Happened,
        (_, found) if *found == effect.before => Verdict::NotBegun,
        // A process may have died between its start and the crash, or been ended half-way.
        (Effect::StartProcess(_), TargetState::Absent) => Verdict::NotBegun,
        (Effect::StopProcess { .. }, TargetState::Running(_)) => Verdict::NotBegun,
        // Names are moved one by one: the rest is moved when the effect is performed again.
        (Effect::Release { .. }, TargetState::Contents(_)) => Verdict::NotBegun,
        // What else was changed there meanwhile says nothing about this effect.
        (Effect::AlterConfigs { changes, .. }, TargetState::Configs(now))
            if as_before(changes, &effect.before, now) =>
        {
            Verdict::NotBegun
        }
        (Effect::AddPartitions { total, .. }, TargetState::Topic(seen))
            if seen.partitions < *total =>
        {
            Verdict::NotBegun
        }
        _ => Verdict::InDoubt,
    }
}

/// Whether records of it may be in a topic that is there: else they would count as somebody else's.
fn may_have_sent(effect: &EffectMemory, found: &TargetState) -> bool {
    matches!(effect.effect, Effect::Produce { .. }) && *found != TargetState::Absent
}

/// Whether all keys of some changes are as they were.
fn as_before(changes: &ConfigChanges, before: &TargetState, now: &Map<String>) -> bool {
    let TargetState::Configs(before) = before else {
        return false;
    };
    changes.keys().all(|key| before.get(key) == now.get(key))
}

#[cfg(test)]
mod tests {
    use krun_model::{
        RunId, Undo,
        journal::Seq,
        placement::{Placement, PlacementSeen},
    };

    use super::*;

    /// Partition 0 on one broker, partition 1 on another.
    fn placed(brokers: [i32; 2]) -> Vec<Placement> {
        let one = |(partition, broker): (usize, i32)| Placement {
            topic: "t".into(),
            partition: partition as i32,
            replicas: vec![broker],
        };
        brokers.into_iter().enumerate().map(one).collect()
    }

    fn seen(brokers: [i32; 2]) -> TargetState {
        TargetState::Replicas(PlacementSeen {
            placed: placed(brokers),
            moving: false,
            throttled: false,
        })
    }

    #[test]
    fn a_reassignment_that_was_cut_off() {
        let effect = EffectMemory {
            seq: Seq(7),
            run: RunId(1),
            step: "replicas".parse().expect("an address"),
            effect: Effect::Reassign {
                bootstrap: vec!["b:1".into()],
                moves: placed([3, 3]),
                throttle: None,
                limit_ms: 1,
            },
            before: seen([1, 2]),
            undo: Undo::Kept,
            after: None,
        };
        assert_eq!(judge(&effect, &seen([1, 2]), false), Verdict::NotBegun);
        assert_eq!(judge(&effect, &seen([3, 3]), false), Verdict::Happened);
        // Half of it: where the moved one was before must not be forgotten.
        assert_eq!(judge(&effect, &seen([3, 2]), false), Verdict::Happened);
        assert_eq!(judge(&effect, &seen([3, 2]), true), Verdict::NotBegun);
    }
}
