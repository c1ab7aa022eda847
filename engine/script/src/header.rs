//! `runbook(#{name, version, summary, requires})`: what a runbook is called and which krun it needs.

use krun_model::DeploymentName;
use rhai::Dynamic;
use semver::{Version, VersionReq};

use crate::{
    diagnostic::Diagnostic,
    doc,
    draft::{Draft, Spot},
    settings::Settings,
};

const KEYS: &[&str] = &["name", "version", "summary", "requires"];

/// The version of krun that reads the runbook.
pub(crate) const KRUN: &str = env!("CARGO_PKG_VERSION");

/// What `runbook(…)` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub doc: String,
    /// Where it stands; none where something else was declared first.
    pub place: Option<crate::diagnostic::Place>,
}

/// Declares the runbook.
pub(crate) fn declare(draft: &mut Draft, spot: &Spot, given: &Dynamic) {
    if !spot.in_main() {
        let message = "an imported file is not a runbook of its own";
        return draft.report(
            Diagnostic::new("krun::runbook-import", spot.callee(), message)
                .help("Keep `runbook(…)` in the file that is run."),
        );
    }
    if let Some(first) = draft.header.as_ref().and_then(|h| h.place.clone()) {
        let message = "`runbook(…)` stands here a second time";
        let diagnostic = Diagnostic::new("krun::runbook-twice", spot.callee(), message);
        return draft.report(diagnostic.related(first, "first here"));
    }
    let mut settings = Settings::open("runbook", spot, 0, given, KEYS);
    let name = settings.text("name").unwrap_or_default();
    if name.is_empty() {
        let message = "`runbook` must have a `name`".to_owned();
        settings.wrong("krun::missing-key", spot.callee(), message);
    } else if let Err(error) = name.parse::<DeploymentName>() {
        settings.wrong("krun::bad-name", spot.value("name"), error.to_string());
    }
    let head = spot.head_doc();
    let doc = if head.is_empty() { spot.doc() } else { head };
    let summary = settings.text("summary");
    let header = Header {
        summary: summary.unwrap_or_else(|| doc::first_paragraph(&doc)),
        version: settings.text("version").unwrap_or_else(|| "0".to_owned()),
        place: Some(spot.callee()),
        name,
        doc,
    };
    let requires = settings.text("requires");
    settings.close(draft);
    if let Some(wrong) = requires.and_then(|requires| unfit(spot, &requires)) {
        draft.report(wrong);
    }
    draft.header = Some(header);
}

fn unfit(spot: &Spot, requires: &str) -> Option<Diagnostic> {
    let place = spot.value("requires");
    let Ok(wanted) = VersionReq::parse(requires) else {
        let message = format!("`{requires}` is not a range of versions");
        return Some(
            Diagnostic::new("krun::bad-version", place, message)
                .help("Write it as `>=0.1` or `>=0.1, <2`."),
        );
    };
    let fits = Version::parse(KRUN).is_ok_and(|version| wanted.matches(&version));
    (!fits).then(|| {
        Diagnostic::new(
            "krun::requires",
            place,
            format!("the runbook needs krun {requires}, and this is krun {KRUN}"),
        )
        .help("Install a krun of that version, or change `requires`.")
    })
}
