//! The table: what was measured, what was to be reached.

use std::{fs, process::Command, time::Duration};

/// One line of the table.
pub struct Row {
    what: String,
    target: String,
    measured: String,
    /// None for a line that is only there for comparison.
    reached: Option<bool>,
}

impl Row {
    /// A figure that has to be reached.
    pub fn judged(what: &str, target: &str, measured: String, reached: bool) -> Self {
        Self {
            what: what.to_owned(),
            target: target.to_owned(),
            measured,
            reached: Some(reached),
        }
    }

    /// A figure to compare with.
    pub fn beside(what: &str, measured: String) -> Self {
        Self {
            what: what.to_owned(),
            target: String::new(),
            measured,
            reached: None,
        }
    }

    /// What could not be measured, and why.
    pub fn missing(what: &str, why: &str) -> Self {
        Self::judged(what, "", format!("not measured: {why}"), false)
    }

    /// Whether its target was missed.
    pub fn missed(&self) -> bool {
        self.reached == Some(false)
    }
}

/// The rows as Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "| what | to reach | measured | |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let verdict = match row.reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "",
        };
        let cells = [&row.what, &row.target, &row.measured];
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        text.push_str(&format!("| {} | {verdict} |\n", cells.join(" | ")));
    }
    text
}

/// Seconds of several runs.
#[derive(Clone)]
pub struct Times(Vec<f64>);

impl Times {
    /// Of at least one run.
    pub fn new(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The median, in seconds.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// `median (smallest – largest of N)`.
    pub fn text(&self) -> String {
        let (first, last) = (self.0.first(), self.0.last());
        format!(
            "{} s ({} – {}, {} runs)",
            seconds(self.median()),
            seconds(first.copied().unwrap_or_default()),
            seconds(last.copied().unwrap_or_default()),
            self.0.len()
        )
    }
}

fn seconds(time: f64) -> String {
    if time < 0.1 {
        format!("{time:.4}")
    } else {
        format!("{time:.2}")
    }
}

/// What all of it was measured on.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: String, key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .map(str::to_owned);
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
            .unwrap_or_default()
    };
    let java = Command::new("java").arg("-version").output();
    let java = java.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    format!(
        "Measured on {} × {}, memory {}, Linux {}, {}; load {} at the end.",
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        value(read("/proc/cpuinfo"), "model name"),
        value(read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        java.unwrap_or_default().lines().next().unwrap_or("no Java"),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    )
}
