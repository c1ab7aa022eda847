//! Rollback: brings a deployment back to its baseline, or takes back a part of what was done, journaled, so that it can be killed and gone
//! on with.

use std::{collections::BTreeSet, time::Instant};

use futures::future::join_all;
use krun_model::{
    Address, Effect, Entry, Event, Fault, FaultCode, History, Part, RunId, WriteHost,
    event::RunStatus, journal::Verb,
};
use krun_plan::{Graph, RollbackPlan, UndoAction, UndoLine, World, targets, waves};

use crate::{
    Ended, Session, host::JournaledHost, in_hand::InHand, part, probe, processes::is_process,
    session::Counts,
};

/// How a rollback is to be done.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// Only this part; everything where none is given.
    pub part: Option<Part>,
    /// Go on over what somebody else changed.
    pub force: bool,
}

/// What a rollback would do. Changes nothing.
///
/// # Errors
/// What the machine reports.
pub async fn plan_rollback(session: &Session, part: Option<&Part>) -> Result<RollbackPlan, Fault> {
    let history = session.ledger.history().clone();
    let Some(part) = part else {
        return plan_of(session, &history).await;
    };
    let history = session.lifted(&history).await;
    let world = see(session, &history.part(part)).await?;
    Ok(krun_plan::rollback_part(&history, part, world))
}

/// What taking back all that a history holds would do. Changes nothing.
pub(crate) async fn plan_of(session: &Session, history: &History) -> Result<RollbackPlan, Fault> {
    let world = see(session, history).await?;
    let history = session.lifted(history).await;
    Ok(krun_plan::rollback(&history, world))
}

/// The targets of a history as they are now.
async fn see(session: &Session, history: &History) -> Result<World, Fault> {
    let mut world = World::default();
    let looks = targets(history).into_iter().map(|target| async move {
        let state = session.observe(&target).await?;
        Ok::<_, Fault>((target, state))
    });
    for seen in join_all(looks).await {
        let (target, state) = seen?;
        world.saw(target, state);
    }
    for effect in &history.effects {
        if let Effect::MakeDir { path, .. } = &effect.effect {
            // Where nothing can be set aside, a folder that holds something is not removed.
            let root = session.machine.quarantine_root(path, &session.quarantine);
            let Ok(root) = root.await else {
                continue;
            };
            let name = format!("forced{}", path.as_str().replace('/', "-"));
            world.set_aside_at(path.clone(), root.join(session.ledger.id()).join(name));
        }
    }
    Ok(world)
}

/// Takes back everything that the deployment's runs did, or a part of it.
///
/// # Errors
/// What keeps the run from beginning. Conflicts without `force` are an end of their own, with
/// [`RunStatus::Conflict`]: nothing is done then.
pub async fn rollback(session: &Session, options: RollbackOptions) -> Result<Ended, Fault> {
    let since = Instant::now();
    let recovered = probe::settle_pending(session, options.force).await?;
    let part = options.part.as_ref();
    let plan = plan_rollback(session, part).await?;
    if let Some(refused) = part.and_then(|part| part::built_on(&plan, part)) {
        let status = RunStatus::Conflict;
        return Ok(session.refuse(Verb::Rollback, status, None, vec![refused], since));
    }
    if !options.force
        && let Some(conflict) = conflict_fault(&plan, Verb::Rollback)
    {
        let status = RunStatus::Conflict;
        return Ok(session.refuse(Verb::Rollback, status, None, vec![conflict], since));
    }
    let begun = session.begin_part(Verb::Rollback, None, options.part.clone());
    let run = begun.await?;
    session.say_all(recovered);
    let done = Done {
        verb: Verb::Rollback,
        part,
        since,
    };
    take_back(session, run, plan, done).await
}

/// What is to be written down once all is taken back.
pub(crate) struct Done<'a> {
    pub(crate) verb: Verb,
    pub(crate) part: Option<&'a Part>,
    /// When it began.
    pub(crate) since: Instant,
}

