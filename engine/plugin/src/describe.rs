//! What a plugin says of itself, checked: names, sizes, schemas. Nothing of it is believed before.

use krun_model::{
    Fault, FaultCode,
    declaration::Manifest,
    kind::{KindSpec, UndoClass},
    schema::{ArgSpec, OutputSpec},
};

use crate::{
    Want,
    bindings::exports::krun::plugin::step_kinds as wit,
    faults::clean,
    schema::{arguments, is_name, leak, ways},
};

/// More kinds than this are no plugin.
const MAX_KINDS: usize = 64;
/// The longest prose of a plugin, of a kind, of an argument, in bytes.
const MAX_PROSE: usize = 16 << 10;
/// More arguments, outputs, examples or wants than this are none.
const MAX_PARTS: usize = 128;

/// A plugin's description. Its texts live as long as the process, like those of built-in kinds.
#[derive(Debug, Default)]
pub(crate) struct Description {
    pub name: &'static str,
    pub version: &'static str,
    pub doc: &'static str,
    pub kinds: Vec<Described>,
    pub wants: Vec<Want>,
}

/// One kind.
#[derive(Debug)]
pub(crate) struct Described {
    /// Its name as the plugin has it.
    pub name: &'static str,
    pub mode: wit::Mode,
    /// Whether it has an undo of its own.
    pub undoes: bool,
    /// Arguments that only say how a thing is reached.
    pub ways: &'static [&'static str],
    pub spec: &'static KindSpec,
}

