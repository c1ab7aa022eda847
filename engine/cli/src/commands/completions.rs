//! `krun completions`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::Outcome;
use crate::{
    args::{Cli, CompletionsArgs},
    context::Context,
};

pub fn completions(context: &Context, args: CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "krun", &mut script);
    context.print(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}
