//! The command line as clap reads it.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use krun_model::{Choice, OnFailure};

mod back;
mod care;
mod proof;
mod verb;

pub use back::{ResolveArgs, RollbackArgs};
pub use care::{GcArgs, StateCommand};
pub use proof::{SimulateArgs, TestArgs};
pub use verb::with_default_verb;

/// Runs operational procedures as code: brings machines to what a runbook declares, says before what
/// it will do, goes on when it was killed, and can take everything back.
#[derive(Parser, Debug)]
#[command(
    name = "krun",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "`krun RUNBOOK` is short for `krun run RUNBOOK`.\n\nExit codes: 0 done · 1 a step failed · 2 wrong usage or parameter · 3 the runbook has errors · \
4 the machine lacks something · 5 the deployment is held by another krun · 6 somebody else changed it · \
7 a rollback is incomplete · 8 the state store · 9 an effect is in doubt · 10 a confirmation is needed · \
70 a defect in krun · 130 stopped\n`krun plan --detailed-exitcode`: 0 nothing would change · 2 something would · 1 wrong usage\n\
`krun status --check`: 0 everything is as wanted · 6 something differs"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args, Debug, Clone)]
pub struct Global {
    /// Folder (or file:// URL) of the state store [default: $XDG_STATE_HOME/krun].
    #[arg(long, global = true, env = "KRUN_STATE", value_name = "FOLDER")]
    pub state: Option<String>,
    /// Print JSON: one versioned event or object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what goes wrong.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say everything, unchanged steps too.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// When to colour; NO_COLOR is honoured.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub color: ColorWhen,
    /// Download nothing: what is in the cache must do.
    #[arg(long, global = true, env = "KRUN_OFFLINE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    pub offline: bool,
    /// File with more log patterns for diagnosis, in the shape of the built-in ones
    /// [default: $XDG_CONFIG_HOME/krun/patterns.yaml].
    #[arg(long, global = true, env = "KRUN_PATTERNS", value_name = "FILE")]
    pub patterns: Option<String>,
    /// Where the value of a secret is had from, instead of where the runbook says: env:VARIABLE,
    /// file:PATH or command:PROGRAM ARGUMENTS (no shell; words are parted at blanks, or a JSON list). May
    /// be given again.
    #[arg(long = "secret", global = true, value_name = "NAME=SOURCE", action = ArgAction::Append)]
    pub secrets: Vec<String>,
    /// The file with the key that seals files with secrets in the state; made when it is first needed
    /// [default: $XDG_CONFIG_HOME/krun/secret.key].
    #[arg(
        long = "key-file",
        global = true,
        env = "KRUN_KEY_FILE",
        value_name = "FILE"
    )]
    pub key_file: Option<String>,
}

/// When to colour.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Bring the machine to what a runbook declares.
    Run(RunArgs),
    /// Show what a run would do; changes nothing at all.
    Plan(PlanArgs),
    /// Find errors in a runbook before anything runs.
    Check(CheckArgs),
    /// Explain a runbook and its parameters, or a command.
    Help(HelpArgs),
    /// Write a page of the book: a runbook's guide, or a reference.
    Doc(DocArgs),
    /// Show what is there: steps, processes, brokers and topics.
    Status(StatusArgs),
    /// List a deployment's runs.
    History(SelectArgs),
    /// Show one run: its steps, effects and outcomes.
    Show(ShowArgs),
    /// Print the log of a step's process.
    Logs(LogsArgs),
    /// Look for known errors in the logs of processes, with cause and cure.
    Diagnose(DiagnoseArgs),
    /// End a deployment's processes gracefully; data is kept.
    Stop(SelectArgs),
    /// Start a deployment's processes again.
    Start(SelectArgs),
    /// Go on with an interrupted run, with the runbook as it was then.
    Resume(ResumeArgs),
    /// Take back everything that a deployment's runs did, or a part of it.
    Rollback(RollbackArgs),
    /// Decide about effects in doubt: begun by a run that was cut off, and what is there is neither
    /// before nor after them.
    Resolve(ResolveArgs),
    /// Take over a cluster that was started by hand: what matches the runbook stands for its steps, and
    /// is never ended by a rollback.
    Adopt(AdoptArgs),
    /// Look after the state store: check it, repair it, copy it.
    #[command(subcommand)]
    State(StateCommand),
    /// Free room: what was set aside, kept or downloaded long ago, and no rollback needs.
    Gc(GcArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
    /// Look after the plugins of a folder's runbooks: add, list, inspect, verify, build.
    #[cfg(feature = "plugins")]
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Prove in a scratch deployment that a runbook survives being killed anywhere.
    Test(TestArgs),
    /// Live through thousands of schedules of faults on a simulated machine; touches nothing real.
    Simulate(SimulateArgs),
}

