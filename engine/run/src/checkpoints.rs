//! Which checkpoints of a runbook a run has passed: all steps before them are done, none behind them was
//! begun.

use krun_model::{Entry, Fault, History, RunId, Runbook};

use crate::execute::RunCx;

/// A checkpoint, how many steps stand before it, and how many of them are not done.
struct Checkpoint {
    name: String,
    steps: usize,
    left: usize,
}

/// All of a runbook, in order.
pub(crate) struct Checkpoints(Vec<Checkpoint>);

impl Checkpoints {
    /// Of which nothing is passed.
    pub fn of(runbook: &Runbook) -> Self {
        let gates = runbook.gates.iter().filter(|gate| gate.checkpoint);
        let checkpoints = gates.map(|gate| Checkpoint {
            name: gate.name.clone(),
            steps: gate.steps,
            left: gate.steps,
        });
        Self(checkpoints.collect())
    }

    /// Takes in that a step is done, or with none that the run begins; what is passed by that is
    /// journaled. To be called before any step behind it may begin.
    ///
    /// # Errors
    /// What the journal reports.
    pub async fn pass(&mut self, cx: &RunCx, done: Option<usize>) -> Result<(), Fault> {
        for one in &mut self.0 {
            match done {
                Some(step) if step < one.steps => one.left -= 1,
                None => {}
                Some(_) => continue,
            }
            if one.left > 0 || is_as_passed(&cx.session.ledger.history(), &one.name, cx.run) {
                continue;
            }
            let name = one.name.clone();
            let entry = Entry::Checkpoint { name };
            cx.session.ledger.append(cx.run, entry, false).await?;
        }
        Ok(())
    }

    /// The names of those that were passed.
    pub fn passed(&self) -> Vec<String> {
        let passed = self.0.iter().filter(|one| one.left == 0);
        passed.map(|one| one.name.clone()).collect()
    }
}

/// Whether nothing was done since it was passed, so that to go back to it is the same; or whether this
/// very run passed it, and was cut off since: what it did behind it then is to be taken back, too.
fn is_as_passed(history: &History, name: &str, run: RunId) -> bool {
    let mut passed = history.checkpoints.iter().rev();
    let Some(last) = passed.find(|one| one.name == name) else {
        return false;
    };
    let mut effects = history.effects.iter().chain(&history.pending);
    last.run == run || effects.all(|effect| effect.seq <= last.seq)
}
