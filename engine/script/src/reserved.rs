//! Arguments that every step has, whatever its kind: they are the engine's, not the kind's.
//!
//! They are taken out of the map before the kind's schema sees it, and go into the draft of the step.

use std::collections::BTreeSet;

use krun_model::{
    Address, Manner,
    manner::{Retry, Serial, When},
    names::{listed, nearest},
};
use rhai::Dynamic;

use crate::{
    condition::to_condition,
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Spot},
    handle::{Handle, Output},
    secrets,
};

/// Their names.
pub(crate) const RESERVED: &[&str] = &["after", "retries", "serial", "tags", "timeout", "when"];

/// More retries than this are a loop.
const MAX_RETRIES: i64 = 1_000;
/// The longest condition that is shown as it stands in the source, in characters.
const MAX_TEXT: usize = 100;

/// What they say.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    /// Steps named by handle or output.
    pub needs: BTreeSet<Address>,
    /// Steps named by address, with where that stands.
    pub after: Vec<(String, Place)>,
    /// How the engine is to treat the step.
    pub manner: Manner,
}

impl Reserved {
    /// Takes them out of the arguments of a step of a kind.
    pub fn take(draft: &mut Draft, spot: &Spot, kind: &str, args: &mut rhai::Map) -> Self {
        let mut reserved = Self::default();
        for &name in RESERVED {
            let held = args.get(name).is_some_and(|value| {
                secrets::refuse_in(draft, spot.value(name), &format!("`{name}`"), value)
            });
            if held {
                args.remove(name);
            }
        }
        let mut given = |name: &str| args.remove(name).filter(|value| !value.is_unit());
        if let Some(after) = given("after") {
            reserved.add_after(draft, spot, &after);
        }
        if let Some(when) = given("when") {
            reserved.set_when(draft, spot, &when);
        }
        let manner = &mut reserved.manner;
        if let Some(tags) = given("tags") {
            manner.tags = reported(draft, spot, "tags", read_tags(&tags)).unwrap_or_default();
        }
        if let Some(serial) = given("serial") {
            let serial = read_serial(&serial, || unnamed_group(draft, kind));
            manner.serial = reported(draft, spot, "serial", serial);
            if let Some(serial) = &manner.serial {
                check_group(draft, spot, serial);
            }
        }
        if let Some(retries) = given("retries") {
            let retry = reported(draft, spot, "retries", read_retry(&retries));
            manner.retry = retry.filter(|retry| retry.times > 0);
        }
        if let Some(timeout) = given("timeout") {
            let limit = milliseconds(&timeout).and_then(|limit| match limit {
                0 => Err(Wrong("more than 0".into(), None)),
                limit => Ok(limit),
            });
            manner.timeout_ms = reported(draft, spot, "timeout", limit);
        }
        reserved
    }

    fn add_after(&mut self, draft: &mut Draft, spot: &Spot, value: &Dynamic) {
        if let Some(handle) = value.read_lock::<Handle>() {
            self.needs.insert(handle.address().clone());
        } else if let Some(output) = value.read_lock::<Output>() {
            self.needs.insert(output.step.clone());
        } else if let Ok(text) = value.as_immutable_string_ref() {
            self.after.push((text.to_string(), spot.value("after")));
        } else if let Ok(list) = value.as_array_ref() {
            for item in list.iter() {
                self.add_after(draft, spot, item);
            }
        } else if !value.is_unit() {
            draft.report(
                Diagnostic::new(
                    "krun::arg-type",
                    spot.value("after"),
                    "`after` must be steps: a handle, an address, or a list of them",
                )
                .help("Write `after: zookeeper`, or `after: [\"zookeeper-1\", \"zookeeper-2\"]`."),
            );
        }
    }

    fn set_when(&mut self, draft: &mut Draft, spot: &Spot, value: &Dynamic) {
        let Some(condition) = to_condition(value) else {
            draft.report(
                Diagnostic::new(
                    "krun::arg-type",
                    spot.value("when"),
                    "`when` must be a condition: a bool, an output, or a comparison with one",
                )
                .help("Write `when: java.version == \"17\"`, or `when: url != \"\"`."),
            );
            return;
        };
        if value.as_bool() == Ok(true) {
            return;
        }
        condition.each_output(&mut |step, _| {
            self.needs.insert(step.clone());
        });
        let text = spot.value_text("when");
        let text = text.filter(|text| text.chars().count() <= MAX_TEXT);
        let text = text.unwrap_or_else(|| condition.to_string());
        self.manner.when = Some(When { condition, text });
    }
}

