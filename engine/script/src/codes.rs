//! The codes of diagnostics, and what the reference says of each.
//!
//! Owns the list: a code that is reported and not in it fails a test. `krun doc --diagnostics` makes the
//! page of it.

/// A code of a [`Diagnostic`](crate::Diagnostic).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code without `krun::`, such as `unknown-arg`.
    pub name: &'static str,
    /// The chapter of the reference that it belongs to.
    pub about: &'static str,
    /// What it means, and what to do.
    pub page: &'static str,
}

const fn code(name: &'static str, about: &'static str, page: &'static str) -> Code {
    Code { name, about, page }
}

const READING: &str = "Reading the file";
const HEAD: &str = "The head of a runbook";
const PARAMETERS: &str = "Parameters";
const NAMES: &str = "Functions and variables";
const STEPS: &str = "Steps";
const ORDER: &str = "Order";

/// All codes, in the order of the reference.
pub const CODES: &[Code] = &[
    code(
        "io",
        READING,
        "The file cannot be read: it is not there, not readable, or not UTF-8. A mistyped command \
         is taken for a runbook, too: `krun` followed by something that is no command means `krun \
         run`.",
    ),
    code(
        "syntax",
        READING,
        "The text is not Rhai. Frequent causes: a missing `;`, a text in double quotes that goes \
         over lines (use backticks), a map that begins with `{` instead of `#{`, single quotes \
         around a text.",
    ),
    code(
        "declared",
        READING,
        "A runbook that is a component declares something that no script could say: a step of a kind \
         that is none, an output of a step that is not declared before, a fraction. The message names \
         the plugin and the step. Whatever else is wrong with what it declares has the code that it has \
         in a script. See [A whole runbook](../plugins.md#a-whole-runbook).",
    ),
    code(
        "import",
        READING,
        "An imported file cannot be had: it is not there, its path is absolute or leads out of \
         the runbook's folder, it is a link out of that folder, or the path is not a plain \
         string.",
    ),
    code(
        "import-cycle",
        READING,
        "Files import each other in a circle. Move what they share into a file of its own.",
    ),
    code(
        "limit",
        READING,
        "The script grows beyond a [limit](../language.md#a-closed-world). Most often a loop or a \
         function never ends.",
    ),
    code("no-runbook", HEAD, "The file never says `runbook(#{…})`."),
    code(
        "runbook-first",
        HEAD,
        "A parameter, phase or step stands before `runbook(…)`. Put it first.",
    ),
    code(
        "runbook-twice",
        HEAD,
        "`runbook(…)` stands in the file twice. Keep one.",
    ),
    code(
        "runbook-import",
        HEAD,
        "An imported file says `runbook(…)`. Keep it in the file that is run.",
    ),
    code(
        "on-failure",
        HEAD,
        "`on_failure` is none of `stop`, `rollback` and `rollback-to=CHECKPOINT`, or there is no \
         checkpoint of that name.",
    ),
    code(
        "bad-name",
        HEAD,
        "The name of the runbook or of a parameter has characters that are not allowed. A \
         runbook's name has lower-case letters, digits, `.`, `_` and `-`. A parameter's name has \
         letters, digits, `_` and `-`, and begins with a letter.",
    ),
    code(
        "bad-version",
        HEAD,
        "`requires` is not a range of versions. Write it as `\">=0.1\"` or `\">=0.1, <2\"`.",
    ),
    code(
        "requires",
        HEAD,
        "The runbook needs another version of krun than this one.",
    ),
    code(
        "missing-key",
        HEAD,
        "`runbook` has no `name`, or a parameter no `type`.",
    ),
    code(
        "unknown-key",
        HEAD,
        "`runbook` or `param` has no setting of that name. The hint names the nearest, or all of \
         them.",
    ),
    code(
        "param-spec",
        PARAMETERS,
        "The declaration of a parameter contradicts itself: a type that there is not, `min` or \
         `max` for a type that has no size, a choice that is not of the type.",
    ),
    code(
        "param-default",
        PARAMETERS,
        "The default of a parameter is not of its type, or breaks its own limits.",
    ),
    code(
        "duplicate-param",
        PARAMETERS,
        "A parameter is declared twice.",
    ),
    code(
        "param-type",
        PARAMETERS,
        "A value that was given is not of the parameter's type, such as `--param records=many`. \
         The hint says what may be given.",
    ),
    code(
        "param-range",
        PARAMETERS,
        "A value that was given is below `min`, above `max`, or not among the `choices`.",
    ),
    code(
        "unknown-param",
        PARAMETERS,
        "A value was given for a parameter that the runbook does not have. The hint names the \
         nearest. A value that an earlier run was given counts as well, if the parameter has left \
         the runbook since.",
    ),
    code(
        "missing-param",
        PARAMETERS,
        "A parameter without a default was not given.",
    ),
    code(
        "params-file",
        PARAMETERS,
        "The file that `--params` names is not YAML, or not a map from names to values. Write one \
         `name: value` a line.",
    ),
    code(
        "unknown-plugin",
        NAMES,
        "`use_plugin` names a plugin that `krun.lock`, beside the runbook, does not have, or its \
         argument is not a plain string. Add the plugin with `krun plugin add`.",
    ),
    code(
        "unknown-function",
        NAMES,
        "There is no function of that name, or none that takes such arguments. It is found in \
         branches that never run, too. The hint names the nearest function.",
    ),
    code(
        "arity",
        NAMES,
        "A function is given more or fewer arguments than it takes.",
    ),
    code(
        "unknown-variable",
        NAMES,
        "There is no variable of that name. A function sees its own parameters only: hand over \
         what it needs.",
    ),
    code(
        "closed-world",
        NAMES,
        "The script uses a function that runbooks do not have, such as `timestamp` or `print`. \
         See [A closed world](../language.md#a-closed-world).",
    ),
    code(
        "unknown-property",
        NAMES,
        "A map has no such key, or a value no such property. Where a key may be missing, ask with \
         `in` or `get`.",
    ),
    code(
        "out-of-bounds",
        NAMES,
        "A list or text has nothing at that index.",
    ),
    code(
        "type",
        NAMES,
        "An operation got a value of a type that it does not take, such as a text plus a map.",
    ),
    code(
        "arithmetic",
        NAMES,
        "A division by zero, or a number beyond 64 bits.",
    ),
    code("constant", NAMES, "A constant is assigned to."),
    code(
        "thrown",
        NAMES,
        "The script itself gave up with `throw`. The message is the author's.",
    ),
    code(
        "script",
        NAMES,
        "Anything else that Rhai reports while the script is evaluated.",
    ),
    code(
        "bad-address",
        STEPS,
        "The address of a step is not made of lower-case letters, digits, `.`, `_` and `-` in \
         segments joined by `/`, is longer than 200 characters, or is not a text.",
    ),
    code(
        "duplicate-address",
        STEPS,
        "Two steps have one address. In a loop, put what tells them apart, such as the broker's \
         id, into the address.",
    ),
    code(
        "unknown-arg",
        STEPS,
        "The kind has no argument of that name. The hint names the nearest, or all of them.",
    ),
    code(
        "missing-arg",
        STEPS,
        "An argument that the kind needs is not given.",
    ),
    code(
        "arg-type",
        STEPS,
        "An argument has the wrong type, or holds what no argument can hold: a fraction, a \
         function. Paths in arguments are absolute; a parameter of type `path` always is.",
    ),
    code(
        "unknown-output",
        STEPS,
        "A step has no property or output of that name. The hint lists what it has.",
    ),
    code(
        "unknown-value",
        STEPS,
        "The script looks at an output, which is known only after the step ran: it compares it, \
         puts it into a text, or decides by it. Hand it on as an argument of another step. See \
         [Handles](../language.md#handles).",
    ),
    code(
        "secret",
        STEPS,
        "`secret(…)` is not as it must be: its name is no word, it says no place where the value is had \
         from or more than one, or two calls say different ones. See [Secrets](../secrets.md).",
    ),
    code(
        "secret-place",
        STEPS,
        "A secret stands where it would be journaled, shown, or seen by every user of the machine: in an \
         address, a path, a title, a tag, or an argument that is neither the content of a file nor the \
         environment of a process. Put it into a file that its reader takes it from. See \
         [Secrets](../secrets.md).",
    ),
    code(
        "secret-value",
        STEPS,
        "The script looks at the value of a secret: it compares it, searches in it, takes its length or \
         decides by it. A script has only its name. Decide by a parameter instead. See \
         [Secrets](../secrets.md).",
    ),
    code(
        "read-only",
        STEPS,
        "The script sets a property of a step. Give it among the step's arguments.",
    ),
    code(
        "assert",
        STEPS,
        "An `assert(condition, \"message\")` of the runbook does not hold; the message says what it \
         wants. Change the parameters that it is about.",
    ),
    code(
        "serial",
        STEPS,
        "Steps of one group say different numbers of how many run at the same time. Say the same \
         number in all, or give each group a name of its own: `serial: #{group: \"…\", at_once: 2}`.",
    ),
    code(
        "unknown-step",
        ORDER,
        "`after:` names an address that no step has.",
    ),
    code(
        "checkpoint",
        ORDER,
        "Two checkpoints have one name. A rollback must know which is meant.",
    ),
    code(
        "cycle",
        ORDER,
        "Steps wait for each other. Each edge of the circle is shown. Take one of them away.",
    ),
    code(
        "moved",
        ORDER,
        "`moved(\"old\", \"new\")` can't be: the old address is still a step's, the new one is no \
         step's, one of them is named twice, or moves go round in a circle. See [Renamed \
         steps](../language.md#renamed-steps).",
    ),
    code(
        "write-conflict",
        ORDER,
        "Two steps write the same file, folder, process or topic, and neither waits for the \
         other. Say which comes first with `after:`, or make it one step.",
    ),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The codes that stand as texts in the sources of this crate, tests aside.
    fn reported(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "tests" {
                    reported(&path, found);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap_or_default();
            let codes = own.split("\"krun::").skip(1);
            found.extend(codes.filter_map(|rest| {
                let (code, _) = rest.split_once('"')?;
                let plain = |c: char| c.is_ascii_lowercase() || c == '-';
                code.chars().all(plain).then(|| code.to_owned())
            }));
        }
    }

    #[test]
    fn every_code_has_an_entry() {
        let mut found = BTreeSet::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        reported(&sources, &mut found);
        assert!(found.len() > 30, "{found:?}");
        let listed: BTreeSet<_> = CODES.iter().map(|code| code.name.to_owned()).collect();
        assert_eq!(listed.len(), CODES.len(), "a code is listed twice");
        assert_eq!(listed, found);
    }
}