/// What to do with plugins. `krun.lock` is in the folder of the runbooks, which is the current one
/// unless `--folder` names another.
#[cfg(feature = "plugins")]
#[derive(Subcommand, Debug)]
pub enum PluginCommand {
    /// Pin a component in krun.lock, with what it may do, and compile it.
    Add {
        /// The component (.wasm), or its URL. It is copied into the folder if it is not below it.
        file: String,
        /// What its SHA-256 must be, in hexadecimal digits.
        #[arg(long, value_name = "DIGITS")]
        sha256: Option<String>,
        /// What it may do, such as `kafka:broker:9092` or `read:/etc/kafka`, on the machine that krun runs on;
        /// `read@HOST:/etc/kafka` on another one. May be given several times.
        #[arg(long, value_name = "GRANT")]
        grant: Vec<String>,
        /// The folder of the runbooks.
        #[arg(long, default_value = ".")]
        folder: String,
    },
    /// Build the plugins of a folder (Rust, JavaScript or Python), and print their components.
    Build {
        /// The folder: with a Cargo.toml, a plugin.js or a plugin.py.
        #[arg(default_value = ".")]
        package: String,
        /// Where what is built goes; `target` in the folder if not given.
        #[arg(long, value_name = "FOLDER")]
        target_dir: Option<String>,
    },
    /// Show what a plugin is, what its component imports, and what it may do.
    Inspect {
        /// A component's file, or the name of a plugin in krun.lock.
        plugin: String,
        /// The folder of the runbooks.
        #[arg(long, default_value = ".")]
        folder: String,
    },
    /// List the plugins in krun.lock.
    List {
        /// The folder of the runbooks.
        #[arg(long, default_value = ".")]
        folder: String,
    },
    /// Make a project for a plugin, in a folder of its name, and say which commands build it.
    New {
        /// The plugin's name, such as `rack-aware`.
        name: String,
        /// The language that it is to be written in: rust, js or python.
        #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
        lang: krun_plugin::new::Language,
        /// A whole runbook instead of step kinds.
        #[arg(long)]
        runbook: bool,
    },
    /// Prove a plugin with its own examples: done, done again, taken back, and killed at every record.
    Test(PluginTestArgs),
    /// See that each plugin in krun.lock is the pinned one and can be used.
    Verify {
        /// The folder of the runbooks.
        #[arg(long, default_value = ".")]
        folder: String,
    },
}

/// Of `krun plugin test`.
#[cfg(feature = "plugins")]
#[derive(Args, Debug)]
pub struct PluginTestArgs {
    /// The name of a plugin in krun.lock, or a component's file.
    pub plugin: String,
    /// Only this kind, such as `owner`; may be given several times.
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// A server of a cluster that the plugin may look at and change; may be given several times.
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Vec<String>,
    /// What it may do beside that and writing below the scratch folder; may be given several times.
    #[arg(long, value_name = "GRANT")]
    pub grant: Vec<String>,
    /// Folder for the scratch deployments, which must not exist [default: a new one in $TMPDIR].
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<String>,
    /// Of trials that differ only in what the effect or the step is, the first.
    #[arg(long)]
    pub one_of_each: bool,
    /// Only list the trials.
    #[arg(long)]
    pub list: bool,
    /// The folder of the runbooks.
    #[arg(long, default_value = ".")]
    pub folder: String,
}

/// A runbook and its parameters.
#[derive(Args, Debug, Clone)]
pub struct RunbookArgs {
    /// The runbook: a .rhai file, or a plugin's .wasm file. `krun run` also takes a plan that `krun plan --out` wrote.
    pub runbook: String,
    /// Name of the deployment [default: the runbook's name].
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// A parameter; lists as a,b,c.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub params: Vec<String>,
    /// A YAML file of parameters; --param wins over it.
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<String>,
    /// Let the product run on a Java that is newer than its documentation names: sets the runbook's
    /// parameter `allow_untested_java`.
    #[arg(long)]
    pub allow_untested_java: bool,
}

/// Which of its steps.
#[derive(Args, Debug, Clone)]
pub struct ChoiceArgs {
    /// Only this step and what it comes after; `broker-*` and `broker-2/**` mean several. May be
    /// given again.
    #[arg(long = "target", value_name = "ADDRESS", action = ArgAction::Append)]
    pub targets: Vec<String>,
    /// Only steps with this tag and what they come after. May be given again.
    #[arg(long = "tag", value_name = "TAG", action = ArgAction::Append)]
    pub tags: Vec<String>,
    /// Leave steps with this tag out. May be given again.
    #[arg(long = "skip-tag", value_name = "TAG", action = ArgAction::Append)]
    pub skip_tags: Vec<String>,
}

impl ChoiceArgs {
    /// As data.
    pub fn choice(self) -> Choice {
        Choice {
            targets: self.targets,
            tags: self.tags,
            skip_tags: self.skip_tags,
        }
    }
}

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Run every proof, also those of which nothing upstream changed.
    #[arg(long)]
    pub prove: bool,
    /// Answer yes to every question.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Take effects that are in doubt after a crash as they are found.
    #[arg(long)]
    pub force: bool,
    /// Only show what would be done, as `krun plan` does.
    #[arg(long)]
    pub dry_run: bool,
    /// After the run, take back what steps did that are no longer in the runbook.
    #[arg(long)]
    pub prune: bool,
    /// If a step fails: `stop` (what is done stays), `rollback` (take back what this run did) or
    /// `rollback-to=CHECKPOINT` (take back what it did after that checkpoint) [default: what the
    /// runbook says, else stop].
    #[arg(long, value_name = "POLICY")]
    pub on_failure: Option<OnFailure>,
}

