//! The search for known values in text that krun did not make.
//!
//! Owns in which forms a value is known: as it is, line by line, escaped for properties files and for
//! JSON, in base64, in hexadecimal digits, percent-encoded. The second line of defence: a value that a
//! program changes in another way, or prints in parts, is not found.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use krun_model::secret::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// Shorter values would be found everywhere, in bytes.
const SHORTEST: usize = 4;
/// Shorter ones may stand by chance in what is not only shown, in bytes.
const TELLING: usize = 8;
/// A line of a value that is shorter is not looked for by itself, in bytes.
const SHORTEST_LINE: usize = 8;

/// Known values, by the names that are shown in their place.
#[derive(Default)]
pub struct Veil {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// Every form that is searched for, the longest first, with what is shown instead.
    forms: Vec<(Zeroizing<String>, String)>,
    values: BTreeMap<String, Vec<SecretString>>,
}

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Veil")
    }
}

impl Veil {
    /// Learns a value, present or former.
    pub fn learn(&self, name: &str, value: &SecretString) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let values = known.values.entry(name.to_owned()).or_default();
        let new = value.expose_secret();
        if values.iter().any(|old| old.expose_secret() == new) {
            return;
        }
        values.push(value.clone());
        let shown = format!("(secret {name})");
        for form in forms(new) {
            known.forms.push((form, shown.clone()));
        }
        known
            .forms
            .sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        known.forms.dedup_by(|a, b| a.0 == b.0);
    }

    /// Whether nothing is known, so that nothing needs to be searched.
    pub fn is_empty(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.forms.is_empty()
    }

    /// The text without the values that are known.
    pub fn conceal(&self, text: &str) -> String {
        self.conceal_from(text, SHORTEST)
    }

    /// The text without the values that are long enough not to stand there by chance: for what programs
    /// read.
    pub fn conceal_data(&self, text: &str) -> String {
        self.conceal_from(text, TELLING)
    }

    fn conceal_from(&self, text: &str, shortest: usize) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for (form, shown) in &known.forms {
            if form.len() >= shortest && text.contains(form.as_str()) {
                text = text.replace(form.as_str(), shown);
            }
        }
        text
    }

    /// Whether a known value stands in a text as it is, however short it is.
    pub fn is_in(&self, text: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut values = known.values.values().flatten();
        values.any(|value| text.contains(value.expose_secret()))
            || known
                .forms
                .iter()
                .any(|(form, _)| text.contains(form.as_str()))
    }

    /// The names of the secrets of which a known value stands in some bytes, with those values.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<(String, SecretString)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = vec![];
        for (name, values) in &known.values {
            for value in values {
                let forms = forms(value.expose_secret());
                let plain = value.expose_secret().as_bytes();
                let mut wanted = forms.iter().map(|form| form.as_bytes()).chain([plain]);
                if wanted.any(|wanted| contains(bytes, wanted)) {
                    found.push((name.clone(), value.clone()));
                }
            }
        }
        found
    }

    /// JSON in which no text holds a known value, as far as it is long enough not to stand there by
    /// chance: others go on with what is said here. Keys stay as they are.
    pub fn conceal_json(&self, json: &mut serde_json::Value) {
        match json {
            serde_json::Value::String(text) => *text = self.conceal_data(text),
            serde_json::Value::Array(list) => {
                list.iter_mut().for_each(|one| self.conceal_json(one))
            }
            serde_json::Value::Object(map) => {
                map.values_mut().for_each(|one| self.conceal_json(one));
            }
            _ => {}
        }
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let bytes = value.as_bytes();
    if bytes.len() < SHORTEST {
        return vec![];
    }
    let hex = |digit: fn(u8) -> String| bytes.iter().map(|byte| digit(*byte)).collect::<String>();
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut forms = vec![
        value.to_owned(),
        json.trim_matches('"').to_owned(),
        properties(value, false),
        properties(value, true),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex(|byte| format!("{byte:02x}")),
        hex(|byte| format!("{byte:02X}")),
        percent(bytes, false),
        percent(bytes, true),
    ];
    let lines = value.lines().filter(|line| line.len() >= SHORTEST_LINE);
    forms.extend(lines.map(str::to_owned));
    forms.sort_unstable();
    forms.dedup();
    forms
        .into_iter()
        .filter(|form| form.len() >= SHORTEST)
        .map(Zeroizing::new)
        .collect()
}

/// As a properties file has it: with what must be escaped, or with all that may be.
fn properties(value: &str, all: bool) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            ' '..='~' => {
                if all && "=:#! ".contains(c) {
                    text.push('\\');
                }
                text.push(c);
            }
            c => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| text.push_str(&format!("\\u{unit:04X}"))),
        }
    }
    text
}

/// As a URL has it, or a form, in which a blank is a plus.
fn percent(bytes: &[u8], form: bool) -> String {
    let one = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(*byte).to_string()
        }
        b' ' if form => "+".to_owned(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_every_form() {
        let veil = Veil::default();
        let value = "p\"ä:s= w\\d!";
        veil.learn("db", &value.into());
        for form in [
            value,
            r#"p\"ä:s= w\\d!"#,
            r#"p"\u00E4:s= w\\d!"#,
            "cCLDpDpzPSB3XGQh",
            "7022c3a43a733d20775c6421",
            "p%22%C3%A4%3As%3D%20w%5Cd%21",
        ] {
            let text = format!("x {form} y");
            assert_eq!(veil.conceal(&text), "x (secret db) y", "{form}");
            assert!(veil.is_in(&text));
            assert_eq!(veil.found_in(text.as_bytes()).len(), 1);
        }
        assert_eq!(veil.conceal("nothing"), "nothing");
    }

    #[test]
    fn lines_and_short_ones() {
        let veil = Veil::default();
        veil.learn("pem", &"-----BEGIN\nMIIEvQIBADAN\nab\n".into());
        assert_eq!(veil.conceal("read MIIEvQIBADAN"), "read (secret pem)");
        assert_eq!(veil.conceal("about"), "about");
        veil.learn("pin", &"123".into());
        assert_eq!(veil.conceal("port 1234"), "port 1234");
        assert!(veil.is_in("port 1234"));
        veil.learn("pin", &"9876543".into());
        assert_eq!(veil.conceal("98765432"), "(secret pin)2");
    }
}
