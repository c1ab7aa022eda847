//! Leaving what a step did as it is: a person's way out where it can't be taken back for good.
//!
//! Owns that decision alone. Nothing is touched: the journal says who decided it and about what, and from then on
//! no rollback looks at these effects. What was before them stays a blob of the store as long as others do.

use krun_model::{
    Address, Entry, Fault, FaultCode,
    history::EffectMemory,
    journal::{Seq, Who},
};

use crate::Session;

/// Leaves all that a rollback would take back of a step as it is; what that is.
///
/// # Errors
/// A step of which nothing is to be taken back; what the journal reports.
pub async fn leave(session: &Session, step: &Address) -> Result<Vec<EffectMemory>, Fault> {
    let history = session.ledger.history().clone();
    let all = history.effects.iter().chain(&history.pending);
    let mut left: Vec<_> = all.filter(|effect| effect.step == *step).cloned().collect();
    left.sort_by_key(|effect| effect.seq);
    let (Some(run), Some(_)) = (history.runs.last(), left.first()) else {
        return Err(nothing(step, history.effects.iter()));
    };
    let intents: Vec<Seq> = left.iter().map(|effect| effect.seq).collect();
    let Who { user, host, .. } = &session.who;
    let how = format!("left as it is, as {user} on {host} decided");
    let entry = Entry::Undone { intents, how };
    session.ledger.append(run.id, entry, true).await?;
    Ok(left)
}

fn nothing<'a>(step: &Address, others: impl Iterator<Item = &'a EffectMemory>) -> Fault {
    let mut steps: Vec<_> = others.map(|effect| effect.step.to_string()).collect();
    steps.dedup();
    Fault::new(
        FaultCode::Usage,
        "there is nothing of this step that a rollback would take back",
    )
    .at(step)
    .evidence(steps)
    .hint("`krun rollback --plan` shows what would be taken back, and of which step it is.")
}
