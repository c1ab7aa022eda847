//! What is in doubt, in words: what was before, what was wanted, what is found.
//!
//! Text is shown only where it is small and anybody may read the file it is from: a file that is for
//! its owner alone may hold a secret, and one that is known to hold any is never shown.

use krun_model::{
    Address, Effect, Fault, FaultCode, RunId, Target, TargetState, history::EffectMemory,
    journal::Seq,
};

use crate::{Session, probe};

/// An effect that was begun, where what is there is neither before nor after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Its intent.
    pub intent: Seq,
    /// The step that asked for it.
    pub step: Address,
    /// The run that was cut off.
    pub run: RunId,
    /// What it acts on.
    pub target: Target,
    /// What was there before, in words.
    pub before: String,
    /// What was wanted, in words.
    pub wanted: String,
    /// What is found, in words.
    pub found: String,
    /// How the text before differs from the text found; empty where it is not shown.
    pub since_before: Vec<String>,
    /// How the text wanted differs from the text found; empty where it is not shown.
    pub since_wanted: Vec<String>,
}

/// All effects in doubt, in order. Changes nothing.
///
/// # Errors
/// A target that can't be looked at.
pub async fn doubts(session: &Session) -> Result<Vec<Doubt>, Fault> {
    let mut all = vec![];
    for (effect, found) in probe::doubts(session).await? {
        all.push(describe(session, &effect, &found).await);
    }
    Ok(all)
}

/// The fault that ends a command which meets a doubt.
pub(crate) async fn fault(session: &Session, doubts: &[(EffectMemory, TargetState)]) -> Fault {
    let mut evidence = vec![];
    let mut steps: Vec<&Address> = vec![];
    for (effect, found) in doubts {
        let doubt = describe(session, effect, found).await;
        if doubts.len() > 1 {
            evidence.push(format!("{} of {}", doubt.target, doubt.step));
        }
        evidence.push(format!("before: {}", doubt.before));
        evidence.push(format!("wanted: {}", doubt.wanted));
        evidence.push(format!("found:  {}", doubt.found));
        evidence.extend(doubt.since_wanted);
        if !steps.contains(&&effect.step) {
            steps.push(&effect.step);
        }
    }
    let what = "an effect was begun, and what is there is neither before nor after it";
    let mut fault = Fault::new(FaultCode::InDoubt, what).evidence(evidence);
    if let Some((first, _)) = doubts.first() {
        fault = fault.at(first.effect.target()).because(format!(
            "{} asked for it in run {}, which was cut off",
            first.step, first.run
        ));
    }
    for step in steps {
        fault = fault.hint(format!(
            "Decide with `krun resolve {step} --adopt`, `--redo` or `--undo`: take it as it is found, \
             bring it about again, or put back what was there before."
        ));
    }
    fault.hint("Or put it back to one of the two by hand and run again.")
}

pub(crate) async fn describe(
    session: &Session,
    effect: &EffectMemory,
    found: &TargetState,
) -> Doubt {
    let there = match effect.is_sealed() {
        true => None,
        false => text_of(session, &effect.effect.target(), found).await,
    };
    let before = stored(session, &effect.before).await;
    let wanted = match &effect.effect {
        Effect::WriteFile { content, mode, .. }
            if is_public(*mode) && !content.digest.is_sealed() =>
        {
            small(session.ledger.blob(content.digest).await.ok())
        }
        _ => None,
    };
    Doubt {
        intent: effect.seq,
        step: effect.step.clone(),
        run: effect.run,
        target: effect.effect.target(),
        before: exact(&effect.before),
        wanted: wanted_words(&effect.effect),
        found: exact(found),
        since_before: difference(before.as_deref(), there.as_deref()),
        since_wanted: difference(wanted.as_deref(), there.as_deref()),
    }
}

/// A state with owners, which a doubt may be about.
fn exact(state: &TargetState) -> String {
    match state {
        TargetState::File { uid, gid, .. } | TargetState::Dir { uid, gid, .. } => {
            format!("{state} owner {uid}:{gid}")
        }
        state => state.to_string(),
    }
}

/// Longer files are not shown.
const SMALL: usize = 16 << 10;

/// The most lines of a difference.
const LINES: usize = 20;

fn is_public(mode: u32) -> bool {
    mode & 0o044 != 0
}

