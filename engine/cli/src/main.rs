//! The krun command: thin verbs over the engine.
//!
//! This crate owns everything that belongs to the user's side: arguments, environment, the state
//! folder's place, terminals, prompts, and the one place where errors become words and exit codes
//! ([`errors`]). It decides nothing about runbooks, plans or machines.

mod args;
mod audit;
mod commands;
mod context;
mod diagnostics;
mod errors;
mod export;
mod garbage;
mod plan_file;
#[cfg(feature = "plugins")]
mod plugins;
mod prompt;
mod registry;
mod runbooks;
mod scratch;
mod select;
mod sizes;
mod status_view;
mod survived;
mod trial_view;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = args::with_default_verb(std::env::args_os().collect());
    let usage = errors::usage_code(&arguments);
    let cli = match args::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return errors::clap_exit(&error, usage);
        }
    };
    let context = context::Context::new(&cli.global, usage);
    match commands::dispatch(&context, cli.command) {
        Ok(code) => code,
        Err(error) => errors::show(&context, &error),
    }
}
