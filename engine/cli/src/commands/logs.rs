//! `krun logs STEP`: the log of a step's process.

use std::process::ExitCode;

use camino::Utf8Path;
use krun_model::{Effect, Fault, FaultCode, History};

use super::{Outcome, find};
use crate::{args::LogsArgs, context::Context};

/// Every process that was started, in order: its step and its log.
pub(super) fn started(history: &History) -> impl Iterator<Item = (&str, &Utf8Path)> {
    let effects = history.effects.iter().chain(&history.pending);
    effects.filter_map(|effect| match &effect.effect {
        Effect::StartProcess(spec) => Some((effect.step.as_str(), spec.log.as_path())),
        _ => None,
    })
}

pub fn logs(context: &Context, args: LogsArgs) -> Outcome {
    let found = find(context, &args.select, false)?;
    let logs: Vec<_> = started(&found.history).collect();
    let Some((_, log)) = logs.iter().rev().find(|(step, _)| *step == args.step) else {
        let mut steps: Vec<_> = logs.iter().map(|(step, _)| (*step).to_owned()).collect();
        steps.sort();
        steps.dedup();
        let near = steps
            .iter()
            .find(|step| strsim::jaro_winkler(step, &args.step) > 0.8)
            .cloned();
        let fault = Fault::new(
            FaultCode::Usage,
            format!("step `{}` has started no process", args.step),
        )
        .at(&found.name)
        .evidence(steps);
        let fault = match near {
            Some(near) => fault.hint(format!("Did you mean `{near}`?")),
            None if logs.is_empty() => fault.hint("No step of it has."),
            None => fault.hint("The steps above have logs."),
        };
        return Err(fault.into());
    };
    let bytes =
        std::fs::read(log).map_err(|error| Fault::io("could not read the log", log, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = if args.lines == 0 {
        0
    } else {
        lines.len().saturating_sub(args.lines)
    };
    context.remark(&format!("{log}, lines {} to {}", from + 1, lines.len()));
    for line in &lines[from..] {
        context.print(&format!("{}\n", context.concealed(line)));
    }
    Ok(ExitCode::SUCCESS)
}
