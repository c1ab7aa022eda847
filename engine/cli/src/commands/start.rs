//! `krun start`: starts the processes of the pinned runbook again.

use krun_model::{Fault, FaultCode, event::RunStatus, journal::Verb};
use krun_run::{RunOptions, RunRequest};

use super::{Outcome, exit, find, run, with_session};
use crate::{args::SelectArgs, context::Context, select};

pub fn start(context: &Context, args: SelectArgs) -> Outcome {
    let found = find(context, &args, true)?;
    let _lock = context.lock(&found.store, &found.name, "start")?;
    if found.history.is_baseline() {
        return Err(Fault::new(FaultCode::Usage, "there is nothing to start")
            .at(&found.name)
            .because("nothing that krun did is there: it was rolled back, or never run")
            .hint("Run its runbook.")
            .into());
    }
    let (runbook, pin) = select::pinned(context, &found.store, &found.history, &found.kinds)?;
    let request = RunRequest {
        runbook,
        kinds: found.kinds,
        path: pin.path,
        given: pin.given,
        verb: Verb::Start,
        options: RunOptions::default(),
        approve: run::approval(true),
    };
    let (store, name) = (found.store.clone(), found.name.clone());
    let ended = with_session(context, found.store, found.name, async |session| {
        krun_run::start(&session, request).await
    })?;
    if ended.status == RunStatus::Succeeded {
        super::status::closing_words(context, store, name)?;
    } else {
        run::say_how_to_go_on(context, &ended);
    }
    Ok(exit(&ended))
}
