//! `param(name, #{type, default, doc, identity, min, max, choices})`: declares a parameter and gives
//! its value back.

use krun_model::{ParamSpec, ParamType, names::nearest};
use rhai::Dynamic;
use serde_json::Value as Json;

use crate::{
    bind::{allowed, bind, outside, placeholder, shown, words},
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Extent, Spot},
    settings::Settings,
    values::to_dynamic,
};

const KEYS: &[&str] = &[
    "type", "default", "doc", "identity", "min", "max", "choices",
];
const TYPES: &[&str] = &[
    "string", "int", "bool", "path", "location", "port", "memory",
];

/// Declares a parameter; its value, or a placeholder where there is none to be had.
pub(crate) fn declare(draft: &mut Draft, spot: &Spot, name: &Dynamic, given: &Dynamic) -> Dynamic {
    draft.require_header(spot, "param");
    let name = match name.as_immutable_string_ref() {
        Ok(name) if is_name(&name) => name.to_string(),
        _ => {
            let message = "a parameter's name must be a word";
            draft.report(
                Diagnostic::new("krun::bad-name", spot.arg(0), message)
                    .help("Use letters, digits, `_` and `-`, and begin with a letter."),
            );
            String::new()
        }
    };
    let mut settings = Settings::open("param", spot, 1, given, KEYS);
    let mut spec = spec(spot, &mut settings, name);
    let default = settings.json("default");
    // The spec keeps what the script says, which reads better than what it is bound to here.
    spec.default.clone_from(&default);
    let base = draft.base.clone().unwrap_or_else(|| crate::PathBase {
        cwd: "/".into(),
        home: None,
    });
    let mut fallback = None;
    if let Some(json) = &default {
        match bind_param(&spec, json, &base).and_then(|value| match outside(&spec, &value) {
            Some(why) => Err(why),
            None => Ok(value),
        }) {
            Ok(value) => fallback = Some(value),
            Err(why) => settings.wrong(
                "krun::param-default",
                spot.value("default"),
                format!("the default of `{}` is {why}", spec.name),
            ),
        }
    }
    let unsound = settings.close(draft);
    if spec.name.is_empty() {
        return to_dynamic(&(&placeholder(&spec)).into());
    }
    if draft.params.iter().any(|other| other.name == spec.name) {
        let message = format!("the parameter `{}` is declared twice", spec.name);
        draft.report(Diagnostic::new(
            "krun::duplicate-param",
            spot.arg(0),
            message,
        ));
    }
    let value = match draft.given.get(&spec.name).cloned() {
        Some(json) if !unsound => match taken(&spec, &json, &base) {
            Ok(value) => value,
            Err((code, why)) => {
                draft.report(refused(&spec, &json, code, &why, spot.callee()));
                placeholder(&spec)
            }
        },
        Some(_) => placeholder(&spec),
        None => fallback.unwrap_or_else(|| {
            if !unsound && draft.extent == Extent::Whole {
                draft.report(missing(&spec, spot.arg(0)));
            }
            placeholder(&spec)
        }),
    };
    let dynamic = to_dynamic(&(&value).into());
    draft.values.insert(spec.name.clone(), value);
    draft.params.push(spec);
    dynamic
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn spec(spot: &Spot, settings: &mut Settings, name: String) -> ParamSpec {
    let ty = type_of(spot, settings, &name);
    let doc = settings.text("doc").unwrap_or_else(|| spot.doc());
    let identity = settings.flag("identity");
    let (min, max) = (settings.int("min"), settings.int("max"));
    let sized = matches!(
        ty,
        ParamType::Int | ParamType::Port | ParamType::String | ParamType::List(_)
    );
    for key in ["min", "max"] {
        let set = if key == "min" { min } else { max };
        if set.is_some() && !sized {
            let message = format!("`{key}` means nothing for {}", words(&ty));
            settings.wrong("krun::param-spec", spot.key(key), message);
        }
    }
    let item = match &ty {
        ParamType::List(item) => item,
        other => other,
    };
    // Choices stand as they are, never made absolute: a path's base is not the script's to know.
    let base = crate::PathBase {
        cwd: "/".into(),
        home: None,
    };
    let choices = settings.list("choices");
    for choice in &choices {
        if let Err(why) = bind(item, choice, &base) {
            let message = format!("the choice {} is {why}", shown(choice));
            settings.wrong("krun::param-spec", spot.value("choices"), message);
        }
    }
    ParamSpec {
        name,
        ty,
        default: None,
        doc,
        identity,
        min,
        max,
        choices,
    }
}

fn type_of(spot: &Spot, settings: &mut Settings, name: &str) -> ParamType {
    let Some(word) = settings.text("type") else {
        let message = format!("the parameter `{name}` has no `type`");
        settings.wrong("krun::missing-key", spot.callee(), message);
        return ParamType::String;
    };
    ParamType::parse(&word).unwrap_or_else(|| {
        let near = nearest(&word, TYPES.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let message = format!("there is no type `{word}`{near}");
        settings.wrong("krun::param-spec", spot.value("type"), message);
        ParamType::String
    })
}

/// The value as the type has it. A path or location whose default is `""` may be left out: empty is none.
fn bind_param(spec: &ParamSpec, json: &Json, base: &crate::PathBase) -> Result<Json, String> {
    let none = Json::from("");
    let may_be_none = matches!(spec.ty, ParamType::Path | ParamType::Location);
    if may_be_none && spec.default.as_ref() == Some(&none) && *json == none {
        return Ok(none);
    }
    bind(&spec.ty, json, base)
}

fn taken(
    spec: &ParamSpec,
    json: &Json,
    base: &crate::PathBase,
) -> Result<Json, (&'static str, String)> {
    let value = bind_param(spec, json, base).map_err(|why| ("krun::param-type", why))?;
    match outside(spec, &value) {
        Some(why) => Err(("krun::param-range", why)),
        None => Ok(value),
    }
}

fn refused(
    spec: &ParamSpec,
    given: &Json,
    code: &'static str,
    why: &str,
    place: Place,
) -> Diagnostic {
    let message = format!(
        "the parameter `{}` was given `{}`, which is {why}",
        spec.name,
        shown(given)
    );
    Diagnostic::new(code, place, message)
        .label("declared here")
        .help(format!("Give {}.", allowed(spec)))
}

fn missing(spec: &ParamSpec, place: Place) -> Diagnostic {
    let message = format!("the parameter `{}` must be given", spec.name);
    Diagnostic::new("krun::missing-param", place, message)
        .label("has no default")
        .help(format!(
            "Give {} with `--param {}=…`, or in a file with `--params`.",
            allowed(spec),
            spec.name
        ))
}
