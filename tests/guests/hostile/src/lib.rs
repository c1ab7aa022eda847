//! A plugin for krun's tests: each kind tries something that no plugin may do.
//!
//! It is written against the bindings, not the SDK's trait, because the trait keeps authors from much of
//! this. A kind's name says what it tries; `where` is the export in which it tries it. What it was told
//! (a path, for most) is its one argument. `tests/it/plugins/hostile.rs` and `undo.rs` say what must come of each.

use std::sync::atomic::{AtomicU32, Ordering};

use krun_plugin_sdk::bindings::{
    export,
    exports::krun::plugin::step_kinds::{self as wit, Guest},
    krun::plugin::{commands, file_changes, files, host, http, key_value, log, types, waiting},
};

struct Hostile;

/// Kinds that attack in `check`.
const IN_CHECK: &[&str] = &[
    "ask_too_often",
    "bad_json",
    "change_in_check",
    "endless_check",
    "flood_log",
    "forge_handle",
    "grow_memory",
    "lie",
    "machine",
    "nest",
    "panic",
    "quiet",
    "read",
    "request",
    "run",
    "undeclared_output",
];
/// Kinds that attack in `apply`, after a check that finds a difference.
const IN_APPLY: &[&str] = &[
    "endless_apply",
    "escape_link",
    "keep",
    "keep_bomb",
    "keep_flood",
    "keep_handle",
    "panic_half_way",
    "upgrade_doubles",
    "upgrade_endless",
    "upgrade_floods",
    "wait",
    "write",
];
/// Kinds that attack in `undo`, which is their own.
const IN_UNDO: &[&str] = &[
    "endless_undo",
    "keep_in_undo",
    "lie_in_undo",
    "panic_in_undo",
    "undo",
    "undo_half",
    "undo_outside",
];
/// Kinds that attack in `validate`.
const IN_VALIDATE: &[&str] = &["ask_in_validate", "endless_validate", "relative_target"];

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "at": {"type": "string", "description": "What it is tried on."},
        "words": {"type": "array", "items": {"type": "string"}, "description": "A command."}
    }
}"#;

impl Guest for Hostile {
    fn describe() -> wit::Description {
        let names = IN_CHECK
            .iter()
            .chain(IN_APPLY)
            .chain(IN_UNDO)
            .chain(IN_VALIDATE);
        wit::Description {
            name: "hostile".into(),
            version: "0.1.0".into(),
            doc: "Tries what no plugin may do.".into(),
            kinds: names
                .map(|name| wit::Kind {
                    name: (*name).into(),
                    doc: "Tries it.".into(),
                    mode: wit::Mode::State,
                    undo: wit::UndoClass::Reversible,
                    undoes: IN_UNDO.contains(name),
                    arguments: SCHEMA.into(),
                    outputs: vec![wit::Output {
                        name: "said".into(),
                        doc: "What came of it.".into(),
                    }],
                    examples: match *name {
                        "read" => vec![],
                        _ => vec![format!(
                            "hostile::{name}(\"attack\", #{{ at: `${{root}}/attack` }});"
                        )],
                    },
                })
                .collect(),
            wants: vec![],
        }
    }

    fn validate(kind: String, arguments: String) -> Result<Vec<wit::Target>, types::Fault> {
        match kind.as_str() {
            "endless_validate" => endless(),
            "relative_target" => Ok(vec![wit::Target::Path("../x".into())]),
            "ask_in_validate" => {
                // No handle was handed over: one is made up.
                let look = std::mem::ManuallyDrop::new(unsafe { host::Reader::from_handle(1) });
                files::read(&look, &at(&arguments)).map(|_| vec![])
            }
            _ => Ok(vec![]),
        }
    }

