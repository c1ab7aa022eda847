//! One command for one table: how fast krun is, beside what else does the same on the same machine in
//! the same minutes.
//!
//! `cargo figures [GROUP …] [--cold-build]`: without groups all of them. Everything happens in a
//! temporary folder; rivals are installed into `target/tools`. Ends with 1 if a figure misses its target.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints a table"
)]

mod build;
mod cluster;
mod edits;
mod journal;
mod plans;
mod plugins;
mod table;
mod work;

use std::process::ExitCode;

use table::Row;
use work::Work;

/// What measures a group of rows, or says what is missing.
type Measure = fn(&Work) -> Result<Vec<Row>, String>;

const GROUPS: &[(&str, Measure)] = &[
    ("cluster", cluster::measure),
    ("versions", cluster::versions),
    ("edits", edits::measure),
    ("journal", journal::measure),
    ("version", plans::version),
    ("plans", plans::measure),
    ("plugins", plugins::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cold = arguments.iter().any(|one| one == "--cold-build");
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|one| !one.starts_with('-'))
        .collect();
    let known = |name: &str| GROUPS.iter().any(|(group, _)| *group == name);
    let unknown = arguments
        .iter()
        .any(|one| one.starts_with('-') && one != "--cold-build");
    if unknown || wanted.iter().any(|name| !known(name)) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "usage: cargo figures [{}] … [--cold-build]",
            names.join("|")
        );
        return ExitCode::from(2);
    }
    let work = match Work::new() {
        Ok(work) => work,
        Err(missing) => {
            eprintln!("nothing was measured: {missing}");
            return ExitCode::from(2);
        }
    };
    let mut rows = vec![];
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            rows.extend(measure(&work).unwrap_or_else(|why| vec![Row::missing(name, &why)]));
        }
    }
    if cold {
        eprintln!("measuring: cold build");
        rows.extend(build::measure(&work).unwrap_or_else(|why| vec![Row::missing("build", &why)]));
    }
    print!("{}", table::markdown(&rows));
    println!("\n{}", table::machine());
    ExitCode::from(u8::from(rows.iter().any(Row::missed)))
}
