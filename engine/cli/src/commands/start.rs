//! `krun start`: starts the processes of the pinned runbook again.

use krun_model::{Fault, FaultCode, event::RunStatus, journal::Verb};
use krun_run::RunOptions;

use super::{Outcome, exit, find, pinned_request, run, with_session};
use crate::{args::SelectArgs, context::Context};

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
    let request = pinned_request(context, &found, Verb::Start, RunOptions::default())?;
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
