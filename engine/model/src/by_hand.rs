//! What a person types to do a step without krun.
//!
//! Owns the shape of such commands and how arguments become words of a shell: outputs of other steps
//! as variables, folders that a page gives a name by that name. Never runs anything; a page shows the
//! commands, and a test of the page runs them.

use crate::{
    Address, Map, Runbook, Step, Text, Value,
    secret::{Piece, SecretSource, default_variable},
};

/// A shell function that commands use; a page shows it once, before the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShellFunction {
    /// Its name.
    pub name: &'static str,
    /// What it does: whole sentences, which a page translates.
    pub say: &'static str,
    /// Its definition for bash.
    pub text: &'static str,
}

/// Commands, and what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandBlock {
    /// Why and what, in whole sentences without values of arguments, so that a page can translate it.
    /// May be empty.
    pub say: &'static str,
    /// Lines for bash; they end the shell with an error, or return one, where they fail.
    pub commands: String,
}

/// What a person types instead of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByHand {
    /// The functions that the commands use.
    pub functions: Vec<ShellFunction>,
    /// What does the step.
    pub apply: Vec<HandBlock>,
    /// What takes it back.
    pub undo: Vec<HandBlock>,
}

impl ByHand {
    /// Commands that need no explanation beyond that of the step.
    pub fn of(commands: impl Into<String>) -> Self {
        Self::saying("", commands)
    }

    /// Commands with an explanation.
    pub fn saying(say: &'static str, commands: impl Into<String>) -> Self {
        Self::default().then(say, commands)
    }

    /// Further commands.
    #[must_use]
    pub fn then(mut self, say: &'static str, commands: impl Into<String>) -> Self {
        let commands = commands.into();
        self.apply.push(HandBlock { say, commands });
        self
    }

    /// What takes it back.
    #[must_use]
    pub fn undone_by(mut self, say: &'static str, commands: impl Into<String>) -> Self {
        let commands = commands.into();
        self.undo.push(HandBlock { say, commands });
        self
    }

    /// The functions that the commands use.
    #[must_use]
    pub fn using(mut self, functions: &[ShellFunction]) -> Self {
        self.functions.extend(functions);
        self
    }
}

/// The step that is to be done by hand, and what is around it.
#[derive(Clone, Copy, Debug)]
pub struct HandCx<'a> {
    /// The runbook, for steps that this one builds on.
    pub runbook: &'a Runbook,
    /// The step.
    pub step: &'a Step,
    /// Folders that have a name in the shell: absolute path and variable, such as `/srv/k`, `ROOT`.
    pub folders: &'a [(String, String)],
}

impl<'a> HandCx<'a> {
    /// An argument as one word of a shell; none where the step does not give it.
    pub fn arg(&self, name: &str) -> Option<String> {
        self.step.args.get(name).and_then(|value| self.word(value))
    }