/// Does what a plan says, and ends the run.
pub(crate) async fn take_back(
    session: &Session,
    run: RunId,
    plan: RollbackPlan,
    done: Done<'_>,
) -> Result<Ended, Fault> {
    let mut undoing = Undoing::new(session, run);
    let graph = Graph::of_history(&session.ledger.history());
    // A process that is ended and started again as it was is two lines, one after the other.
    let together = |a: &UndoLine, b: &UndoLine| {
        is_process(&a.target)
            && is_process(&b.target)
            && a.target != b.target
            && !graph.precedes(&a.step, &b.step)
            && !graph.precedes(&b.step, &a.step)
    };
    for wave in waves(plan.lines, together) {
        if session.cancelled() {
            break;
        }
        undoing.wave(&wave, &graph).await?;
    }
    undoing.end(done).await
}

/// All conflicts as one fault, at the step of the first.
pub(crate) fn conflict_fault(plan: &RollbackPlan, verb: Verb) -> Option<(Address, Fault)> {
    let first = plan.conflicts().next()?.step.clone();
    let lines: Vec<String> = plan
        .conflicts()
        .filter_map(|line| match &line.action {
            UndoAction::Conflict {
                expected, found, ..
            } => Some(format!(
                "{}: krun left {}, found {found}",
                line.target,
                if expected.is_empty() {
                    "nothing there"
                } else {
                    expected
                }
            )),
            _ => None,
        })
        .collect();
    let (what, command) = match verb {
        Verb::Prune => ("a prune", "a run with `--prune --force`"),
        _ => ("rollback", "`krun rollback --force`"),
    };
    let fault = Fault::new(
        FaultCode::Drifted,
        format!("{what} would overwrite what somebody else changed"),
    )
    .because(format!(
        "{} of its targets are not as krun left them",
        lines.len()
    ))
    .evidence(lines)
    .hint("Nothing was touched. Save what you need of these.")
    .hint(format!(
        "Then {command} goes on over them; what it overwrites is kept as a blob in the state \
         folder, what it moves in the quarantine."
    ));
    Some((first, fault))
}

/// A rollback under way.
struct Undoing<'a> {
    session: &'a Session,
    run: RunId,
    counts: Counts,
    faults: Vec<(Option<Address>, Fault)>,
    /// Steps of which an undo failed: what they depend on stays.
    blocked: BTreeSet<Address>,
}

impl<'a> Undoing<'a> {
    fn new(session: &'a Session, run: RunId) -> Self {
        let (counts, faults, blocked) = Default::default();
        Self {
            session,
            run,
            counts,
            faults,
            blocked,
        }
    }

    /// Takes back neighbours that may be taken back at the same time.
    async fn wave(&mut self, wave: &[UndoLine], graph: &Graph) -> Result<(), Fault> {
        let (blocked, free): (Vec<_>, Vec<_>) = wave.iter().partition(|line| {
            self.blocked
                .iter()
                .any(|step| *step == line.step || graph.precedes(&line.step, step))
        });
        for line in blocked {
            self.say(line, "stays: what depends on it could not be taken back");
        }
        let results = join_all(free.iter().map(|line| self.undo(line))).await;
        for (line, result) in free.into_iter().zip(results) {
            match result {
                Ok((how, changed)) => {
                    let intents = line.intents.clone();
                    if !intents.is_empty() {
                        let entry = Entry::Undone {
                            intents,
                            how: how.clone(),
                        };
                        self.session.ledger.append(self.run, entry, false).await?;
                    }
                    if changed {
                        self.counts.changed += 1;
                    } else {
                        self.counts.unchanged += 1;
                    }
                    self.say(line, &how);
                }
                Err(fault) => {
                    let fault = with_way_out(fault, line);
                    self.counts.failed += 1;
                    self.session.events.send(Event::StepFailed {
                        step: line.step.clone(),
                        fault: fault.clone(),
                        duration_ms: 0,
                    });
                    self.blocked.insert(line.step.clone());
                    self.faults.push((Some(line.step.clone()), fault));
                }
            }
        }
        Ok(())
    }