fn small(bytes: Option<Vec<u8>>) -> Option<String> {
    String::from_utf8(bytes.filter(|bytes| bytes.len() <= SMALL)?).ok()
}

async fn stored(session: &Session, state: &TargetState) -> Option<String> {
    match state {
        TargetState::File { digest, mode, .. } if is_public(*mode) && !digest.is_sealed() => {
            small(session.ledger.blob(*digest).await.ok())
        }
        _ => None,
    }
}

async fn text_of(session: &Session, target: &Target, found: &TargetState) -> Option<String> {
    let (Target::Path(path), TargetState::File { mode, .. }) = (target, found) else {
        return None;
    };
    if !is_public(*mode) {
        return None;
    }
    let bytes = session.machine.read_from(path, 0, SMALL as u64 + 1).await;
    small(bytes.ok())
}

/// The lines in which two texts differ, without those that they begin and end with alike.
fn difference(from: Option<&str>, to: Option<&str>) -> Vec<String> {
    let (Some(from), Some(to)) = (from, to) else {
        return vec![];
    };
    let (from, to): (Vec<_>, Vec<_>) = (from.lines().collect(), to.lines().collect());
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let (from, to) = (&from[same..], &to[same..]);
    let pairs = from.iter().rev().zip(to.iter().rev());
    let tail = pairs.take_while(|(a, b)| a == b).count();
    let lines = |sign: &'static str, lines: &[&str]| {
        let lines = &lines[..lines.len() - tail];
        let texts = lines.iter().map(move |line| format!("{sign} {line}"));
        texts.collect::<Vec<_>>()
    };
    let mut all = [lines("-", from), lines("+", to)].concat();
    if all.len() > LINES {
        let more = all.len() - LINES;
        all.truncate(LINES);
        all.push(format!("… and {more} lines more"));
    }
    all
}

fn wanted_words(effect: &Effect) -> String {
    match effect {
        Effect::WriteFile {
            content,
            mode,
            owner,
            ..
        } => {
            let owner = owner.map_or_else(String::new, |(uid, gid)| format!(" owner {uid}:{gid}"));
            format!("file {} mode {mode:04o}{owner}", content.digest.short())
        }
        Effect::MakeDir { mode, .. } => format!("folder mode {mode:04o}"),
        Effect::Link { to, .. } => format!("link to {to}"),
        Effect::Move { to, .. } => format!("moved to {to}"),
        Effect::CreateTopic { spec, .. } => {
            format!(
                "{} partitions × {} replicas",
                spec.partitions, spec.replication_factor
            )
        }
        Effect::AddPartitions { total, .. } => format!("{total} partitions"),
        Effect::AlterConfigs { changes, .. } => {
            let wanted: Vec<_> = changes
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("(default)")))
                .collect();
            wanted.join(", ")
        }
        Effect::CommitOffsets { offsets, .. } => {
            TargetState::Committed(offsets.clone()).to_string()
        }
        Effect::StartProcess(spec) => format!("running with digest {}", spec.digest.short()),
        Effect::InstallPackages { .. } => "installed".into(),
        Effect::Claim { .. }
        | Effect::Produce { .. }
        | Effect::Reassign { .. }
        | Effect::ElectLeaders { .. }
        | Effect::PluginAct(_)
        | Effect::PluginUndo { .. } => "done".into(),
        Effect::Keep { kept, .. } => kept.to_string(),
        Effect::RemoveFile { .. }
        | Effect::RemoveDir { .. }
        | Effect::Release { .. }
        | Effect::StopProcess { .. }
        | Effect::DeleteTopic { .. }
        | Effect::DeleteGroup { .. } => "absent".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ() {
        let check = |from: &str, to: &str, expected: &[&str]| {
            assert_eq!(difference(Some(from), Some(to)), expected, "{from} → {to}");
        };
        check("a\nb\nc\n", "a\nx\nc\n", &["- b", "+ x"]);
        check("a\n", "a\na\n", &["+ a"]);
        check("", "a\n", &["+ a"]);
        check("a\nb\n", "", &["- a", "- b"]);
        assert_eq!(difference(None, Some("a")), Vec::<String>::new());
        let long: String = (0..50).map(|n| format!("{n}\n")).collect();
        assert_eq!(difference(Some(""), Some(&long)).len(), LINES + 1);
    }
}
