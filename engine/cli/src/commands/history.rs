//! `krun history`: a deployment's runs; with `--json`, its audit log.

use std::process::ExitCode;

use krun_model::{Digest, Journal as _};

use super::{Outcome, find, status::print_json};
use crate::{args::SelectArgs, audit, context::Context};

pub fn history(context: &Context, args: SelectArgs) -> Outcome {
    let found = find(context, &args, false)?;
    let runs = &found.history.runs;
    if context.global.json {
        let records = found.store.read(&found.name)?;
        let text = |digest: &Digest| String::from_utf8(found.store.blob(digest).ok()?).ok();
        for run in audit::runs(&found.name, runs, &records, &text) {
            print_json(context, &run);
        }
    } else {
        context.print(&krun_report::history_text(runs, context.out_style));
    }
    Ok(ExitCode::SUCCESS)
}
