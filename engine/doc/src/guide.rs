//! The guide of a runbook: its prose, what a person would type, what a run said.

use krun_model::{
    ByHand, HandCx, ParamSpec, ParamType, Runbook, Step,
    by_hand::{ShellFunction, quoted},
    kind::{Kinds, UndoClass},
    runbook::Phase,
};
use serde_json::Value as Json;

use crate::{
    capture::{Capture, CapturedStep, is_masked},
    diagram::diagram,
    groups::{Group, groups},
    kinds::mode_word,
    markdown::{anchor, fenced, made_by, table},
    words::Words,
};

/// The same page in another language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLanguage {
    /// The language's own name of itself.
    pub name: String,
    /// The page, relative to this one.
    pub page: String,
}

/// What a guide is made of.
pub struct Guide<'a> {
    /// The runbook, evaluated.
    pub runbook: &'a Runbook,
    /// All kinds.
    pub kinds: &'a Kinds,
    /// The home folder with which `~` was made absolute; shown as `~` again.
    pub home: Option<&'a str>,
    /// What a real run said.
    pub capture: Option<&'a Capture>,
    /// The page's language.
    pub words: &'a Words<'a>,
    /// The runbook as a user types it, such as `runbooks/x.rhai`.
    pub path: &'a str,
    /// Parameters that the page is written for, each as `NAME=VALUE`.
    pub given: &'a [String],
    /// From the page to the root of the book, such as `../`.
    pub root: &'a str,
    /// The same page in other languages.
    pub others: Vec<OtherLanguage>,
}

/// Folders that get a name in the shell: each parameter of type path that has a value.
pub fn hand_variables(runbook: &Runbook) -> Vec<(String, String)> {
    let paths = runbook
        .params
        .iter()
        .filter(|param| param.ty == ParamType::Path);
    paths
        .filter_map(|param| {
            let value = runbook.values.get(&param.name)?.as_str()?;
            (!value.is_empty()).then(|| (value.to_owned(), param.name.to_uppercase()))
        })
        .collect()
}