    fn check(step: wit::Step, look: &host::Reader) -> Result<wit::Finding, types::Fault> {
        let at = at(&step.arguments);
        let said = match step.kind.as_str() {
            "ask_too_often" => loop {
                files::stat(look, "/nonexistent").ok();
            },
            "bad_json" => return Ok(wit::Finding::Satisfied("{\"said\": ".into())),
            "undeclared_output" => return Ok(wit::Finding::Satisfied("{\"more\": 1}".into())),
            "endless_check" => endless(),
            "flood_log" => loop {
                log::write(log::Level::Info, &"flood ".repeat(1000));
            },
            "change_in_check" => {
                // The reader's own number, taken for a writer's.
                let act = unsafe { host::Writer::from_handle(look.handle()) };
                let act = std::mem::ManuallyDrop::new(act);
                file_changes::write(&act, &at, b"changed in check", 0o644)?;
                "changed"
            }
            "forge_handle" => {
                for handle in 1..100 {
                    let act =
                        std::mem::ManuallyDrop::new(unsafe { host::Writer::from_handle(handle) });
                    file_changes::write(&act, &at, b"forged", 0o644)?;
                }
                "forged"
            }
            "grow_memory" => {
                let mut all = vec![];
                loop {
                    all.push(vec![1_u8; 16 << 20]);
                }
            }
            "lie" => return drift(),
            "machine" => return self::said(&look.machine()),
            "nest" => {
                return Ok(wit::Finding::Satisfied(format!(
                    "{{\"said\": {}}}",
                    nest(1)
                )));
            }
            "panic" => {
                krun_plugin_sdk::hear_panics();
                panic!("a guest gives up on purpose")
            }
            "read" => {
                let bytes = files::read(look, &at)?.unwrap_or_default();
                return said(&String::from_utf8_lossy(&bytes));
            }
            "request" => {
                let answer = http::get(look, &at, &[], 2_000)?;
                return said(&String::from_utf8_lossy(&answer.body));
            }
            "run" => {
                let words = words(&step.arguments);
                return said(commands::ask(look, &words, 2_000)?.stdout.trim());
            }
            // What is kept is what it says.
            "keep" => match key_value::get(look, "said")? {
                Some(kept) if at.is_empty() || kept.contains(&at) => return said(&kept),
                _ => return drift(),
            },
            kind if kind.starts_with("upgrade_") => match key_value::get(look, "said")? {
                Some(_) => "kept",
                None => return drift(),
            },
            // Attacks in `apply` and `undo` find a difference first.
            kind if IN_APPLY.contains(&kind) || IN_UNDO.contains(&kind) => {
                match files::read(look, &at)? {
                    Some(bytes) if bytes == b"written by a plugin" => "written",
                    Some(bytes) => return drift_from(Some(&String::from_utf8_lossy(&bytes))),
                    None => return drift(),
                }
            }
            _ => "nothing",
        };
        self::said(said)
    }

    fn incarnation(_: wit::Step, _: &host::Reader) -> Result<Option<String>, types::Fault> {
        endless()
    }

    fn apply(
        step: wit::Step,
        _: types::Change,
        look: &host::Reader,
        act: &host::Writer,
    ) -> Result<String, types::Fault> {
        let at = at(&step.arguments);
        match step.kind.as_str() {
            "lie" => {}
            "endless_apply" => endless(),
            "keep" => {
                key_value::set(act, "said", Some(&at))?;
                return Ok(format!("{{\"said\": \"{at}\"}}"));
            }
            "keep_bomb" => {
                let mut value = "x".to_owned();
                loop {
                    key_value::set(act, "bomb", Some(&value))?;
                    value = value.repeat(2);
                }
            }
            "keep_flood" => {
                for number in 0.. {
                    let value = format!("{number}{}", "x".repeat(60_000));
                    key_value::set(act, "flood", Some(&value))?;
                }
            }
            "wait" => {
                file_changes::write(act, &at, b"waiting", 0o644)?;
                while !waiting::stopped(look)? {
                    waiting::pause(look, 60_000)?;
                }
            }
            kind if kind.starts_with("upgrade_") => key_value::set(act, "said", Some("one"))?,
            "panic_half_way" => {
                file_changes::write(act, &at, b"half", 0o644)?;
                panic!("a guest gives up half way");
            }
            "escape_link" => {
                file_changes::link(act, &format!("{at}.link"), "/etc")?;
            }
            "keep_handle" => {
                KEPT.store(act.handle(), Ordering::SeqCst);
                file_changes::write(act, &at, b"written by a plugin", 0o644)?;
            }
            _ => file_changes::write(act, &at, b"written by a plugin", 0o644)?,
        }
        Ok("{}".into())
    }