#[derive(Args, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Say with the exit code what the plan says: 0 nothing would change, 2 something would. Wrong
    /// usage then ends with 1; all other codes stay.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Plan every proof, also those of which nothing upstream changed.
    #[arg(long)]
    pub prove: bool,
    /// Write the plan to a file, which `krun run FILE` then does exactly, or refuses.
    #[arg(long, value_name = "FILE", conflicts_with = "prune")]
    pub out: Option<String>,
    /// Plan to take back what steps did that are no longer in the runbook.
    #[arg(long)]
    pub prune: bool,
}

#[derive(Args, Debug)]
pub struct AdoptArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
    /// Answer yes to the question.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Only show what would be adopted.
    #[arg(long)]
    pub plan: bool,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    pub runbook: RunbookArgs,
}

#[derive(Args, Debug)]
pub struct HelpArgs {
    /// A runbook or a command.
    pub topic: Option<String>,
}

#[derive(Args, Debug)]
pub struct DocArgs {
    /// The runbook to write the guide of.
    #[arg(conflicts_with_all = ["kinds", "errors", "diagnostics"])]
    pub runbook: Option<String>,
    /// A parameter, for which the guide's commands are written; lists as a,b,c.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub params: Vec<String>,
    /// A YAML file of parameters; --param wins over it.
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<String>,
    /// Where to write the page; standard output without it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// What a real run said, to stand beside each step: a file that --record made.
    #[arg(long, value_name = "FILE")]
    pub capture: Option<String>,
    /// Instead of the guide, write such a file, from what `krun run --json` printed.
    #[arg(long, value_name = "EVENTS", conflicts_with = "capture")]
    pub record: Option<String>,
    /// Language of the guide.
    #[arg(long, default_value = "en", value_name = "LANGUAGE")]
    pub lang: String,
    /// Folder of translations: a folder a language in it.
    #[arg(long, default_value = "book/translations", value_name = "FOLDER")]
    pub translations: String,
    /// Fail where a translation is missing, or is of nothing on the page.
    #[arg(long)]
    pub complete: bool,
    /// Add what has no translation to the runbook's file of translations, to be filled in there.
    #[arg(long)]
    pub stub: bool,
    /// Write the reference of step kinds.
    #[arg(long, conflicts_with_all = ["errors", "diagnostics"])]
    pub kinds: bool,
    /// Write the reference of a plugin: its name in krun.lock, or its file.
    #[cfg(feature = "plugins")]
    #[arg(long, value_name = "PLUGIN", conflicts_with_all = ["runbook", "kinds", "errors", "diagnostics"])]
    pub plugin: Option<String>,
    /// The folder of the plugin's krun.lock.
    #[cfg(feature = "plugins")]
    #[arg(long, default_value = ".", value_name = "FOLDER", requires = "plugin")]
    pub folder: String,
    /// Write the reference of faults.
    #[arg(long, conflicts_with = "diagnostics")]
    pub errors: bool,
    /// Write the reference of a runbook's diagnostics.
    #[arg(long)]
    pub diagnostics: bool,
}

/// Which deployment.
#[derive(Args, Debug, Clone)]
pub struct SelectArgs {
    /// The runbook, or the deployment's name; not needed where there is only one.
    pub deployment: Option<String>,
    /// Name of the deployment.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Args, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    /// Show the cluster: brokers, topics, partitions, leaders, ISR, offsets.
    #[arg(long, conflicts_with = "check")]
    pub cluster: bool,
    /// Say with the exit code whether everything is as wanted: 0 it is, 6 something differs.
    #[arg(long)]
    pub check: bool,
}

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Number of the run; `last` for the last one.
    pub run: String,
    #[command(flatten)]
    pub select: SelectArgs,
}

#[derive(Args, Debug)]
pub struct LogsArgs {
    /// The step, such as broker-2.
    pub step: String,
    #[command(flatten)]
    pub select: SelectArgs,
    /// How many lines from the end; 0 for all.
    #[arg(long, short = 'n', default_value_t = 100, value_name = "LINES")]
    pub lines: usize,
}

#[derive(Args, Debug)]
pub struct DiagnoseArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    /// A log of any server or tool instead of a deployment's; `-` for standard input.
    #[arg(long, value_name = "FILE", action = ArgAction::Append, conflicts_with_all = ["deployment", "name"])]
    pub log: Vec<String>,
}

#[derive(Args, Debug)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    /// Take effects that are in doubt after a crash as they are found.
    #[arg(long)]
    pub force: bool,
}

#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn clap_is_content() {
        Cli::command().debug_assert();
    }
}