impl Guide<'_> {
    /// The page.
    pub fn page(&self) -> String {
        let (runbook, words) = (self.runbook, self.words);
        let folders = hand_variables(runbook);
        let groups = groups(runbook);
        let hands: Vec<Vec<ByHand>> = groups
            .iter()
            .map(|group| self.hands(group, &folders))
            .collect();

        let mut text = made_by(&format!("krun doc {}", self.path));
        text.push_str(&format!("# {}\n\n", words.say(&runbook.summary)));
        if !self.others.is_empty() {
            let links = self.others.iter();
            let links: Vec<_> = links.map(|o| format!("[{}]({})", o.name, o.page)).collect();
            text.push_str(&format!("{}\n\n", links.join(" · ")));
        }
        text.push_str(&format!("{}\n\n", words.prose(&runbook.doc)));
        text.push_str(&self.with_krun());
        let where_ = diagram(runbook, self.kinds, &folders, words);
        if !where_.is_empty() {
            text.push_str(&self.heading("##", "What runs where", "what-runs-where"));
            text.push_str(&where_);
            text.push('\n');
        }
        text.push_str(&self.parameters());
        text.push_str(&self.shell(&folders, &hands));
        let mut phase = None;
        for (group, hands) in groups.iter().zip(&hands) {
            if group.phase != phase {
                phase = group.phase;
                text.push_str(&self.phase(phase));
            }
            text.push_str(&self.group(group, hands));
        }
        text.push_str(&self.check_and_take_back(&groups, &hands));
        text
    }

    fn heading(&self, level: &str, title: &str, anchor: &str) -> String {
        format!("{level} {} {{#{anchor}}}\n\n", self.words.say(title))
    }

    /// The runbook and its parameters as a user types them.
    fn typed(&self) -> String {
        let params = self.given.iter().map(|param| quoted(param));
        let params: Vec<_> = params.map(|param| format!(" --param {param}")).collect();
        format!("{}{}", self.path, params.concat())
    }

    fn with_krun(&self) -> String {
        let mut text = self.words.say(
            "With krun it is one command; it says before what it will do, goes on when it was killed, and \
             can take everything back:",
        );
        text.push_str("\n\n");
        text.push_str(&fenced(
            "console",
            &format!("$ krun plan {0}\n$ krun run {0}", self.typed()),
        ));
        text.push('\n');
        text.push_str(&self.words.say(
            "The rest of this page shows each step: why it is there, what a person would type instead of \
             it, and what krun said of it in a real run.",
        ));
        text.push_str("\n\n");
        text
    }

    /// A value as a user would write it.
    fn shown(&self, value: &Json) -> String {
        match value {
            Json::String(text) => self.with_tilde(text),
            Json::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.shown(item)).collect();
                items.join(",")
            }
            Json::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn with_tilde(&self, text: &str) -> String {
        match self.home.and_then(|home| text.strip_prefix(home)) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("~{rest}"),
            _ => text.to_owned(),
        }
    }

    fn parameters(&self) -> String {
        if self.runbook.params.is_empty() {
            return String::new();
        }
        let words = self.words;
        let mut text = self.heading("##", "Parameters", "parameters");
        text.push_str(&words.say(
            "Given with `--param NAME=VALUE`, lists as `a,b,c`. The commands of this page are written for \
             the values in the table.",
        ));
        text.push_str("\n\n");
        let head = ["parameter", "type", "value here", "meaning"].map(|word| words.say(word));
        let rows: Vec<_> = self
            .runbook
            .params
            .iter()
            .map(|param| {
                let value = self.runbook.values.get(&param.name).unwrap_or(&Json::Null);
                let value = match self.shown(value) {
                    empty if empty.is_empty() => String::new(),
                    value => format!("`{value}`"),
                };
                vec![
                    format!("`{}`", param.name),
                    param.ty.word().replace('<', "&lt;"),
                    value,
                    self.meaning(param),
                ]
            })
            .collect();
        text.push_str(&table(&head, &rows));
        text.push('\n');
        text
    }

    fn meaning(&self, param: &ParamSpec) -> String {
        let mut parts = vec![self.words.prose(&param.doc)];
        if !param.choices.is_empty() {
            let choices: Vec<_> = param
                .choices
                .iter()
                .map(|choice| format!("`{}`", self.shown(choice)))
                .collect();
            let list = choices.join(", ");
            parts.push(self.words.say_with("One of {list}.", &[("list", &list)]));
        }
        let limits = (
            param.min.map(|n| n.to_string()),
            param.max.map(|n| n.to_string()),
        );
        match (&param.ty, limits) {
            (ParamType::Int, (Some(min), Some(max))) => parts.push(
                self.words
                    .say_with("From {min} to {max}.", &[("min", &min), ("max", &max)]),
            ),
            (ParamType::Int, (Some(min), None)) => {
                parts.push(self.words.say_with("At least {min}.", &[("min", &min)]));
            }
            _ => {}
        }
        if param.identity {
            parts.push(
                self.words
                    .say("It says which deployment this is and cannot be changed later."),
            );
        }
        parts.join(" ")
    }

    fn hands(&self, group: &Group<'_>, folders: &[(String, String)]) -> Vec<ByHand> {
        let by_hand = |step: &&Step| {
            let kind = self.kinds.get(&step.kind)?;
            let cx = HandCx {
                runbook: self.runbook,
                step,
                folders,
            };
            Some(kind.common().by_hand(&cx))
        };
        let all = group.steps.iter().map(by_hand);
        all.map(Option::unwrap_or_default).collect()
    }

    /// Variables and functions that later commands use.
    fn shell(&self, folders: &[(String, String)], hands: &[Vec<ByHand>]) -> String {
        if hands.iter().flatten().all(|hand| hand.apply.is_empty()) {
            return String::new();
        }
        let words = self.words;
        let mut text = self.heading("##", "Before you type", "before-you-type");
        text.push_str(&words.say(
            "The commands are for one bash, in this order, on the host itself: later ones use what earlier \
             ones have set. They do what the runbook does; they note nothing, so krun cannot take them back.",
        ));
        text.push_str("\n\n");
        let lines: Vec<_> = folders
            .iter()
            .map(|(path, name)| {
                let path = self.with_tilde(path);
                // The shell expands a leading tilde only where it is not quoted.
                let value = match path.strip_prefix("~/") {
                    Some(rest) => format!("~/{}", quoted(rest)),
                    None => quoted(&path),
                };
                format!("{name}={value}")
            })
            .collect();
        if !lines.is_empty() {
            text.push_str(&fenced("bash", &lines.join("\n")));
            text.push('\n');
        }
        let mut functions: Vec<ShellFunction> = vec![];
        for function in hands.iter().flatten().flat_map(|hand| &hand.functions) {
            if !functions.contains(function) {
                functions.push(*function);
            }
        }
        for function in &functions {
            text.push_str(&format!(
                "`{}`: {}\n\n",
                function.name,
                words.say(function.say)
            ));
            text.push_str(&fenced("bash", function.text));
            text.push('\n');
        }
        text
    }

    fn phase(&self, phase: Option<usize>) -> String {
        let Some(Phase { title, doc }) = phase.and_then(|at| self.runbook.phases.get(at)) else {
            return String::new();
        };
        let at = phase.unwrap_or_default() + 1;
        let mut text = format!("## {} {{#phase-{at}}}\n\n", self.words.say(title));
        if !doc.is_empty() {
            text.push_str(&format!("{}\n\n", self.words.prose(doc)));
        }
        text
    }

    fn group(&self, group: &Group<'_>, hands: &[ByHand]) -> String {
        let first = group.steps[0];
        let names = group.steps.iter();
        let names: Vec<_> = names.map(|step| format!("`{}`", step.address)).collect();
        let id = format!("step-{}", first.address.as_str().replace('/', "-"));
        let mut text = format!("### {} {{#{id}}}\n\n", names.join(", "));
        if !first.doc.is_empty() {
            text.push_str(&format!("{}\n\n", self.words.prose(&first.doc)));
        }
        text.push_str(&self.kind_line(first));
        if let Some(when) = &first.manner.when {
            let only = "Only where `{condition}` holds.";
            let only = self.words.say_with(only, &[("condition", &when.text)]);
            text.push_str(&format!("{only}\n\n"));
        }
        text.push_str(&self.commands(hands));
        text.push_str(&self.captured(group));
        text
    }

    fn kind_line(&self, step: &Step) -> String {
        let link = format!(
            "[`{0}`]({1}kinds.md#{2})",
            step.kind,
            self.root,
            anchor(&step.kind)
        );
        let Some(kind) = self.kinds.get(&step.kind) else {
            return format!("{link}\n\n");
        };
        let mode = self.words.say(match mode_word(kind) {
            "once" => "An act: done once.",
            "proof" => "A proof: it changes nothing and fails if it does not see what it should.",
            _ => "A state: looked at each time, changed only where it differs.",
        });
        let undo = self.words.say(match kind.spec().undo {
            UndoClass::Reversible => "A rollback puts back what was there, to the byte.",
            UndoClass::Compensable => "A rollback takes it back by the opposite act.",
            UndoClass::Contained => "It goes away with what contains it.",
            UndoClass::Kept => "A rollback leaves it on purpose.",
            UndoClass::Irreversible => "It cannot be taken back.",
            UndoClass::Nothing => "There is nothing to take back.",
        });
        format!("{link} · {mode} {undo}\n\n")
    }

    fn commands(&self, hands: &[ByHand]) -> String {
        let mut text = String::new();
        let blocks: Vec<_> = hands.iter().flat_map(|hand| &hand.apply).collect();
        if !blocks.is_empty() {
            text.push_str(&format!("**{}**\n\n", self.words.say("By hand")));
        }
        let mut open: Vec<String> = vec![];
        let mut said: Vec<&str> = vec![];
        for block in blocks {
            // What is said of the first of several like steps holds for the others.
            if !block.say.is_empty() && !said.contains(&block.say) {
                if !open.is_empty() {
                    text.push_str(&fenced("bash", &open.join("\n")));
                    text.push('\n');
                    open.clear();
                }
                said.push(block.say);
                text.push_str(&format!("{}\n\n", self.words.say(block.say)));
            }
            open.push(block.commands.clone());
        }
        if !open.is_empty() {
            text.push_str(&fenced("bash", &open.join("\n")));
            text.push('\n');
        }
        text
    }

    fn captured(&self, group: &Group<'_>) -> String {
        let Some(capture) = self.capture else {
            return String::new();
        };
        let said: Vec<_> = group
            .steps
            .iter()
            .filter_map(|step| {
                let said = capture.steps.get(step.address.as_str())?;
                Some(self.said(step, said))
            })
            .collect();
        if said.is_empty() {
            return String::new();
        }
        let title = self.words.say("What krun said");
        format!("**{title}**\n\n{}\n", fenced("text", &said.join("\n")))
    }

    fn said(&self, step: &Step, said: &CapturedStep) -> String {
        let filled = |text: &str| Capture::with_values(self.runbook, text);
        let mut lines = vec![format!(
            "{}: {} ({})",
            step.address,
            said.change,
            filled(&said.why)
        )];
        let flat: Vec<_> = said
            .outputs
            .iter()
            .filter(|(_, value)| !value.as_str().is_some_and(is_masked))
            .collect();
        let width = flat.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in flat {
            let items: Vec<String> = match value {
                Json::Array(items) => items.iter().map(|item| filled(&self.shown(item))).collect(),
                one => vec![filled(&self.shown(one))],
            };
            for (at, item) in items.iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                lines.push(format!("    {name:width$}  {item}"));
            }
        }
        lines.join("\n")
    }

    fn check_and_take_back(&self, groups: &[Group<'_>], hands: &[Vec<ByHand>]) -> String {
        let words = self.words;
        let mut text = self.heading("##", "Check it", "check-it");
        text.push_str(&words.say(
            "A second run finds everything as wanted and changes nothing; `krun plan` says so without \
             running. `krun status` shows processes, and with `--cluster` brokers, topics and partitions.",
        ));
        text.push_str("\n\n");
        text.push_str(&fenced(
            "console",
            &format!("$ krun plan {}\n$ krun status --cluster", self.typed()),
        ));
        text.push('\n');
        text.push_str(&self.heading("##", "Take it back", "take-it-back"));
        text.push_str(&words.say(
            "What krun did it takes back in reverse order; the first command only shows it. What somebody \
             else changed since is never overwritten without being asked for.",
        ));
        text.push_str("\n\n");
        text.push_str(&fenced(
            "console",
            "$ krun rollback --plan\n$ krun rollback",
        ));
        let undo: Vec<_> = groups
            .iter()
            .zip(hands)
            .rev()
            .flat_map(|(_, hands)| hands.iter().rev())
            .flat_map(|hand| &hand.undo)
            .map(|block| block.commands.as_str())
            .collect();
        if !undo.is_empty() {
            text.push('\n');
            text.push_str(&words.say(
                "What was typed by hand is taken back by hand; folders that hold nothing but what the \
                 steps made can be removed afterwards.",
            ));
            text.push_str("\n\n");
            text.push_str(&fenced("bash", &undo.join("\n")));
        }
        text
    }
}
