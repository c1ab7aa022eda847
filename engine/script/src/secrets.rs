//! `secret(name)`: a value that a script can hand on and put into text, and never look at.
//!
//! A script never has the value, so that nothing of it can be seen here. What a script holds is a
//! [`Secret`], or, once it stands in a text, a token: the name between two characters that Unicode keeps
//! free of meaning. Rhai makes a plain string of every interpolation, so there is no other way; texts are
//! taken apart into pieces again where they become arguments, and what would look at a token (a
//! comparison, a search, a length) refuses it.

use std::collections::BTreeSet;

use krun_model::{
    Text, Value,
    names::listed,
    secret::{Piece, SecretSource, SecretSpec, default_variable, is_name},
};
use rhai::{Dynamic, Engine, INT, ImmutableString, NativeCallContext};

use crate::{
    declare::at,
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Shared, Spot},
    handle::{Opaque, Output},
    settings::Settings,
    values::to_json,
};

/// The name of [`Secret`] in Rhai's messages.
pub(crate) const SECRET: &str = "secret";

/// What a token begins and ends with.
const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';

/// What a script holds of a secret.
#[derive(Clone)]
pub(crate) struct Secret {
    /// Its name.
    pub name: ImmutableString,
}

impl Secret {
    fn token(&self) -> String {
        format!("{OPEN}{}{CLOSE}", self.name)
    }

    /// As an argument of a step.
    pub fn value(&self) -> Value {
        Value::Secret(Text::of(vec![Piece::Secret(self.name.to_string())]))
    }
}

impl Opaque for Secret {
    const NAME: &'static str = SECRET;

    fn output(&self) -> Option<Output> {
        None
    }

    fn refusal(&self, place: Place) -> Diagnostic {
        looked_at(place, &self.name)
    }
}

/// The diagnostic of looking at a secret.
pub(crate) fn looked_at(place: Place, name: &str) -> Diagnostic {
    let named = match name {
        "" => "a secret".to_owned(),
        name => format!("the secret `{name}`"),
    };
    let message = format!("a script can't look at the value of {named}");
    Diagnostic::new("krun::secret-value", place, message)
        .label("its value is not known here")
        .help(
            "Hand it on as the content of a file, a property's value or a variable of a process, alone or \
             in a text; decide by a parameter instead.",
        )
}

/// The diagnostic of a secret where none may stand.
pub(crate) fn misplaced(place: Place, what: &str, name: &str) -> Diagnostic {
    let message = format!("{what} can't hold the secret `{name}`");
    Diagnostic::new("krun::secret-place", place, message)
        .label("this is journaled and shown")
        .help(KEPT)
}

/// Where secrets may stand.
pub(crate) const KEPT: &str = "Put it into the content of a file (`file`, `properties`), for its owner only, or \
                               into the environment of a process: what reads it takes it from there.";

/// A string as an argument: with what stands in it of secrets.
///
/// # Errors
/// A token that is not whole any more.
pub(crate) fn text_value(text: &str) -> Result<Value, &'static str> {
    if !text.contains([OPEN, CLOSE]) {
        return Ok(Value::Str(text.to_owned()));
    }
    let mut pieces = vec![];
    let mut rest = text;
    while let Some((plain, token)) = rest.split_once(OPEN) {
        let (name, after) = token.split_once(CLOSE).ok_or(TAKEN_APART)?;
        if !is_name(name) || plain.contains(CLOSE) {
            return Err(TAKEN_APART);
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain.to_owned()));
        }
        pieces.push(Piece::Secret(name.to_owned()));
        rest = after;
    }
    if rest.contains(CLOSE) {
        return Err(TAKEN_APART);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest.to_owned()));
    }
    Ok(Value::Secret(Text::of(pieces)))
}

const TAKEN_APART: &str = "a text in which a secret stood and that was taken apart";

