//! Carrying out what a person decided about an effect in doubt.
//!
//! The decision is durable before anything is done about it. Killed in the middle, whoever looks next
//! finds the decision and carries it out, as long as what is there is what it was made on.

use krun_model::{
    Address, Decision, Effect, Entry, Fault, FaultCode, Target, TargetState, Undo,
    history::EffectMemory, journal::Outcome,
};

use crate::{Doubt, Session, doubt, probe, sealing::changed_meanwhile};

/// Decides about all effects of a step that are in doubt, and carries that out; what they were.
///
/// # Errors
/// A step of which nothing is in doubt; a decision that can't be carried out on what is found, of which
/// nothing is journaled then.
pub async fn resolve(
    session: &Session,
    step: &Address,
    decision: Decision,
) -> Result<Vec<Doubt>, Fault> {
    let mut open = probe::doubts(session).await?;
    open.retain(|(effect, _)| effect.step == *step);
    if decision == Decision::Undo {
        open.reverse();
    }
    let mut described = vec![];
    for (effect, found) in &open {
        way(effect, found, decision)?;
        session.within_fence(&effect.effect.target())?;
        described.push(doubt::describe(session, effect, found).await);
    }
    if open.is_empty() {
        let what = "nothing of this step is in doubt";
        return Err(Fault::new(FaultCode::Usage, what)
            .at(step)
            .hint("`krun resolve` without a step shows what is."));
    }
    for (effect, found) in &open {
        if decision != Decision::Adopt {
            keep(session, &effect.effect.target(), found).await?;
        }
        let entry = Entry::Resolved {
            step: effect.step.clone(),
            intent: effect.seq,
            decision,
            found: found.clone(),
            who: session.who.clone(),
        };
        session.ledger.append(effect.run, entry, true).await?;
    }
    let decided = open.into_iter().map(|(effect, _)| effect).collect();
    probe::settle_decided(session, &decided).await?;
    Ok(described)
}

/// Does what was decided, and says how the intent ended by that.
pub(crate) async fn carry_out(
    session: &Session,
    effect: &EffectMemory,
    found: &TargetState,
    decision: Decision,
) -> Result<Outcome, Fault> {
    let mut effect = effect.clone();
    if effect.is_sealed() {
        session.lift(&mut effect).await;
    }
    let effect = &effect;
    let acts = way(effect, found, decision)?;
    session.ledger.acting(&effect.step, &effect.effect);
    for act in &acts {
        let again = format!(
            "Put it right by hand, or decide again: `krun resolve {}`.",
            effect.step
        );
        let done = session.perform(act).await;
        done.map_err(|fault| fault.hint(again))?;
    }
    session.ledger.acted(&effect.step, &effect.effect);
    if decision == Decision::Adopt {
        return Ok(Outcome::Recovered(found.clone()));
    }
    let now = session.observe_like(effect).await?;
    if acts.last().is_some_and(|act| !act.achieved(&now)) {
        return Err(Fault::new(
            FaultCode::NotConverged,
            "what was decided about an effect in doubt did not come about",
        )
        .at(effect.effect.target())
        .because(format!("after {decision}, found {now}")));
    }
    Ok(match decision {
        Decision::Undo => Outcome::NotDone("put back as it was before, as was decided".into()),
        Decision::Redo | Decision::Adopt => Outcome::Done(now),
    })
}

/// Keeps the bytes that are about to be overwritten.
async fn keep(session: &Session, target: &Target, found: &TargetState) -> Result<(), Fault> {
    let (Target::Path(path), TargetState::File { digest, .. }) = (target, found) else {
        return Ok(());
    };
    let bytes = session.machine.read(path).await?.unwrap_or_default();
    match session.image(bytes, digest)? {
        Some(image) => session.ledger.put_blob(image).await,
        None => Err(changed_meanwhile(path)),
    }
}

