//! The words of a page in its language.
//!
//! Every sentence is written in English where it belongs (a runbook, a kind, this crate), and is its own
//! key: a translation is a pair of an English block of prose and the same in the other language. What
//! has no translation stands in English, and is remembered.

use std::{cell::RefCell, collections::BTreeSet};

use krun_model::Map;
use serde::{Deserialize, Serialize};

/// English blocks of prose and what they are in another language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translations {
    done: Map<String>,
    open: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    en: String,
    #[serde(rename = "to")]
    other: String,
}

/// One line, with single spaces: how a block is broken into lines is no part of it.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Translations {
    /// Adds those of a file: a list of pairs `en` and `to`. Where `to` is empty, there is none yet.
    ///
    /// # Errors
    /// What is wrong with the file; also a block that was translated before.
    pub fn extend_yaml(&mut self, text: &str) -> Result<(), String> {
        let pairs: Vec<Pair> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        for Pair { en, other } in pairs {
            let (en, other) = (plain(&en), plain(&other));
            let again = if other.is_empty() {
                !self.open.insert(en.clone())
            } else {
                self.done.insert(en.clone(), other).is_some()
            };
            if again || (self.done.contains_key(&en) && self.open.contains(&en)) {
                return Err(format!("this stands there twice: {en}"));
            }
        }
        Ok(())
    }

    /// Blocks that none of some pages uses.
    pub fn unused(&self, used: &BTreeSet<String>) -> Vec<String> {
        let all = self.done.keys().chain(&self.open);
        let unused = all.filter(|key| !used.contains(*key));
        unused.cloned().collect()
    }

    /// Whether a file has a place for the translation of a block, which is still empty.
    pub fn is_open(&self, english: &str) -> bool {
        self.open.contains(english)
    }

    /// A file of translations that are to be written.
    pub fn stub(missing: &[String]) -> String {
        let pairs: Vec<_> = missing
            .iter()
            .map(|en| Pair {
                en: en.clone(),
                other: String::new(),
            })
            .collect();
        serde_yaml::to_string(&pairs).unwrap_or_default()
    }
}

/// The words of one page.
#[derive(Debug, Default)]
pub struct Words<'a> {
    translations: Option<&'a Translations>,
    used: RefCell<BTreeSet<String>>,
    missing: RefCell<Vec<String>>,
}

impl<'a> Words<'a> {
    /// English words.
    pub fn english() -> Self {
        Self::default()
    }

    /// Words of another language.
    pub fn of(translations: &'a Translations) -> Self {
        Self {
            translations: Some(translations),
            ..Self::default()
        }
    }

    /// A block of prose in the page's language.
    pub fn say(&self, english: &str) -> String {
        let key = plain(english);
        if key.is_empty() {
            return key;
        }
        self.used.borrow_mut().insert(key.clone());
        let Some(translations) = self.translations else {
            return key;
        };
        match translations.done.get(&key) {
            Some(text) => text.clone(),
            None => {
                let mut missing = self.missing.borrow_mut();
                if !missing.contains(&key) {
                    missing.push(key.clone());
                }
                key
            }
        }
    }

    /// A block of prose with values in it: `{name}` stands for one.
    pub fn say_with(&self, english: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.say(english);
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// Prose of several paragraphs, each a block of its own; items of a list are blocks too.
    pub fn prose(&self, english: &str) -> String {
        let mut blocks: Vec<(String, String)> = vec![];
        let mut open = false;
        for line in english.lines() {
            let text = line.trim();
            let item = ["- ", "* "].iter().find_map(|mark| text.strip_prefix(mark));
            match (text.is_empty(), item, open) {
                (true, _, _) => open = false,
                (_, Some(item), _) => {
                    blocks.push(("- ".to_owned(), item.to_owned()));
                    open = true;
                }
                (_, None, false) => {
                    blocks.push((String::new(), text.to_owned()));
                    open = true;
                }
                (_, None, true) => {
                    if let Some((_, block)) = blocks.last_mut() {
                        block.push(' ');
                        block.push_str(text);
                    }
                }
            }
        }
        let blocks = blocks
            .iter()
            .map(|(mark, block)| format!("{mark}{}", self.say(block)));
        blocks.collect::<Vec<_>>().join("\n\n")
    }

    /// Blocks that have no translation, in the order of the page.
    pub fn missing(&self) -> Vec<String> {
        self.missing.borrow().clone()
    }

    /// All blocks that were said.
    pub fn used(&self) -> BTreeSet<String> {
        self.used.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_own_key() {
        let mut translations = Translations::default();
        translations
            .extend_yaml("- en: One thing\n    and another.\n  to: 하나와 둘.\n- en: '{count} of them'\n  to: '{count}개'\n")
            .unwrap();
        let words = Words::of(&translations);
        assert_eq!(
            words.prose("One thing and\nanother.\n\nNew.\n- item\n  goes on\n- next"),
            "하나와 둘.\n\nNew.\n\n- item goes on\n\n- next"
        );
        assert_eq!(words.say_with("{count} of them", &[("count", "3")]), "3개");
        assert_eq!(words.missing(), ["New.", "item goes on", "next"]);
        assert_eq!(translations.unused(&BTreeSet::new()).len(), 2);
        assert!(translations.unused(&words.used()).is_empty());
        let stub = Translations::stub(&words.missing()[..1]);
        assert_eq!(stub, "- en: New.\n  to: ''\n");
        assert!(!translations.is_open("New."));
        translations.extend_yaml(&stub).unwrap();
        assert!(translations.is_open("New."));
        let words = Words::of(&translations);
        assert_eq!(words.say("New."), "New.");
        assert_eq!(words.missing(), ["New."]);
    }

    #[test]
    fn refused_files() {
        for (text, why) in [
            ("- en: a\n  to: ''\n- en: a\n  to: b\n", "twice"),
            ("- en: a\n  to: b\n- en: a\n  to: c\n", "twice"),
            ("- en: a\n  ko: b\n", "unknown field"),
        ] {
            let error = Translations::default().extend_yaml(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
