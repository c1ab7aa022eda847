//! Which steps a run is about, given what the user chose.
//!
//! A chosen step brings along everything that it comes after: those steps run too unless they are as
//! wanted. Whatever else there is stays as it is, unlooked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use glob::{MatchOptions, Pattern};
use krun_model::{Address, Choice, Fault, FaultCode, Reason, Runbook, Step, names::nearest};

/// In a pattern `*` stands for a part of one segment.
const WITHIN_SEGMENTS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// What a choice leaves out of a runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Each step that is not to be done, with why.
    pub steps: BTreeMap<Address, Reason>,
    /// Those of them that chosen steps come after all the same: they are looked at for what they
    /// say, and not touched.
    pub looked_at: BTreeSet<Address>,
}

/// What a choice leaves out.
///
/// # Errors
/// A target, a tag or a pattern that means no step; the nearest that does is in the hint.
pub fn left_out(runbook: &Runbook, choice: &Choice) -> Result<LeftOut, Fault> {
    if choice.is_everything() {
        return Ok(LeftOut::default());
    }
    let steps = &runbook.steps;
    let mut chosen = vec![choice.targets.is_empty() && choice.tags.is_empty(); steps.len()];
    for target in &choice.targets {
        let pattern = pattern(target)?;
        let means = |step: &Step| pattern.matches_with(step.address.as_str(), WITHIN_SEGMENTS);
        if mark(&mut chosen, steps, means) == 0 {
            let known = steps.iter().map(|step| step.address.as_str());
            return Err(nothing("--target", target, "is the address of", known)
                .hint("A pattern may have `*` within a segment and `**` over segments."));
        }
    }
    for tag in &choice.tags {
        if mark(&mut chosen, steps, |step| has_tag(step, tag)) == 0 {
            return Err(nothing("--tag", tag, "is a tag of", all_tags(steps)));
        }
    }
    let mut skipped: HashMap<usize, &String> = HashMap::new();
    for tag in &choice.skip_tags {
        let tagged = (0..steps.len()).filter(|at| has_tag(&steps[*at], tag));
        let before = skipped.len();
        skipped.extend(tagged.map(|at| (at, tag)));
        if skipped.len() == before && !steps.iter().any(|step| has_tag(step, tag)) {
            return Err(nothing("--skip-tag", tag, "is a tag of", all_tags(steps)));
        }
    }
    let needed = with_predecessors(steps, chosen, &skipped);
    let mut left_out = LeftOut::default();
    for (at, step) in steps.iter().enumerate() {
        let address = step.address.clone();
        match (needed[at], skipped.get(&at)) {
            (true, None) => {}
            (is_needed, Some(tag)) => {
                if is_needed {
                    left_out.looked_at.insert(address.clone());
                }
                let tag = (*tag).clone();
                left_out.steps.insert(address, Reason::TagSkipped { tag });
            }
            (false, None) => {
                left_out.steps.insert(address, Reason::NotChosen);
            }
        }
    }
    Ok(left_out)
}

fn pattern(target: &str) -> Result<Pattern, Fault> {
    Pattern::new(target).map_err(|error| {
        Fault::new(
            FaultCode::Usage,
            format!("`--target {target}` is no address and no pattern of one"),
        )
        .because(error.msg)
        .hint("A pattern may have `*` within a segment and `**` over segments.")
    })
}

/// Marks the steps that are meant; how many.
fn mark(chosen: &mut [bool], steps: &[Step], means: impl Fn(&Step) -> bool) -> usize {
    let mut found = 0;
    for (chosen, _) in chosen.iter_mut().zip(steps).filter(|(_, step)| means(step)) {
        *chosen = true;
        found += 1;
    }
    found
}

fn has_tag(step: &Step, tag: &str) -> bool {
    step.manner.tags.iter().any(|own| own == tag)
}

fn all_tags(steps: &[Step]) -> BTreeSet<&str> {
    let tags = steps.iter().flat_map(|step| &step.manner.tags);
    tags.map(String::as_str).collect()
}

fn nothing<'a>(
    flag: &str,
    given: &str,
    is: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Fault {
    let mut known = known.into_iter().peekable();
    if known.peek().is_none() {
        return Fault::new(FaultCode::Usage, format!("`{flag} {given}` means no step"))
            .because("the runbook has none with a tag");
    }
    let fault = Fault::new(FaultCode::Usage, format!("`{flag} {given}` means no step"))
        .because(format!("`{given}` {is} none"));
    match nearest(given, known) {
        Some(near) => fault.hint(format!("Did you mean `{near}`?")),
        None => fault.hint("`krun plan -v RUNBOOK` shows all steps."),
    }
}

