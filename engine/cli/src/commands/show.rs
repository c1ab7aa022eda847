//! `krun show RUN`: one run, entry by entry.

use std::process::ExitCode;

use krun_model::{Fault, FaultCode, Journal as _, RunId};

use super::{Outcome, find};
use crate::{args::ShowArgs, context::Context};

pub fn show(context: &Context, args: ShowArgs) -> Outcome {
    let found = find(context, &args.select, false)?;
    let last = found.history.runs.last().map(|run| run.id);
    let run = match args.run.as_str() {
        "last" => last,
        number => number.parse().ok().map(RunId),
    };
    let records = found.store.read(&found.name)?;
    let of_run: Vec<_> = records
        .into_iter()
        .filter(|record| Some(record.run) == run)
        .collect();
    if of_run.is_empty() {
        let runs = last.map_or_else(|| "none yet".to_owned(), |last| format!("1 to {last}"));
        return Err(
            Fault::new(FaultCode::Usage, format!("there is no run {}", args.run))
                .at(&found.name)
                .hint(format!("Its runs are {runs}; `krun history` lists them."))
                .into(),
        );
    }
    if context.global.json {
        for record in &of_run {
            let line = serde_json::to_string(record).unwrap_or_default();
            context.print(&format!("{line}\n"));
        }
    } else {
        context.print(&krun_report::run_text(&of_run, context.out_style));
    }
    Ok(ExitCode::SUCCESS)
}
