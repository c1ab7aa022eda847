//! The map that `runbook(…)` and `param(…)` take: known keys of known types.

use krun_model::names::{listed, nearest};
use rhai::Dynamic;
use serde_json::Value as Json;

use crate::{
    diagnostic::{Diagnostic, Place},
    draft::{Draft, Spot},
    secrets::{first_secret, misplaced},
    values::to_json,
};

/// A map of settings, and what is wrong with it.
pub(crate) struct Settings<'a> {
    what: &'static str,
    spot: &'a Spot,
    map: rhai::Map,
    wrong: Vec<Diagnostic>,
}

impl<'a> Settings<'a> {
    /// The settings of a call. Something that is no map is reported and read as an empty one.
    pub fn open(
        what: &'static str,
        spot: &'a Spot,
        index: usize,
        given: &Dynamic,
        keys: &[&str],
    ) -> Self {
        let mut settings = Self {
            what,
            spot,
            map: rhai::Map::new(),
            wrong: vec![],
        };
        match given.as_map_ref() {
            Ok(map) => settings.map = map.clone(),
            Err(_) => settings.wrong.push(
                Diagnostic::new(
                    "krun::arg-type",
                    spot.arg(index),
                    format!("the settings of `{what}` must be a map"),
                )
                .help("Write them as `#{key: value}`."),
            ),
        }
        let held = |(key, value): (_, &Dynamic)| Some((key, first_secret(value)?));
        let held: Vec<_> = settings.map.iter().filter_map(held).collect();
        let held: Vec<_> = held
            .into_iter()
            .map(|(key, name)| misplaced(spot.value(key), &format!("`{key}` of `{what}`"), &name))
            .collect();
        settings.wrong.extend(held);
        for key in settings
            .map
            .keys()
            .filter(|key| !keys.contains(&key.as_str()))
        {
            let message = format!("`{what}` has no setting `{key}`");
            let diagnostic = Diagnostic::new("krun::unknown-key", spot.key(key), message);
            settings
                .wrong
                .push(match nearest(key, keys.iter().copied()) {
                    Some(near) => diagnostic.did_you_mean(Some(near)),
                    None => diagnostic.help(format!("There is {}.", listed(keys.iter().copied()))),
                });
        }
        settings
    }

    fn get<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&Dynamic) -> Option<T>,
    ) -> Option<T> {
        let value = self.map.get(key).filter(|value| !value.is_unit())?;
        let read = read(value);
        if read.is_none() {
            let message = format!("`{key}` of `{}` must be {wanted}", self.what);
            self.wrong.push(Diagnostic::new(
                "krun::arg-type",
                self.spot.value(key),
                message,
            ));
        }
        read
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.get(key, "a string", |value| {
            value.as_immutable_string_ref().ok().map(|s| s.to_string())
        })
    }

    /// A whole number.
    pub fn int(&mut self, key: &str) -> Option<i64> {
        self.get(key, "an int", |value| value.as_int().ok())
    }

    /// True or false; false where it is not given.
    pub fn flag(&mut self, key: &str) -> bool {
        self.get(key, "a bool", |value| value.as_bool().ok())
            .unwrap_or_default()
    }

    /// Plain data.
    pub fn json(&mut self, key: &str) -> Option<Json> {
        self.get(key, "plain data", |value| to_json(value).ok())
    }

    /// A list of plain data.
    pub fn list(&mut self, key: &str) -> Vec<Json> {
        self.get(key, "a list", |value| match to_json(value) {
            Ok(Json::Array(list)) => Some(list),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// Records something wrong about a key.
    pub fn wrong(&mut self, code: &'static str, place: Place, message: String) {
        self.wrong.push(Diagnostic::new(code, place, message));
    }

    /// Hands over what is wrong; whether anything is.
    pub fn close(self, draft: &mut Draft) -> bool {
        let any = !self.wrong.is_empty();
        self.wrong.into_iter().for_each(|wrong| draft.report(wrong));
        any
    }
}