    fn say(&self, line: &UndoLine, how: &str) {
        self.session.events.send(Event::Undone {
            step: line.step.clone(),
            target: line.target.to_string(),
            how: how.to_owned(),
        });
    }

    /// Takes one target back; what was done, and whether that changed anything.
    async fn undo(&self, line: &UndoLine) -> Result<(String, bool), Fault> {
        let effects = match &line.action {
            UndoAction::Do(effect) => std::slice::from_ref(effect),
            UndoAction::Conflict { forced, .. } => forced,
            UndoAction::AlreadyBack => return Ok(("already as before".into(), false)),
            UndoAction::Forgotten => return Ok(("forgotten".into(), false)),
            UndoAction::Kept(why) => return Ok((why.clone(), false)),
            UndoAction::Contained(what) => return Ok((format!("goes with {what}"), false)),
            UndoAction::Irreversible(why) => return Ok((format!("stays: {why}"), false)),
            UndoAction::Later { by } => return Ok((part::by_words(by), false)),
        };
        let host = JournaledHost {
            session: self.session,
            run: self.run,
            step: &line.step,
            in_hand: InHand::default(),
        };
        for effect in effects {
            match host.perform(effect.clone()).await {
                Ok(_) => {}
                Err(fault) if line.subsumable && fault.code == FaultCode::Cluster => {
                    return Ok((
                        "goes with the data of its brokers, which fail".into(),
                        false,
                    ));
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok((
            effects
                .last()
                .map_or("left as it is", undo_words)
                .to_owned(),
            true,
        ))
    }

    async fn end(self, done: Done<'_>) -> Result<Ended, Fault> {
        let Done { verb, part, since } = done;
        let Self {
            session,
            run,
            counts,
            faults,
            ..
        } = self;
        let status = match (faults.is_empty(), session.cancelled()) {
            (true, true) => RunStatus::Cancelled,
            (true, false) => RunStatus::Succeeded,
            (false, _) => RunStatus::Failed,
        };
        if status == RunStatus::Succeeded && verb == Verb::Rollback {
            match part {
                None => drop(session.ledger.append(run, Entry::RolledBack, false).await?),
                Some(part) => part::returned(session, run, part).await?,
            }
        }
        session.end(run, status, counts, since).await?;
        Ok(Ended {
            run,
            began: true,
            status,
            faults,
            outputs: Default::default(),
            passed: vec![],
        })
    }
}

/// A plugin's undo may fail for good: what somebody can decide then.
fn with_way_out(fault: Fault, line: &UndoLine) -> Fault {
    match line.action {
        UndoAction::Do(Effect::PluginUndo { .. }) => fault.hint(format!(
            "If it can't be taken back for good, leave it as it is: `krun resolve {} --leave`; then roll \
             back again.",
            line.step
        )),
        _ => fault,
    }
}

/// What undoing by this effect is called once it is done.
pub fn undo_words(effect: &Effect) -> &'static str {
    match effect {
        Effect::WriteFile { .. } => "restored, byte for byte",
        Effect::RemoveFile { .. } | Effect::RemoveDir { .. } => "removed",
        Effect::MakeDir { .. } | Effect::Link { .. } => "made again",
        Effect::Move { .. } => "moved back to its place",
        Effect::Release { .. } => "set aside in the quarantine",
        Effect::StopProcess { .. } => "stopped",
        Effect::StartProcess(_) => "started as it was before",
        Effect::DeleteTopic { .. } | Effect::DeleteGroup { .. } => "deleted",
        Effect::AlterConfigs { .. } | Effect::CommitOffsets { .. } => "set back",
        Effect::Reassign { .. } => "moved back to their brokers",
        Effect::PluginUndo { .. } => "taken back by the plugin's own undo",
        Effect::Claim { .. }
        | Effect::InstallPackages { .. }
        | Effect::CreateTopic { .. }
        | Effect::Produce { .. }
        | Effect::AddPartitions { .. }
        | Effect::ElectLeaders { .. }
        | Effect::PluginAct(_)
        | Effect::Keep { .. } => "done",
    }
}