/// The name of a secret that stands somewhere in a value.
pub(crate) fn first_secret(value: &Dynamic) -> Option<String> {
    if let Some(secret) = value.read_lock::<Secret>() {
        return Some(secret.name.to_string());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return in_text(&text);
    }
    if let Ok(list) = value.as_array_ref() {
        return list.iter().find_map(first_secret);
    }
    if let Ok(map) = value.as_map_ref() {
        let keys = map.keys().find_map(|key| in_text(key));
        return keys.or_else(|| map.values().find_map(first_secret));
    }
    None
}

/// The name of a secret that stands in a text.
pub(crate) fn in_text(text: &str) -> Option<String> {
    let at = text.find([OPEN, CLOSE])?;
    let token = text[at..].trim_start_matches([OPEN, CLOSE]);
    Some(token.split(CLOSE).next().unwrap_or_default().to_owned())
}

/// Refuses a value in which a secret stands; whether it did.
pub(crate) fn refuse_in(draft: &mut Draft, place: Place, what: &str, value: &Dynamic) -> bool {
    let found = first_secret(value);
    if let Some(name) = &found {
        draft.report(misplaced(place, what, name));
    }
    found.is_some()
}

/// Makes `secret` known to an engine, and what may be done with what it gives.
pub(crate) fn register(engine: &mut Engine, draft: &Shared) {
    engine.register_type_with_name::<Secret>(SECRET);
    for name in [rhai::FUNC_TO_STRING, rhai::FUNC_TO_DEBUG] {
        engine.register_fn(name, |secret: &mut Secret| secret.token());
    }
    engine.register_fn("+", |a: Secret, b: Secret| {
        format!("{}{}", a.token(), b.token())
    });
    let shared = draft.clone();
    engine.register_fn("secret", move |cx: NativeCallContext, name: Dynamic| {
        let (mut draft, spot) = at(&shared, &cx);
        declare(&mut draft, &spot, &name, None)
    });
    let shared = draft.clone();
    engine.register_fn(
        "secret",
        move |cx: NativeCallContext, name: Dynamic, given: Dynamic| {
            let (mut draft, spot) = at(&shared, &cx);
            declare(&mut draft, &spot, &name, Some(&given))
        },
    );
    looks(engine, draft);
}

/// What looks at a text: the same as Rhai's own, but for a text with a secret in it.
fn looks(engine: &mut Engine, draft: &Shared) {
    let refused = |shared: &Shared, cx: &NativeCallContext, texts: [&str; 2]| {
        if let Some(name) = texts.into_iter().find_map(in_text) {
            let mut draft = shared.lock();
            let place = draft.spot(cx).token();
            draft.report(looked_at(place, &name));
        }
    };
    macro_rules! pair {
        ($name:literal, $look:expr) => {
            let shared = draft.clone();
            engine.register_fn(
                $name,
                move |cx: NativeCallContext, a: ImmutableString, b: ImmutableString| {
                    refused(&shared, &cx, [&a, &b]);
                    let look: fn(&str, &str) -> _ = $look;
                    look(&a, &b)
                },
            );
        };
    }
    pair!("==", |a, b| a == b);
    pair!("!=", |a, b| a != b);
    pair!("<", |a, b| a < b);
    pair!("<=", |a, b| a <= b);
    pair!(">", |a, b| a > b);
    pair!(">=", |a, b| a >= b);
    pair!("contains", |a, b| a.contains(b));
    pair!("starts_with", |a, b| !b.is_empty() && a.starts_with(b));
    pair!("ends_with", |a, b| !b.is_empty() && a.ends_with(b));
    pair!("index_of", |a, b| {
        let at = a.find(b).filter(|_| !a.is_empty());
        at.map_or(-1, |at| a[..at].chars().count() as INT)
    });
    let shared = draft.clone();
    let length = move |cx: NativeCallContext, text: ImmutableString| {
        refused(&shared, &cx, [&text, ""]);
        text.chars().count() as INT
    };
    engine.register_fn("len", length.clone());
    engine.register_get(
        "len",
        move |cx: NativeCallContext, text: &mut ImmutableString| length(cx, text.clone()),
    );
}

