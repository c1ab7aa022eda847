//! Arguments of the commands that look after the state store and what krun keeps.

use clap::{Args, Subcommand};

use super::SelectArgs;

/// What to do with the state store.
#[derive(Subcommand, Debug)]
pub enum StateCommand {
    /// Read everything that is in the store, and say what is damaged.
    Check,
    /// Keep a copy of a damaged store, and go on with what is sound of it.
    Repair {
        /// Answer yes to the question.
        #[arg(long, short = 'y')]
        yes: bool,
        /// Only show what would be lost.
        #[arg(long)]
        plan: bool,
    },
    /// Copy the store into a new folder, which is a state folder like any other.
    Backup {
        /// The folder, which is not there yet.
        folder: String,
    },
    /// Write a deployment's journal, with all that it speaks of, as lines of JSON.
    Export {
        #[command(flatten)]
        select: SelectArgs,
        /// Write it to a file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<String>,
    },
    /// Read in a deployment that was exported.
    Import {
        /// The file; `-` for standard input.
        file: String,
    },
}

#[derive(Args, Debug)]
pub struct GcArgs {
    /// Only what is at least so old: 30d, 12h.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub older_than: String,
    /// The download cache, too: other state folders of this user may use it.
    #[arg(long)]
    pub cache: bool,
    /// Answer yes to the question.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Only show what would go.
    #[arg(long)]
    pub plan: bool,
}
