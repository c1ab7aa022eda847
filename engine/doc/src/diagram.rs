//! What runs where: the processes of a runbook as an SVG and as a table.
//!
//! Made from what the kinds declare of their steps: a step that writes a process is a box with its ports
//! and folders, and a line leads to each box that it waits for. Colours are those of the page.

use camino::Utf8PathBuf;
use krun_model::{Address, HandCx, Runbook, Step, Target, kind::Kinds};

use crate::{markdown::table, words::Words};

/// A process of a runbook.
struct Process<'a> {
    step: &'a Step,
    ports: Vec<u16>,
    /// Files that it reads when it starts.
    reads: Vec<String>,
    /// Folders that are its own.
    folders: Vec<String>,
    /// The processes that it waits for.
    after: Vec<&'a Address>,
    /// How many others must run before it.
    level: usize,
}

fn processes<'a>(
    runbook: &'a Runbook,
    kinds: &Kinds,
    folders: &[(String, String)],
) -> Vec<Process<'a>> {
    let mut found: Vec<Process<'a>> = vec![];
    for step in &runbook.steps {
        let Some(kind) = kinds.get(&step.kind) else {
            continue;
        };
        let declared = kind.common().declare(&step.address, "", &step.args);
        let Ok(declared) = declared else { continue };
        let is_process = |target: &Target| matches!(target, Target::Process(_));
        if !declared.writes.iter().any(is_process) {
            continue;
        }
        let cx = HandCx {
            runbook,
            step,
            folders,
        };
        let shown = |path: &Utf8PathBuf| cx.text(path.as_str()).trim_matches('"').to_owned();
        let contents = declared.writes.iter().filter_map(|target| match target {
            Target::Contents(path) => Some(shown(path)),
            _ => None,
        });
        let needed: Vec<_> = found
            .iter()
            .filter(|other| waits_for(runbook, step, &other.step.address))
            .collect();
        found.push(Process {
            step,
            ports: declared.needs.ports.clone(),
            reads: declared.reads.iter().map(shown).collect(),
            folders: contents.collect(),
            level: needed
                .iter()
                .map(|other| other.level + 1)
                .max()
                .unwrap_or(0),
            after: needed.iter().map(|other| &other.step.address).collect(),
        });
    }
    found
}

/// Whether a step waits for another, directly or through others.
fn waits_for(runbook: &Runbook, step: &Step, other: &Address) -> bool {
    let mut next: Vec<&Address> = step.after.iter().collect();
    let mut seen: Vec<&Address> = vec![];
    while let Some(address) = next.pop() {
        if address == other {
            return true;
        }
        if !seen.contains(&address) {
            seen.push(address);
            next.extend(runbook.step(address).iter().flat_map(|step| &step.after));
        }
    }
    false
}

const BOX: (usize, usize) = (250, 96);
const GAP: (usize, usize) = (20, 44);
const MARGIN: usize = 20;
const HEAD: usize = 30;

/// The section: picture and table; nothing where a runbook starts nothing.
pub fn diagram(
    runbook: &Runbook,
    kinds: &Kinds,
    folders: &[(String, String)],
    words: &Words<'_>,
) -> String {
    let processes = processes(runbook, kinds, folders);
    if processes.is_empty() {
        return String::new();
    }
    let head = ["process", "port", "settings", "folders of its own"].map(|word| words.say(word));
    let code = |texts: &[String]| {
        let texts: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
        texts.join("<br>")
    };
    let rows: Vec<_> = processes
        .iter()
        .map(|process| {
            let ports: Vec<_> = process.ports.iter().map(ToString::to_string).collect();
            vec![
                format!("`{}`", process.step.address),
                ports.join(", "),
                code(&process.reads),
                code(&process.folders),
            ]
        })
        .collect();
    format!("{}\n{}", svg(&processes, words), table(&head, &rows))
}

fn svg(processes: &[Process<'_>], words: &Words<'_>) -> String {
    let levels = processes
        .iter()
        .map(|process| process.level)
        .max()
        .unwrap_or(0);
    let on = |level: usize| {
        processes
            .iter()
            .filter(move |process| process.level == level)
    };
    let widest = (0..=levels)
        .map(|level| on(level).count())
        .max()
        .unwrap_or(1);
    let inner = widest * BOX.0 + (widest - 1) * GAP.0;
    let (width, height) = (
        inner + 4 * MARGIN,
        HEAD + (levels + 1) * BOX.1 + levels * GAP.1 + 3 * MARGIN,
    );
    let place = |wanted: &Address| {
        let process = processes
            .iter()
            .find(|process| process.step.address == *wanted)?;
        let row: Vec<_> = on(process.level).collect();
        let at = row.iter().position(|other| other.step.address == *wanted)?;
        let used = row.len() * BOX.0 + (row.len() - 1) * GAP.0;
        let x = 2 * MARGIN + (inner - used) / 2 + at * (BOX.0 + GAP.0);
        let y = MARGIN + HEAD + process.level * (BOX.1 + GAP.1);
        Some((x, y))
    };
    let title = words.say("What runs where");
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{title}\" style=\"max-width:{width}px;width:100%\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"currentColor\">\n"
    );
    svg.push_str(&rect(
        (MARGIN, MARGIN / 2),
        (width - 2 * MARGIN, height - MARGIN),
        " stroke-dasharray=\"6 4\"",
    ));
    svg.push_str(&label(
        (2 * MARGIN, MARGIN + 10),
        &words.say("this host"),
        " font-weight=\"bold\"",
    ));
    for process in processes {
        let Some((x, y)) = place(&process.step.address) else {
            continue;
        };
        for (x_below, y_below) in process.after.iter().filter_map(|address| place(address)) {
            let middle = BOX.0 / 2;
            svg.push_str(&format!(
                "<line x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{}\" stroke=\"currentColor\"/>\n",
                x + middle,
                x_below + middle,
                y_below + BOX.1
            ));
        }
        svg.push_str(&rect((x, y), BOX, ""));
        let ports: Vec<_> = process
            .ports
            .iter()
            .map(|port| format!(":{port}"))
            .collect();
        let head = format!("{} {}", process.step.address, ports.join(" "));
        svg.push_str(&label((x + 12, y + 24), &head, " font-weight=\"bold\""));
        // The table below has whole paths; a box has room for the files' names.
        let files = process.reads.iter();
        let files = files.map(|path| path.rsplit('/').next().unwrap_or(path));
        let lines = std::iter::once(process.step.kind.as_str())
            .chain(files)
            .chain(process.folders.iter().map(String::as_str));
        for (at, line) in lines.take(4).enumerate() {
            svg.push_str(&label((x + 12, y + 42 + at * 16), &fitting(line), ""));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// A text that fits into a box: of a long path its end.
fn fitting(text: &str) -> String {
    let (most, count) = (36, text.chars().count());
    if count <= most {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - most + 1).collect();
    format!("…{end}")
}

fn rect((x, y): (usize, usize), (width, height): (usize, usize), more: &str) -> String {
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"none\" \
         stroke=\"currentColor\"{more}/>\n"
    )
}

fn label((x, y): (usize, usize), text: &str, more: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x}\" y=\"{y}\"{more}>{text}</text>\n")
}
