//! The verb that may be left out: `krun RUNBOOK` is `krun run RUNBOOK`.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::Cli;

/// Puts `run` in front of a first word that is a file and no command, so that `krun RUNBOOK` runs it.
pub fn with_default_verb(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let run = command.find_subcommand("run");
    let takes_value = |word: &str| {
        command
            .get_arguments()
            .chain(run.iter().flat_map(|run| run.get_arguments()))
            .filter(|arg| arg.get_action().takes_values())
            .any(|arg| {
                arg.get_long()
                    .is_some_and(|long| word == format!("--{long}"))
                    || arg
                        .get_short()
                        .is_some_and(|short| word == format!("-{short}"))
            })
    };
    let mut at = 1;
    while let Some(word) = arguments.get(at).and_then(|word| word.to_str()) {
        if takes_value(word) {
            at += 2;
        } else if word.starts_with('-') {
            at += 1;
        } else {
            let file = word.contains(['.', '/']) || std::path::Path::new(word).is_file();
            if file && command.find_subcommand(word).is_none() {
                arguments.insert(1, "run".into());
            }
            break;
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_verb_may_be_left_out() {
        for (given, read) in [
            ("krun a.rhai -p x=1", "krun run a.rhai -p x=1"),
            ("krun --state s a.rhai", "krun run --state s a.rhai"),
            ("krun -p x=1 --as n a.rhai", "krun run -p x=1 --as n a.rhai"),
            ("krun satus", "krun satus"),
            ("krun --json plan a.rhai", "krun --json plan a.rhai"),
            ("krun", "krun"),
            ("krun --version", "krun --version"),
        ] {
            assert_eq!(with_default_verb(words(given)), words(read), "{given}");
        }
    }
}