/// What has to be done about what is found, in order.
fn way(
    effect: &EffectMemory,
    found: &TargetState,
    decision: Decision,
) -> Result<Vec<Effect>, Fault> {
    let refused = |why: &str| {
        Fault::new(
            FaultCode::Conflict,
            format!("an effect in doubt can't be decided with {decision}"),
        )
        .at(effect.effect.target())
        .because(why)
        .hint("Put it right by hand and run again, or take it as it is found with `--adopt`.")
    };
    let last = match decision {
        Decision::Adopt => return Ok(vec![]),
        Decision::Redo => effect.effect.clone(),
        Decision::Undo => match &effect.undo {
            Undo::By(back) => back.clone(),
            Undo::Kept | Undo::Forgotten => return Ok(vec![]),
            Undo::Contained(what) => return Err(refused(&format!("it goes only with {what}"))),
            Undo::Irreversible(why) => return Err(refused(why)),
        },
    };
    match (&last, found) {
        (_, TargetState::Other) => Err(refused("what is there is neither file, folder nor link")),
        (Effect::Move { .. }, state) => Err(refused(&format!("what it moves is {state}"))),
        (Effect::DeleteTopic { .. }, TargetState::Topic(seen)) if seen.records > 0 => Err(refused(
            &format!("the topic holds {} records", seen.records),
        )),
        (Effect::CreateTopic { .. }, TargetState::Topic(_)) => {
            Err(refused("a topic of that name is there"))
        }
        (Effect::AddPartitions { total, .. }, TargetState::Topic(seen))
            if seen.partitions > *total =>
        {
            Err(refused("partitions can't be taken away from a topic"))
        }
        (last, found) => Ok(make_way(last, found)
            .into_iter()
            .chain([last.clone()])
            .collect()),
    }
}

/// What has to go before an effect can be performed. A folder goes only if it is empty.
fn make_way(next: &Effect, found: &TargetState) -> Option<Effect> {
    match (next, found) {
        (
            Effect::WriteFile { path, .. }
            | Effect::Link { path, .. }
            | Effect::RemoveFile { path },
            TargetState::Dir { .. },
        ) => Some(Effect::RemoveDir { path: path.clone() }),
        (Effect::Link { path, .. }, TargetState::File { .. })
        | (Effect::WriteFile { path, .. }, TargetState::Link { .. })
        | (
            Effect::MakeDir { path, .. } | Effect::RemoveDir { path },
            TargetState::File { .. } | TargetState::Link { .. },
        ) => Some(Effect::RemoveFile { path: path.clone() }),
        (Effect::StartProcess(spec), TargetState::Running(_)) => Some(Effect::StopProcess {
            id: spec.id.clone(),
            grace_ms: spec.stop_grace_ms,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use krun_model::{Content, RunId, journal::Seq};

    use super::*;

    fn in_doubt(effect: Effect, before: TargetState) -> EffectMemory {
        EffectMemory {
            seq: Seq(3),
            run: RunId(1),
            step: "s".parse().unwrap(),
            undo: effect.undo(&before),
            effect,
            before,
            after: None,
        }
    }

    #[test]
    fn what_is_in_the_way_goes_first() {
        let path = camino::Utf8PathBuf::from("/f");
        let write = Effect::WriteFile {
            path: path.clone(),
            content: Content::new(*b"new"),
            mode: 0o644,
            owner: None,
        };
        let dir = TargetState::Dir {
            mode: 0o755,
            uid: 0,
            gid: 0,
        };
        let link = TargetState::Link { to: "x".into() };
        let remove_dir = Effect::RemoveDir { path: path.clone() };
        let remove = Effect::RemoveFile { path };
        let doubt = in_doubt(write.clone(), TargetState::Absent);
        let check = |found: &TargetState, decision, expected: &[&Effect]| {
            let acts = way(&doubt, found, decision).unwrap();
            assert_eq!(acts.iter().collect::<Vec<_>>(), expected);
        };
        check(&dir, Decision::Adopt, &[]);
        check(&dir, Decision::Redo, &[&remove_dir, &write]);
        check(&link, Decision::Redo, &[&remove, &write]);
        check(&dir, Decision::Undo, &[&remove_dir, &remove]);
        check(&link, Decision::Undo, &[&remove]);
        let other = way(&doubt, &TargetState::Other, Decision::Redo);
        assert_eq!(other.unwrap_err().code, FaultCode::Conflict);
    }
}