/// Declares a secret.
fn declare(draft: &mut Draft, spot: &Spot, name: &Dynamic, given: Option<&Dynamic>) -> Dynamic {
    draft.require_header(spot, "secret");
    let name = match name.as_immutable_string_ref() {
        Ok(name) if is_name(&name) => name.clone(),
        _ => {
            let message = "a secret's name must be a word";
            draft.report(
                Diagnostic::new("krun::secret", spot.arg(0), message)
                    .help("Use letters, digits, `_`, `-` and `.`, and begin with a letter."),
            );
            return Secret {
                name: "unnamed".into(),
            }
            .into_dynamic();
        }
    };
    let source = given.and_then(|given| source(draft, spot, given));
    let place = spot.arg(0);
    let known = draft.secrets.iter_mut().find(|(one, _)| one.name == name);
    let spec = |source| SecretSpec {
        name: name.to_string(),
        source,
        span: krun_model::Span {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
        },
    };
    match known {
        None => {
            let clash = draft.secrets.iter().find(|(other, _)| {
                let own = source.is_none() && other.source.is_none();
                own && default_variable(&other.name) == default_variable(&name)
            });
            if let Some((other, first)) = clash {
                let message = format!(
                    "the secrets `{}` and `{name}` are both had from {}",
                    other.name,
                    default_variable(&name)
                );
                let wrong = Diagnostic::new("krun::secret", place.clone(), message)
                    .related(first.clone(), "this one is declared here");
                draft.report(wrong);
            }
            draft.secrets.push((spec(source), place));
        }
        Some((one, first)) => match (&one.source, source) {
            (None, Some(source)) => one.source = Some(source),
            (Some(old), Some(new)) if *old != new => {
                let message = format!("the secret `{name}` is had from two places");
                let wrong = Diagnostic::new("krun::secret", place, message)
                    .related(first.clone(), "another is said here")
                    .help("Declare it once and hand on what `secret` gives.");
                draft.report(wrong);
            }
            _ => {}
        },
    }
    Secret { name }.into_dynamic()
}

impl Secret {
    fn into_dynamic(self) -> Dynamic {
        Dynamic::from(self)
    }
}

const SOURCES: &[&str] = &["command", "env", "file"];

/// Where a value is had from, as a script says.
fn source(draft: &mut Draft, spot: &Spot, given: &Dynamic) -> Option<SecretSource> {
    let mut settings = Settings::open("secret", spot, 1, given, SOURCES);
    let named: BTreeSet<_> = match given.as_map_ref() {
        Ok(map) => map.keys().map(ToString::to_string).collect(),
        Err(_) => BTreeSet::new(),
    };
    let env = settings.text("env").map(SecretSource::Env);
    let file = settings.text("file").and_then(|path| {
        let base = draft.base.clone();
        let plain = path.starts_with('/') || path.starts_with("~/");
        let found = base
            .filter(|_| plain)
            .and_then(|base| base.absolute(&path).ok());
        if found.is_none() {
            let message = "the file of a secret must be an absolute path, or begin with `~/`";
            settings.wrong("krun::secret", spot.value("file"), message.into());
        }
        found.map(SecretSource::File)
    });
    let command = given
        .as_map_ref()
        .ok()
        .and_then(|map| map.get("command").cloned());
    let command = command.and_then(|list| {
        let words = to_json(&list).ok().and_then(|json| {
            let words = json.as_array()?.iter();
            words
                .map(|word| Some(word.as_str()?.to_owned()))
                .collect::<Option<Vec<_>>>()
        });
        let words = words.filter(|words| !words.is_empty());
        if words.is_none() {
            let message =
                "the command of a secret must be a list of strings: program and arguments";
            settings.wrong("krun::secret", spot.value("command"), message.into());
        }
        words.map(SecretSource::Command)
    });
    if named.len() != 1 {
        let message = format!(
            "a secret is had from one of {}, and nothing else is said of it",
            listed(SOURCES.iter().copied())
        );
        settings.wrong("krun::secret", spot.arg(1), message);
    }
    settings.close(draft);
    env.or(file).or(command)
}
