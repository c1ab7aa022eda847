//! The reference of step kinds, from what each says of itself.

use std::collections::BTreeMap;

use krun_model::{
    HandCx, Kind, Map, Runbook, Value,
    by_hand::ShellFunction,
    kind::{StepKind, UndoClass},
    schema::ArgType,
};

use crate::markdown::{anchor, entry, fenced, made_by, table};

/// A kind and its examples, each with the runbook that it was evaluated in.
#[derive(Clone)]
pub struct KindEntry<'a> {
    /// The kind.
    pub kind: &'a Kind,
    /// Its examples and their runbooks.
    pub examples: Vec<(&'a str, Runbook)>,
}

/// The reference's chapters: namespaces, or kinds of their own, in this order, then all others.
const CHAPTERS: &[(&str, &str)] = &[
    ("", "Files, folders, packages"),
    ("assert", "Assertions"),
    ("http", "The web"),
    ("kafka", "Kafka"),
    ("zookeeper", "ZooKeeper"),
];

const HEAD: &str = "# Step kinds

What a step can be made of in this version. A step function takes an address and a map of arguments: `KIND(\"ADDRESS\", #{ … })`. Every step also takes [`after`, `when`, `tags`, `serial`, `retries` and `timeout`](language.md#what-every-step-takes). See [The language](language.md) for handles, properties and outputs.

For each kind: its [mode](language.md#three-modes-of-step), what a [rollback](state-and-rollback.md#rollback) can do about it, and its arguments. Those in **bold** must be given. A `path` is absolute.

*Properties* are known while the script is evaluated; *outputs* only once the step ran. *By hand* is what a person would type instead of the example.
";

/// The page of all kinds.
pub fn kinds_page(entries: &[KindEntry<'_>]) -> String {
    let mut text = made_by("krun doc --kinds");
    text.push_str(HEAD);
    let mut chapters: BTreeMap<(usize, String), Vec<&KindEntry<'_>>> = BTreeMap::new();
    for entry in entries {
        let name = entry.kind.spec().name;
        let space = match name.rsplit_once("::") {
            Some((space, _)) => space,
            None if CHAPTERS.iter().any(|(own, _)| *own == name) => name,
            None => "",
        };
        let known = CHAPTERS.iter().position(|(prefix, _)| *prefix == space);
        let title = known.map_or(space, |at| CHAPTERS[at].1);
        let rank = known.unwrap_or(CHAPTERS.len());
        chapters
            .entry((rank, title.to_owned()))
            .or_default()
            .push(entry);
    }
    for ((_, title), entries) in chapters {
        text.push_str(&format!("\n## {title}\n"));
        for entry in entries {
            text.push_str(&kind_text(entry));
        }
    }
    text
}

pub(crate) fn kind_text(kind: &KindEntry<'_>) -> String {
    let spec = kind.kind.spec();
    let name = spec.name;
    let mut text = format!(
        "\n### `{name}` {{#{}}}\n\n*Mode: {}. Rollback: {}.*\n\n{}\n\n",
        anchor(name),
        mode_word(kind.kind),
        undo_word(spec.undo),
        spec.doc
    );
    let arguments: Vec<_> = spec
        .args
        .iter()
        .map(|arg| {
            let name = match arg.required {
                true => format!("**`{}`**", arg.name),
                false => format!("`{}`", arg.name),
            };
            vec![name, type_word(&arg.ty), entry(arg.doc)]
        })
        .collect();
    let head = ["argument", "type", ""].map(str::to_owned);
    text.push_str(&table(&head, &arguments));
    let properties = properties(kind.kind.common());
    if !properties.is_empty() {
        text.push_str(&format!("\nProperties: {}.\n", properties.join(", ")));
    }
    if !spec.outputs.is_empty() {
        let outputs: Vec<_> = spec
            .outputs
            .iter()
            .map(|output| vec![format!("`{}`", output.name), entry(output.doc)])
            .collect();
        text.push('\n');
        text.push_str(&table(&["output", ""].map(str::to_owned), &outputs));
    }
    for (example, runbook) in &kind.examples {
        text.push('\n');
        text.push_str(&fenced("rhai", example));
        text.push_str(&by_hand(kind.kind, runbook));
    }
    text
}

/// What a person types instead of the example.
fn by_hand(kind: &Kind, runbook: &Runbook) -> String {
    // The example stands after all that it uses.
    let Some(step) = runbook
        .steps
        .iter()
        .rfind(|step| step.kind == kind.spec().name)
    else {
        return String::new();
    };
    let folders = [("/srv/kafka".to_owned(), "ROOT".to_owned())];
    let by_hand = kind.common().by_hand(&HandCx {
        runbook,
        step,
        folders: &folders,
    });
    if by_hand.apply.is_empty() {
        return String::new();
    }
    let mut text = "\nBy hand:\n\n".to_owned();
    let commands: Vec<_> = by_hand.apply.iter().map(|block| &*block.commands).collect();
    let used = |function: &&ShellFunction| {
        let all = by_hand.functions.iter().map(|other| other.text);
        let mut others = all
            .filter(|text| *text != function.text)
            .chain(commands.iter().copied());
        others.any(|text| text.contains(function.name))
    };
    let functions = by_hand.functions.iter().filter(used);
    let functions = functions.map(|function| function.text);
    let all: Vec<_> = functions.chain(commands.iter().copied()).collect();
    text.push_str(&fenced("bash", &all.join("\n")));
    text
}

/// What a handle of the kind can be asked for while the script is evaluated.
fn properties(kind: &dyn StepKind) -> Vec<String> {
    let some: Map<Value> = kind
        .spec()
        .args
        .iter()
        .map(|arg| (arg.name.to_owned(), Value::from("/")))
        .collect();
    let computed = kind.computed(&some);
    computed.keys().map(|name| format!("`{name}`")).collect()
}

fn type_word(ty: &ArgType) -> String {
    match ty {
        ArgType::Str => "string".into(),
        ArgType::Int => "int".into(),
        ArgType::Bool => "bool".into(),
        ArgType::Path => "path".into(),
        ArgType::Port => "port".into(),
        ArgType::Scalar => "string, int or bool".into(),
        ArgType::Condition => "condition".into(),
        ArgType::OneOf(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(" or "),
        ArgType::List(item) => format!("list of {}s", type_word(item)),
        ArgType::MapOf(item) => format!("map to {}", type_word(item)),
    }
}

/// The mode of a kind in a word.
pub fn mode_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::State(_) => "state",
        Kind::Once(_) => "once",
        Kind::Proof(_) => "proof",
    }
}

/// What a rollback can do, in words.
pub fn undo_word(undo: UndoClass) -> &'static str {
    match undo {
        UndoClass::Reversible => "reversible",
        UndoClass::Compensable => "compensable",
        UndoClass::Contained => "contained",
        UndoClass::Kept => "kept",
        UndoClass::Irreversible => "irreversible",
        UndoClass::Nothing => "nothing to take back",
    }
}
