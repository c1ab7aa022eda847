//! `runbook(#{name, version, summary, requires})`: what a runbook is called and which krun it needs.

use krun_model::{
    DeploymentName, OnFailure,
    names::{listed, nearest},
};
use rhai::Dynamic;
use semver::{Version, VersionReq};

use crate::{
    diagnostic::Diagnostic,
    doc,
    draft::{Draft, Spot},
    settings::Settings,
};

const KEYS: &[&str] = &["name", "version", "summary", "requires", "on_failure"];

/// The version of krun that reads the runbook.
pub(crate) const KRUN: &str = env!("CARGO_PKG_VERSION");

/// What `runbook(…)` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub doc: String,
    /// What becomes of a run that fails.
    pub on_failure: OnFailure,
    /// Where that is said.
    pub on_failure_place: Option<crate::diagnostic::Place>,
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
    let on_failure = settings
        .text("on_failure")
        .map(|text| text.parse::<OnFailure>());
    if let Some(Err(error)) = &on_failure {
        settings.wrong("krun::on-failure", spot.value("on_failure"), error.clone());
    }
    let on_failure = on_failure.and_then(Result::ok);
    let header = Header {
        on_failure_place: on_failure.as_ref().map(|_| spot.value("on_failure")),
        on_failure: on_failure.unwrap_or_default(),
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

/// Reports a policy that goes back to a checkpoint which there is not.
pub(crate) fn check_policy(draft: &mut Draft) {
    let Some(header) = &draft.header else {
        return;
    };
    let (OnFailure::RollbackTo(name), Some(place)) = (&header.on_failure, &header.on_failure_place)
    else {
        return;
    };
    if draft.checkpoints.contains_key(name) {
        return;
    }
    let message = format!("there is no checkpoint `{name}`");
    let diagnostic = Diagnostic::new("krun::on-failure", place.clone(), message);
    let mut known: Vec<_> = draft.checkpoints.keys().map(String::as_str).collect();
    known.sort_unstable();
    let diagnostic = match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.did_you_mean(Some(near)),
        None if known.is_empty() => diagnostic.help("Declare one with `checkpoint(\"…\")`."),
        None => diagnostic.help(format!("There is {}.", listed(known))),
    };
    draft.report(diagnostic);
}
