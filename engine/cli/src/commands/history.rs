//! `krun history`: a deployment's runs.

use std::process::ExitCode;

use super::{Outcome, find};
use crate::{args::SelectArgs, context::Context};

pub fn history(context: &Context, args: SelectArgs) -> Outcome {
    let found = find(context, &args, false)?;
    if context.global.json {
        for run in &found.history.runs {
            let object = serde_json::json!({
                "event": "run", "deployment": found.name, "run": run.id, "verb": run.verb,
                "who": run.who, "started_ms": run.started_ms,
                "status": run.finished.map(|(status, _)| status),
                "duration_ms": run.finished.map(|(_, ms)| ms),
                "changed": run.counts.0, "unchanged": run.counts.1, "failed": run.counts.2,
            });
            context.print(&format!("{object}\n"));
        }
    } else {
        context.print(&krun_report::history_text(
            &found.history.runs,
            context.out_style,
        ));
    }
    Ok(ExitCode::SUCCESS)
}
