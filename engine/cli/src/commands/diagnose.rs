//! `krun diagnose`: known errors in logs, with cause and cure.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek as _, SeekFrom},
    process::ExitCode,
};

use camino::Utf8Path;
use krun_kafka::diagnosis::Patterns;
use krun_model::Fault;
use krun_report::{DiagnosedLine, DiagnosedLog};

use super::{Outcome, find, logs::started, status::print_json};
use crate::{args::DiagnoseArgs, context::Context};

/// How much of a log is looked through, from its end: what matters is near it.
const LOOK_BACK: u64 = 16 * 1024 * 1024;

pub fn diagnose(context: &Context, args: DiagnoseArgs) -> Outcome {
    let patterns = context.patterns()?;
    let diagnosed = if args.log.is_empty() {
        let found = find(context, &args.select, false)?;
        let logs: BTreeMap<_, _> = started(&found.history).collect();
        logs.into_iter()
            .map(|(step, log)| look(context, &patterns, Some(step), log))
            .collect::<Result<Vec<_>, Fault>>()?
    } else {
        args.log
            .iter()
            .map(|log| look(context, &patterns, None, log.as_str().into()))
            .collect::<Result<_, Fault>>()?
    };
    if context.global.json {
        print_json(context, &diagnosed);
    } else {
        if diagnosed.is_empty() {
            context.remark("No step has started a process, so there is no log.");
        }
        context.print(&krun_report::diagnosis_text(&diagnosed, context.out_style));
    }
    Ok(ExitCode::SUCCESS)
}

fn look(
    context: &Context,
    patterns: &Patterns,
    step: Option<&str>,
    log: &Utf8Path,
) -> Result<DiagnosedLog, Fault> {
    let text = read_end(log).map_err(|error| Fault::io("could not read the log", log, &error))?;
    let findings = patterns.diagnose(&text).into_iter();
    Ok(DiagnosedLog {
        step: step.map(str::to_owned),
        log: log.to_string(),
        findings: findings
            .map(|found| DiagnosedLine {
                id: found.id,
                line: context.concealed(&found.line).into_owned(),
                cause: found.cause,
                cure: found.cure,
                fatal: found.fatal,
            })
            .collect(),
    })
}

fn read_end(log: &Utf8Path) -> std::io::Result<String> {
    let mut bytes = vec![];
    if log == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        let mut file = File::open(log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(LOOK_BACK)))?;
        file.read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