/// What an argument must be, and how to write it.
struct Wrong(String, Option<&'static str>);

/// The value, or a diagnostic and none.
fn reported<T>(draft: &mut Draft, spot: &Spot, name: &str, value: Result<T, Wrong>) -> Option<T> {
    value
        .map_err(|Wrong(what, help)| {
            let message = format!("`{name}` must be {what}");
            let diagnostic = Diagnostic::new("krun::arg-type", spot.value(name), message);
            draft.report(match help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
        })
        .ok()
}

fn read_tags(value: &Dynamic) -> Result<Vec<String>, Wrong> {
    let wrong = || {
        Wrong(
            "a word or a list of words".into(),
            Some("Write `tags: [\"broker\", \"slow\"]`."),
        )
    };
    let word = |value: &Dynamic| {
        let text = value.as_immutable_string_ref().map_err(|_| wrong())?;
        let fits = !text.is_empty() && !text.contains(char::is_whitespace);
        fits.then(|| text.to_string()).ok_or_else(wrong)
    };
    let tags = match value.as_array_ref() {
        Ok(list) => list.iter().map(word).collect::<Result<BTreeSet<_>, _>>()?,
        Err(_) => BTreeSet::from([word(value)?]),
    };
    Ok(tags.into_iter().collect())
}

/// The group of steps that don't name theirs: those of one kind in one phase.
fn unnamed_group(draft: &Draft, kind: &str) -> String {
    match draft.phases.last() {
        Some(phase) => format!("{kind} in \"{}\"", phase.title),
        None => kind.to_owned(),
    }
}

fn read_serial(value: &Dynamic, unnamed: impl FnOnce() -> String) -> Result<Serial, Wrong> {
    let help = Some("Write `serial: 1`, or `serial: #{group: \"rolling\", at_once: 2}`.");
    let at_once = |value: &Dynamic| {
        let number = value.as_int().ok().and_then(|n| usize::try_from(n).ok());
        number
            .filter(|n| *n > 0)
            .ok_or_else(|| Wrong("a number from 1, or a map of group and number".into(), help))
    };
    let Ok(map) = value.as_map_ref() else {
        return Ok(Serial {
            at_once: at_once(value)?,
            group: unnamed(),
        });
    };
    known_keys(&map, &["at_once", "group"])?;
    let group = map.get("group").map(|group| {
        let text = group.as_immutable_string_ref().ok();
        text.map(|text| text.to_string())
            .ok_or_else(|| Wrong("a map whose `group` is a string".into(), help))
    });
    Ok(Serial {
        at_once: map.get("at_once").map_or(Ok(1), at_once)?,
        group: group.transpose()?.unwrap_or_else(unnamed),
    })
}

/// One group has one number.
fn check_group(draft: &mut Draft, spot: &Spot, serial: &Serial) {
    let place = spot.value("serial");
    let (at_once, first) = draft
        .serials
        .entry(serial.group.clone())
        .or_insert_with(|| (serial.at_once, place.clone()));
    if *at_once != serial.at_once {
        let message = format!(
            "the group `{}` runs {} at a time here and {at_once} elsewhere",
            serial.group, serial.at_once
        );
        let first = first.clone();
        let diagnostic = Diagnostic::new("krun::serial", place.clone(), message)
            .help("Say the same number in all its steps, or give each group a name of its own.");
        draft.report(if first == place {
            diagnostic
        } else {
            diagnostic.related(first, "it is said here first")
        });
    }
}

fn read_retry(value: &Dynamic) -> Result<Retry, Wrong> {
    let help = Some(
        "Write `retries: 3`, or `retries: #{times: 3, backoff: \"1s\", max_backoff: \"30s\", \
         jitter: true}`.",
    );
    let times = |value: &Dynamic| {
        let number = value
            .as_int()
            .ok()
            .filter(|n| (0..=MAX_RETRIES).contains(n));
        number
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(|| Wrong(format!("a number from 0 to {MAX_RETRIES}, or a map"), help))
    };
    let Ok(map) = value.as_map_ref() else {
        return Ok(Retry::times(times(value)?));
    };
    known_keys(&map, &["backoff", "jitter", "max_backoff", "times"])?;
    let given = map.get("times");
    let usual =
        Retry::times(times(given.ok_or_else(|| {
            Wrong("a map that says how many `times`".into(), help)
        })?)?);
    let time = |key: &str| map.get(key).map(milliseconds).transpose();
    let backoff_ms = time("backoff")?.unwrap_or(usual.backoff_ms);
    let jitter = map.get("jitter").map(|jitter| {
        let jitter = jitter.as_bool();
        jitter.map_err(|_| Wrong("a map whose `jitter` is a bool".into(), help))
    });
    Ok(Retry {
        backoff_ms,
        max_backoff_ms: time("max_backoff")?.unwrap_or(usual.max_backoff_ms.max(backoff_ms)),
        jitter: jitter.transpose()?.unwrap_or(usual.jitter),
        ..usual
    })
}

fn known_keys(map: &rhai::Map, known: &[&str]) -> Result<(), Wrong> {
    let unknown = map.keys().find(|key| !known.contains(&key.as_str()));
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let known = known.iter().copied();
    Err(Wrong(
        match nearest(unknown, known.clone()) {
            Some(near) => format!(
                "a map of {}; is `{unknown}` meant to be `{near}`?",
                listed(known)
            ),
            None => format!("a map of {}; there is no `{unknown}`", listed(known)),
        },
        None,
    ))
}

/// A time: seconds, or a text such as "500ms" or "2m".
fn milliseconds(value: &Dynamic) -> Result<u64, Wrong> {
    let wrong = || {
        Wrong(
            "a time: seconds, or a text such as \"500ms\" or \"2m\"".into(),
            None,
        )
    };
    if let Ok(seconds) = value.as_int() {
        let seconds = u64::try_from(seconds).map_err(|_| wrong())?;
        return seconds.checked_mul(1_000).ok_or_else(wrong);
    }
    let milliseconds = if let Ok(seconds) = value.as_float() {
        jiff::SignedDuration::try_from_secs_f64(seconds).map_err(|_| wrong())?
    } else {
        let text = value.as_immutable_string_ref().map_err(|_| wrong())?;
        text.parse().map_err(|_| wrong())?
    };
    u64::try_from(milliseconds.as_millis()).map_err(|_| wrong())
}
