//! `krun doc`: pages of the book, from a runbook or from what krun is made of. Reads and writes files;
//! what a page says is krun-doc's.

mod guide;
#[cfg(feature = "plugins")]
mod plugin;
mod reference;

use std::process::ExitCode;

use krun_model::Fault;

use super::Outcome;
use crate::{args::DocArgs, context::Context, errors::CliError};

pub fn doc(context: &Context, args: &DocArgs) -> Outcome {
    let text = text(context, args)?;
    match args.out.as_deref() {
        None | Some("-") => context.print(&text),
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Fault::io("could not write the page", path, &error))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(context: &Context, args: &DocArgs) -> Result<String, CliError> {
    #[cfg(feature = "plugins")]
    if let Some(name) = &args.plugin {
        return plugin::page(context, name, &args.folder);
    }
    Ok(
        match (&args.runbook, args.kinds, args.errors, args.diagnostics) {
            (_, true, ..) => reference::kinds(context)?,
            (_, _, true, _) => reference::faults(),
            (_, _, _, true) => reference::diagnostics(),
            (Some(runbook), ..) => match &args.record {
                Some(events) => guide::record(context, args, runbook, events)?,
                None => guide::page(context, args, runbook)?,
            },
            (None, ..) => {
                let what = "there is nothing to make a page of";
                return Err(Fault::new(krun_model::FaultCode::Usage, what)
                .hint("Name a runbook, or say `--kinds`, `--plugin`, `--errors` or `--diagnostics`.")
                .into());
            }
        },
    )
}