impl Description {
    /// What a plugin said, if that can be.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] with what can't be.
    pub(crate) fn checked(said: wit::Description) -> Result<Self, Fault> {
        let name = said.name.as_str();
        named(name, &said.version)?;
        if said.kinds.is_empty() || said.kinds.len() > MAX_KINDS {
            return Err(wrong(&format!(
                "it has {} kinds, and 1 to {MAX_KINDS} can be",
                said.kinds.len()
            )));
        }
        prose(&said.doc, "its doc")?;
        let module = name.replace('-', "_");
        let kinds = said
            .kinds
            .into_iter()
            .map(|kind| described(&module, kind))
            .collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(&format!("it has two kinds `{}`", twice[0])));
        }
        few(said.wants.len(), "wants")?;
        let wants = said
            .wants
            .into_iter()
            .map(|want| {
                prose(&want.grant, "a grant that it wants")?;
                prose(&want.why, "why it wants a grant")?;
                Ok(Want {
                    grant: want.grant,
                    why: want.why,
                })
            })
            .collect::<Result<_, Fault>>()?;
        Ok(Self {
            name: leak(name),
            version: leak(&said.version),
            doc: leak(&said.doc),
            kinds,
            wants,
        })
    }

    /// That of a component which is a runbook too: both must be called the same.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where they are not.
    pub(crate) fn with_runbook(self, manifest: &Manifest) -> Result<Self, Fault> {
        if self.name.is_empty() {
            return Ok(Self {
                name: leak(&manifest.name),
                version: leak(&manifest.version),
                doc: leak(&manifest.summary),
                ..self
            });
        }
        if (self.name, self.version) != (&manifest.name, &manifest.version) {
            return Err(wrong(&format!(
                "its kinds are of `{}`, and its runbook is `{} {}`",
                self.called(),
                manifest.name,
                manifest.version
            )));
        }
        Ok(self)
    }

    /// Name and version, for messages.
    pub(crate) fn called(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// Refuses a name or version that can't be.
pub(crate) fn named(name: &str, version: &str) -> Result<(), Fault> {
    if !is_name(&name.replace('-', "_")) || name.contains('_') {
        return Err(wrong(
            "its name is not made of lower-case letters, digits and hyphens",
        ));
    }
    let is_version = version.split('.').count() >= 3
        && version.len() <= 64
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
    match is_version {
        true => Ok(()),
        false => Err(wrong("its version is none of Semantic Versioning")),
    }
}

fn described(module: &str, kind: wit::Kind) -> Result<Described, Fault> {
    if !is_name(&kind.name) {
        return Err(wrong(
            "a kind's name is not made of lower-case letters, digits and underscores",
        ));
    }
    let of_kind = |why: &str| wrong(&format!("kind `{}`: {why}", kind.name));
    prose(&kind.doc, "a kind's doc")?;
    let schema = serde_json::from_str(&kind.arguments)
        .map_err(|error| of_kind(&format!("the schema of its arguments is no JSON: {error}")))?;
    let args = arguments(&schema).map_err(|why| of_kind(&why))?;
    let ways = ways(&schema).map_err(|why| of_kind(&why))?;
    few(args.len(), "arguments")?;
    few(kind.outputs.len(), "outputs")?;
    few(kind.examples.len(), "examples")?;
    if let Some(taken) = args.iter().find(|arg| RESERVED.contains(&arg.name)) {
        return Err(of_kind(&format!(
            "`{}` is an argument of every step",
            taken.name
        )));
    }
    for arg in &args {
        prose(arg.doc, "an argument's doc")?;
    }
    let outputs: Vec<_> = kind
        .outputs
        .iter()
        .map(|output| {
            prose(&output.doc, "an output's doc")?;
            if !is_name(&output.name) {
                return Err(of_kind(
                    "an output's name is not made of lower-case letters, digits and underscores",
                ));
            }
            Ok(OutputSpec::new(leak(&output.name), leak(&output.doc)))
        })
        .collect::<Result<_, _>>()?;
    for example in &kind.examples {
        prose(example, "an example")?;
    }
    let spec = KindSpec {
        name: leak(&format!("{module}::{}", kind.name)),
        doc: leak(&kind.doc),
        args: Vec::<ArgSpec>::leak(args),
        outputs: Vec::<OutputSpec>::leak(outputs),
        undo: match kind.undo {
            wit::UndoClass::Reversible => UndoClass::Reversible,
            wit::UndoClass::Compensable => UndoClass::Compensable,
            wit::UndoClass::Contained => UndoClass::Contained,
            wit::UndoClass::Kept => UndoClass::Kept,
            wit::UndoClass::Irreversible => UndoClass::Irreversible,
            wit::UndoClass::Nothing => UndoClass::Nothing,
        },
        examples: Vec::leak(kind.examples.iter().map(|one| leak(one)).collect()),
    };
    let can_undo = matches!(spec.undo, UndoClass::Reversible | UndoClass::Compensable)
        && kind.mode != wit::Mode::Proof;
    if kind.undoes && !can_undo {
        return Err(of_kind(
            "it has an undo of its own, and says that nothing can be taken back",
        ));
    }
    Ok(Described {
        name: leak(&kind.name),
        mode: kind.mode,
        undoes: kind.undoes,
        ways: Vec::leak(ways),
        spec: Box::leak(Box::new(spec)),
    })
}

/// What every step can be given; the script crate owns the list, which no kind may use for itself.
const RESERVED: &[&str] = &["after", "retries", "serial", "tags", "timeout", "when"];

pub(crate) fn prose(text: &str, what: &str) -> Result<(), Fault> {
    if text.len() > MAX_PROSE {
        return Err(wrong(&format!("{what} is longer than {MAX_PROSE} bytes")));
    }
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(wrong(&format!("{what} has control characters")));
    }
    Ok(())
}

pub(crate) fn few(count: usize, what: &str) -> Result<(), Fault> {
    match count > MAX_PARTS {
        true => Err(wrong(&format!(
            "it has {count} {what}, and {MAX_PARTS} can be"
        ))),
        false => Ok(()),
    }
}

pub(crate) fn wrong(why: &str) -> Fault {
    Fault::new(FaultCode::Plugin, "what the plugin says of itself can't be").because(clean(why))
}
