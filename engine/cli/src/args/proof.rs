//! Arguments of the commands that prove what a runbook survives.

use clap::{ArgAction, Args};

use super::RunbookArgs;

#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
    /// End krun with SIGKILL before and after each record of its journal, and between each effect and
    /// its outcome; then go on, or roll back, and compare with an undisturbed run. The same for each
    /// record of the rollback.
    #[arg(long, required = true)]
    pub crash_at_every_record: bool,
    /// A parameter of a second run: the first is left in peace, this one is killed. May be given again.
    #[arg(long = "then", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub then: Vec<String>,
    /// Folder with what the scratch folder holds at first; `FOLDER/root` is there for a parameter `root`.
    #[arg(long, value_name = "FOLDER")]
    pub start_from: Option<String>,
    /// Folder for the scratch deployments, which must not exist [default: a new one in $TMPDIR].
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<String>,
    /// Only trials whose line, as `--list` shows it, has all of these words. May be given again: then
    /// any of them.
    #[arg(long, value_name = "WORDS", action = ArgAction::Append)]
    pub only: Vec<String>,
    /// Of trials that differ only in what the effect or the step is, the first.
    #[arg(long)]
    pub one_of_each: bool,
    /// Begin with this trial.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub from: usize,
    /// Leave out the trials that ended well in an earlier sweep, of which FILE has what it printed with
    /// `--json`: goes on with a sweep that was broken off.
    #[arg(long = "continue", value_name = "FILE")]
    pub earlier: Option<String>,
    /// Only so many trials, spread evenly.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// How many scratch deployments live at the same time [default: one where ports are needed, else one
    /// for each processor].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
    /// Seconds that one krun may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub limit: u64,
    /// Only list the trials.
    #[arg(long)]
    pub list: bool,
    /// Go on although steps act on what lies outside the scratch folder.
    #[arg(long)]
    pub allow_outside: bool,
}

#[derive(Args, Debug)]
pub struct SimulateArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
    /// How many seeds: each is a schedule of its own.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1000,
        conflicts_with = "seed"
    )]
    pub seeds: u64,
    /// The first seed.
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 0,
        conflicts_with = "seed"
    )]
    pub from: u64,
    /// Live through this seed alone, and say everything that happens.
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Which faults may befall it, with commas between them: kill, error, delay, death, outage, stop,
    /// power, outside-change [default: all].
    #[arg(long, value_name = "FAULTS", value_parser = str::parse::<krun_simulate::Faults>)]
    pub faults: Option<krun_simulate::Faults>,
    /// Folder with what is on the simulated machine at first: `FOLDER/etc/hosts` is there as
    /// `/etc/hosts`.
    #[arg(long, value_name = "FOLDER")]
    pub start_from: Option<String>,
    /// A web page that the simulated machine reaches, and what it answers, as in
    /// `http://localhost:8080/health=200:UP`. Where none is named, nothing listens. May be given again.
    #[arg(long, value_name = "URL=STATUS[:TEXT]", action = ArgAction::Append, value_parser = str::parse::<krun_simulate::Page>)]
    pub answers: Vec<krun_simulate::Page>,
    /// A runbook that was run on the machine before, undisturbed: what it started is there, and is
    /// started again by others when it dies.
    #[arg(long, value_name = "RUNBOOK")]
    pub after: Option<String>,
    /// A parameter of the runbook that was run before.
    #[arg(long, value_name = "NAME=VALUE", requires = "after", action = clap::ArgAction::Append)]
    pub after_param: Vec<String>,
    /// How many schedules are lived through at the same time [default: one for each processor].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: Option<u32>,
}