    /// A list among the arguments as words of a shell; empty where the step does not give it.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.step.args.get(name) {
            Some(Value::List(list)) => list.iter().filter_map(|value| self.word(value)).collect(),
            _ => vec![],
        }
    }

    /// A list of texts as one word, joined by commas.
    pub fn joined(&self, name: &str) -> Option<String> {
        match self.step.args.get(name)? {
            Value::List(list) => {
                let texts: Option<Vec<_>> = list.iter().map(plain).collect();
                Some(self.text(&texts?.join(",")))
            }
            _ => None,
        }
    }

    /// A map among the arguments: keys, and values as words of a shell.
    pub fn map(&self, name: &str) -> Map<String> {
        match self.step.args.get(name) {
            Some(Value::Map(map)) => map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), self.word(value)?)))
                .collect(),
            _ => Map::new(),
        }
    }

    /// A value as one word of a shell; none for null, lists and maps.
    pub fn word(&self, value: &Value) -> Option<String> {
        match value {
            Value::Output { step, name } => Some(format!("\"${}\"", variable(step, name))),
            Value::Secret(text) => Some(self.with_secrets(text)),
            other => plain(other).map(|text| self.text(&text)),
        }
    }

    /// A text with the values of secrets, which are in variables of the shell.
    fn with_secrets(&self, text: &Text) -> String {
        let words = text.pieces().iter().map(|piece| match piece {
            Piece::Plain(text) => self.text(text),
            Piece::Secret(name) => {
                let declared = self.runbook.secrets.iter().find(|one| one.name == *name);
                match declared.and_then(|one| one.source.as_ref()) {
                    Some(SecretSource::Env(variable)) => format!("\"${variable}\""),
                    _ => format!("\"${}\"", default_variable(name)),
                }
            }
        });
        words.collect()
    }

    /// A text as one word of a shell, with the folders in it by their names.
    pub fn text(&self, text: &str) -> String {
        let mut rest = text;
        let mut word = String::new();
        let mut named = false;
        while !rest.is_empty() {
            let next = self
                .folders
                .iter()
                .filter_map(|(path, name)| Some((whole(rest, path)?, path, name)))
                .min_by_key(|(at, path, _)| (*at, std::cmp::Reverse(path.len())));
            let Some((at, path, name)) = next else { break };
            escape_into(&mut word, &rest[..at]);
            rest = &rest[at + path.len()..];
            let open = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            word.push_str(&if open {
                format!("${{{name}}}")
            } else {
                format!("${name}")
            });
            named = true;
        }
        if named {
            escape_into(&mut word, rest);
            return format!("\"{word}\"");
        }
        quoted(text)
    }

    /// The variable in which an output of this step is kept.
    pub fn output(&self, name: &str) -> String {
        variable(&self.step.address, name)
    }

    /// All steps that this one waits for, directly or through others, in the order of the runbook.
    pub fn before(&self) -> Vec<&'a Step> {
        let nearest = self.nearest_first();
        let all = self.runbook.steps.iter();
        all.filter(|step| nearest.iter().any(|near| near.address == step.address))
            .collect()
    }

    /// The nearest step of a kind that this one waits for, directly or through others.
    pub fn upstream(&self, kind: &str) -> Option<&'a Step> {
        let steps = self.nearest_first();
        steps.into_iter().find(|step| step.kind == kind)
    }

    fn nearest_first(&self) -> Vec<&'a Step> {
        let mut found: Vec<&'a Step> = vec![];
        let mut next = vec![self.step];
        while !next.is_empty() {
            let mut further: Vec<&'a Step> = vec![];
            for address in next.iter().flat_map(|step| &step.after) {
                let known = found.iter().chain(&further).any(|s| s.address == *address);
                further.extend(self.runbook.step(address).filter(|_| !known));
            }
            found.extend(&further);
            next = further;
        }
        found
    }

    /// The same, seen from another step of the runbook.
    #[must_use]
    pub fn of(&self, step: &'a Step) -> Self {
        Self { step, ..*self }
    }
}

/// The shell variable for an output: `JAVA_BIN` for `bin` of the step `java`.
pub fn variable(step: &Address, output: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!("{step}_{output}").chars().map(plain).collect()
}

/// A scalar as it stands in a text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// Where a path stands in a text as a whole: not in the middle of a longer name.
fn whole(text: &str, path: &str) -> Option<usize> {
    text.match_indices(path).map(|(at, _)| at).find(|at| {
        let after = text[at + path.len()..].chars().next();
        after.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')))
    })
}

/// Text within double quotes.
fn escape_into(word: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            word.push('\\');
        }
        word.push(c);
    }
}

/// A word that a shell takes as it stands.
pub fn quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<String> {
        let folders = [
            ("/srv/k".to_owned(), "ROOT".to_owned()),
            ("/srv/k/data".to_owned(), "DATA".to_owned()),
        ];
        let runbook = Runbook {
            name: "r".into(),
            version: "1".into(),
            ..Runbook::default()
        };
        let step = Step {
            address: "a/b-1".parse().unwrap(),
            kind: "k".into(),
            args: Map::new(),
            after: vec![],
            manner: crate::Manner::default(),
            doc: String::new(),
            phase: None,
            span: crate::Span {
                file: "r".into(),
                line: 1,
                column: 1,
            },
        };
        let cx = HandCx {
            runbook: &runbook,
            step: &step,
            folders: &folders,
        };
        assert_eq!(cx.output("data_dir"), "A_B_1_DATA_DIR");
        texts.iter().map(|text| cx.text(text)).collect()
    }

    #[test]
    fn folders_have_names() {
        assert_eq!(
            words(&[
                "/srv/k",
                "/srv/k/kafka",
                "/srv/k/data/x",
                "file:/srv/k,/srv/k/b$",
                "/srv/kafka",
                "/srv/k-2",
                "a b",
                "it's",
                "PLAINTEXT://127.0.0.1:9092",
                "",
            ]),
            [
                r#""$ROOT""#,
                r#""$ROOT/kafka""#,
                r#""$DATA/x""#,
                r#""file:$ROOT,$ROOT/b\$""#,
                "/srv/kafka",
                "/srv/k-2",
                "'a b'",
                r"'it'\''s'",
                "PLAINTEXT://127.0.0.1:9092",
                "''",
            ]
        );
    }
}