/// The chosen steps with all that come before them. What comes before a step that is left out by its
/// tag is not needed for its sake. Steps stand in an order of dependencies, so one pass from the end
/// finds all.
fn with_predecessors(
    steps: &[Step],
    mut needed: Vec<bool>,
    skipped: &HashMap<usize, &String>,
) -> Vec<bool> {
    let places: HashMap<&Address, usize> = steps
        .iter()
        .enumerate()
        .map(|(at, step)| (&step.address, at))
        .collect();
    for at in (0..steps.len()).rev() {
        if needed[at] && !skipped.contains_key(&at) {
            for before in steps[at].after.iter().filter_map(|a| places.get(a)) {
                needed[*before] = true;
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use krun_model::{Manner, Map, runbook::Span};

    use super::*;

    fn step(address: &str, after: &[&str], tags: &[&str]) -> Step {
        Step {
            address: address.parse().unwrap(),
            kind: "test".into(),
            args: Map::new(),
            after: after.iter().map(|a| a.parse().unwrap()).collect(),
            manner: Manner {
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..Manner::default()
            },
            doc: String::new(),
            phase: None,
            span: Span {
                file: "x".into(),
                line: 1,
                column: 1,
            },
        }
    }

    fn runbook() -> Runbook {
        Runbook {
            name: "r".into(),
            version: "1".into(),
            steps: vec![
                step("root", &[], &[]),
                step("a/config", &["root"], &["config"]),
                step("a/extra/config", &["root"], &["config", "slow"]),
                step("a", &["a/config", "a/extra/config"], &["server"]),
                step("b", &["root"], &["server"]),
                step("proof", &["a", "b"], &[]),
            ],
            ..Runbook::default()
        }
    }

    fn choice(targets: &[&str], tags: &[&str], skip_tags: &[&str]) -> Choice {
        let owned = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Choice {
            targets: owned(targets),
            tags: owned(tags),
            skip_tags: owned(skip_tags),
        }
    }

    #[test]
    fn what_is_left() {
        for (targets, tags, skip_tags, left, looked_at) in [
            (
                &[][..],
                &[][..],
                &[][..],
                "root a/config a/extra/config a b proof",
                "",
            ),
            (&["b"], &[], &[], "root b", ""),
            (&["a/*"], &[], &[], "root a/config", ""),
            (&["a/**"], &[], &[], "root a/config a/extra/config", ""),
            (
                &["a"],
                &["config"],
                &[],
                "root a/config a/extra/config a",
                "",
            ),
            // What is left out by a tag is still what others may need to know.
            (
                &["proof"],
                &[],
                &["slow"],
                "root a/config a b proof",
                "a/extra/config",
            ),
            (
                &[],
                &["server"],
                &["config"],
                "root a b",
                "a/config a/extra/config",
            ),
            // Only what it comes after is not needed either.
            (&["a"], &[], &["server"], "", "a"),
        ] {
            let runbook = runbook();
            let choice = choice(targets, tags, skip_tags);
            let found = left_out(&runbook, &choice).unwrap();
            let steps = runbook.steps.iter().map(|step| &step.address);
            let kept = steps.filter(|address| !found.steps.contains_key(*address));
            let words = |list: Vec<&str>| list.join(" ");
            assert_eq!(words(kept.map(Address::as_str).collect()), left, "{choice}");
            let looks = found.looked_at.iter().map(Address::as_str);
            assert_eq!(words(looks.collect()), looked_at, "{choice}");
        }
    }

    #[test]
    fn what_means_nothing() {
        for (choice, said) in [
            (choice(&["bb"], &[], &[]), "Did you mean `b`?"),
            (choice(&["["], &[], &[]), "no pattern of one"),
            (choice(&[], &["sever"], &[]), "Did you mean `server`?"),
            (choice(&[], &[], &["solw"]), "Did you mean `slow`?"),
        ] {
            let fault = left_out(&runbook(), &choice).unwrap_err();
            assert_eq!(fault.code, FaultCode::Usage);
            let text = format!("{fault:?}");
            assert!(text.contains(said), "`{said}` in {text}");
        }
    }
}
