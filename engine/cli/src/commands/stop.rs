//! `krun stop`: ends processes, keeps data.

use super::{Outcome, exit, find, with_session};
use crate::{args::SelectArgs, context::Context};

pub fn stop(context: &Context, args: SelectArgs) -> Outcome {
    let found = find(context, &args, true)?;
    let _lock = context.lock(&found.store, &found.name, "stop")?;
    let ended = with_session(context, found.store, found.name, async |session| {
        krun_run::stop(&session).await
    })?;
    Ok(exit(&ended))
}
