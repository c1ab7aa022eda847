//! `krun rollback`: everything back to what it was before krun's first run.

use std::process::ExitCode;

use krun_model::event::RunStatus;
use krun_run::{Ended, RollbackOptions};

use super::{Outcome, exit, find, look, with_session};
use crate::{args::RollbackArgs, context::Context, errors, export, prompt};

pub fn rollback(context: &Context, args: RollbackArgs) -> Outcome {
    let found = find(context, &args.select, true)?;
    if found.history.is_baseline() {
        context.remark(&format!("{}: nothing to take back", found.name));
        if context.global.json {
            let object = serde_json::json!({
                "event": "run_finished", "status": RunStatus::Succeeded, "changed": 0,
                "unchanged": 0, "failed": 0, "duration_ms": 0,
            });
            context.print(&format!("{object}\n"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (store, name) = (found.store.clone(), found.name.clone());
    let plan = look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::plan_rollback(&session).await?)
    })?;
    let lines = export::rollback_lines(&plan);
    if args.plan || !args.yes {
        let text = krun_report::rollback_plan_text(&lines, context.out_style);
        match (args.plan, context.global.json) {
            (_, true) => {
                let object = serde_json::json!({"event": "rollback_plan", "lines": lines});
                context.print(&format!("{object}\n"));
            }
            (true, false) => context.print(&text),
            (false, false) => context.remark(&text),
        }
    }
    if args.plan {
        let conflicts = plan.conflicts().next().is_some();
        return Ok(ExitCode::from(if conflicts {
            errors::CONFLICT
        } else {
            errors::DONE
        }));
    }
    prompt::confirm(
        &format!("Take back everything that `{name}` did?"),
        args.yes,
    )?;
    let _lock = context.lock(&store, &name, "rollback")?;
    if !args.force {
        super::resolve::ask_first(context, &store, &name)?;
    }
    let options = RollbackOptions { force: args.force };
    let ended = with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::rollback(&session, options).await
    })?;
    close(context, &ended)
}

/// The words and the exit code after a rollback, resumed or not.
pub fn close(context: &Context, ended: &Ended) -> Outcome {
    match ended.status {
        RunStatus::Failed => {
            context.remark(
                "the rollback is incomplete; run `krun rollback` again once the cause is gone",
            );
            return Ok(ExitCode::from(errors::ROLLBACK_INCOMPLETE));
        }
        RunStatus::Succeeded if !context.global.json => context.remark(&format!(
            "back at the state before krun's first run. Installed packages, the download cache \
             ({}) and the quarantine with what the processes wrote stay.",
            context.cache_folder()?
        )),
        _ => {}
    }
    Ok(exit(ended))
}