    fn verify(step: wit::Step, look: &host::Reader) -> Result<(), types::Fault> {
        if step.kind == "keep_handle" {
            // Another call has another instance: what was kept is 0, and 0 is no handle.
            let kept = KEPT.load(Ordering::SeqCst).max(look.handle());
            let act = std::mem::ManuallyDrop::new(unsafe { host::Writer::from_handle(kept) });
            file_changes::write(&act, &at(&step.arguments), b"after the call", 0o644)?;
        }
        Ok(())
    }

    fn undo(step: wit::Step, look: &host::Reader, act: &host::Writer) -> Result<(), types::Fault> {
        let at = at(&step.arguments);
        match step.kind.as_str() {
            "endless_undo" => endless(),
            "lie_in_undo" => Ok(()),
            "panic_in_undo" => {
                krun_plugin_sdk::hear_panics();
                panic!("a guest gives up in its undo")
            }
            "keep_in_undo" => key_value::set(act, "said", Some("kept in undo")),
            "undo_outside" => {
                let outside = words(&step.arguments);
                file_changes::write(act, &outside[0], b"written in undo", 0o644)
            }
            // The second time it gets to the end.
            "undo_half" if files::stat(look, &format!("{at}.half"))?.is_none() => {
                file_changes::write(act, &at, b"half undone", 0o644)?;
                file_changes::write(act, &format!("{at}.half"), b"", 0o644)?;
                krun_plugin_sdk::hear_panics();
                panic!("a guest gives up half way in its undo");
            }
            "undo_half" => {
                file_changes::remove(act, &format!("{at}.half"))?;
                file_changes::remove(act, &at)
            }
            _ => file_changes::remove(act, &at),
        }
    }

    fn upgrade(
        kind: String,
        version: String,
        kept: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, types::Fault> {
        Ok(match kind.as_str() {
            "upgrade_doubles" => kept.iter().chain(&kept).cloned().collect(),
            "upgrade_endless" => endless(),
            "upgrade_floods" => vec![("said".into(), "x".repeat(10 << 20))],
            _ => kept
                .into_iter()
                .map(|(key, value)| (key, format!("{value}, kept by {version}")))
                .collect(),
        })
    }
}

static KEPT: AtomicU32 = AtomicU32::new(0);

fn endless() -> ! {
    let mut number: u64 = 1;
    loop {
        number = std::hint::black_box(number.wrapping_mul(6364136223846793005).wrapping_add(1));
    }
}

fn nest(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if frame[0] == 0 {
        0
    } else {
        nest(depth + 1) + frame[(depth % 64) as usize]
    }
}

fn drift() -> Result<wit::Finding, types::Fault> {
    drift_from(None)
}

fn drift_from(before: Option<&str>) -> Result<wit::Finding, types::Fault> {
    Ok(wit::Finding::Drift(wit::Drift {
        change: types::Change::Create,
        why: "it is not there".into(),
        diff: vec![types::DiffLine {
            key: "content".into(),
            before: before.map(str::to_owned),
            after: types::After::KnownAfterApply,
        }],
    }))
}

fn said(text: &str) -> Result<wit::Finding, types::Fault> {
    let json = krun_plugin_sdk::serde_json::json!({ "said": text });
    Ok(wit::Finding::Satisfied(json.to_string()))
}

fn at(arguments: &str) -> String {
    let json: krun_plugin_sdk::serde_json::Value = parse(arguments);
    json["at"].as_str().unwrap_or_default().to_owned()
}

fn words(arguments: &str) -> Vec<String> {
    let json = parse(arguments);
    let words = json["words"].as_array().cloned().unwrap_or_default();
    words
        .iter()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

fn parse(arguments: &str) -> krun_plugin_sdk::serde_json::Value {
    krun_plugin_sdk::serde_json::from_str(arguments).unwrap_or_default()
}

export!(Hostile with_types_in krun_plugin_sdk::bindings);
