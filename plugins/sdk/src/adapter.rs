//! From the exports that krun calls to a plugin's kinds, and the macro that ties them together.

use serde_json::Value;

use crate::{
    Change, Fault, FaultCode, Kind, Outputs, Reader, Step, Writer,
    bindings::{
        exports::krun::plugin::step_kinds as wit,
        krun::plugin::{host, types},
    },
};

/// A kind behind plain functions, so that a plugin has a list of them.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[expect(
    clippy::type_complexity,
    reason = "each is the signature of one export"
)]
pub struct Entry {
    pub describe: fn() -> wit::Kind,
    pub validate: fn(&str) -> Result<Vec<wit::Target>, types::Fault>,
    pub check: fn(wit::Step, &host::Reader) -> Result<wit::Finding, types::Fault>,
    pub incarnation: fn(wit::Step, &host::Reader) -> Result<Option<String>, types::Fault>,
    pub apply: fn(wit::Step, Change, &host::Reader, &host::Writer) -> Result<String, types::Fault>,
    pub verify: fn(wit::Step, &host::Reader) -> Result<(), types::Fault>,
    pub undo: fn(wit::Step, &host::Reader, &host::Writer) -> Result<(), types::Fault>,
    pub upgrade: fn(&str, Vec<(String, String)>) -> Result<Vec<(String, String)>, types::Fault>,
    pub name: &'static str,
}

/// The entry of a kind.
#[doc(hidden)]
pub const fn entry<K: Kind>() -> Entry {
    Entry {
        describe: describe_kind::<K>,
        validate: validate::<K>,
        check: |given, look| {
            let step = step::<K>(given)?;
            Ok(K::check(&step, &Reader(look))
                .map_err(|fault| fault.0)?
                .into_wit())
        },
        incarnation: |given, look| {
            let step = step::<K>(given)?;
            K::incarnation(&step, &Reader(look)).map_err(|fault| fault.0)
        },
        apply: |given, change, look, act| {
            let step = step::<K>(given)?;
            let outputs =
                K::apply(&step, change, &Reader(look), &Writer(act)).map_err(|fault| fault.0)?;
            Ok(Value::Object(outputs).to_string())
        },
        verify: |given, look| {
            let step = step::<K>(given)?;
            K::verify(&step, &Reader(look)).map_err(|fault| fault.0)
        },
        undo: |given, look, act| {
            let step = step::<K>(given)?;
            K::undo(&step, &Reader(look), &Writer(act)).map_err(|fault| fault.0)
        },
        upgrade: |version, kept| K::upgrade(version, kept).map_err(|fault| fault.0),
        name: K::NAME,
    }
}

fn schema<K: Kind>() -> Value {
    schemars::SchemaGenerator::default()
        .into_root_schema_for::<K::Args>()
        .to_value()
}

fn describe_kind<K: Kind>() -> wit::Kind {
    wit::Kind {
        name: K::NAME.to_owned(),
        doc: K::DOC.to_owned(),
        mode: K::MODE,
        undo: K::UNDO,
        undoes: K::UNDOES,
        arguments: schema::<K>().to_string(),
        outputs: K::OUTPUTS
            .iter()
            .map(|(name, doc)| wit::Output {
                name: (*name).to_owned(),
                doc: (*doc).to_owned(),
            })
            .collect(),
        examples: K::EXAMPLES.iter().map(|one| (*one).to_owned()).collect(),
    }
}

fn validate<K: Kind>(arguments: &str) -> Result<Vec<wit::Target>, types::Fault> {
    let given: Value = parse(arguments)?;
    let schema = schema::<K>();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let is_known = |name: &Value| name.as_str().is_some_and(|name| given.get(name).is_some());
    if !required.iter().all(is_known) {
        return Ok(vec![]);
    }
    let args = args::<K>(given)?;
    let writes = K::validate(&args).map_err(|fault| fault.0)?;
    Ok(writes.into_iter().map(crate::Target::into_wit).collect())
}

fn step<K: Kind>(given: wit::Step) -> Result<Step<K::Args>, types::Fault> {
    let remembered: Option<Outputs> = given.remembered.as_deref().map(parse).transpose()?;
    Ok(Step {
        args: args::<K>(parse(&given.arguments)?)?,
        address: given.address,
        deployment: given.deployment,
        remembered,
    })
}

fn args<K: Kind>(given: Value) -> Result<K::Args, types::Fault> {
    serde_json::from_value(given).map_err(unfit)
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, types::Fault> {
    serde_json::from_str(text).map_err(unfit)
}

fn unfit(error: serde_json::Error) -> types::Fault {
    Fault::new(FaultCode::Script, "an argument has the wrong type")
        .because(error)
        .0
}

/// Lets a panic say what it has to say before the guest ends: krun shows it with the backtrace.
#[doc(hidden)]
pub fn hear_panics() {
    std::panic::set_hook(Box::new(|panic| {
        crate::log(crate::Level::Warning, &panic.to_string());
    }));
}

/// What the plugin says of itself.
#[doc(hidden)]
pub fn describe(
    (name, version, doc): (&str, &str, &str),
    kinds: &[Entry],
    wants: &[(&str, &str)],
) -> wit::Description {
    wit::Description {
        name: name.to_owned(),
        version: version.to_owned(),
        doc: doc.to_owned(),
        kinds: kinds.iter().map(|kind| (kind.describe)()).collect(),
        wants: wants
            .iter()
            .map(|(grant, why)| wit::Want {
                grant: (*grant).to_owned(),
                why: (*why).to_owned(),
            })
            .collect(),
    }
}

/// The fault for a kind that the plugin does not have.
#[doc(hidden)]
pub fn no_kind(name: &str) -> types::Fault {
    Fault::new(
        FaultCode::Other,
        format!("this plugin has no kind `{name}`"),
    )
    .0
}

/// Makes a component of some kinds: once in a plugin's crate.
///
/// `wants` names what the plugin needs `krun.lock` to grant, each with the reason.
#[macro_export]
macro_rules! plugin {
    (
        name: $name:literal,
        doc: $doc:literal,
        kinds: [$($kind:ty),+ $(,)?]
        $(, wants: [$($grant:literal => $why:literal),* $(,)?])?
        $(,)?
    ) => {
        #[doc(hidden)]
        pub struct KrunPlugin;

        const _: () = {
            use $crate::bindings::{
                exports::krun::plugin::step_kinds as wit,
                krun::plugin::{host, types},
            };

            const KINDS: &[$crate::Entry] = &[$($crate::entry::<$kind>()),+];

            fn kind(name: &str) -> Result<&'static $crate::Entry, types::Fault> {
                $crate::hear_panics();
                KINDS
                    .iter()
                    .find(|kind| kind.name == name)
                    .ok_or_else(|| $crate::no_kind(name))
            }

            impl wit::Guest for KrunPlugin {
                fn describe() -> wit::Description {
                    let me = ($name, env!("CARGO_PKG_VERSION"), $doc);
                    $crate::describe(me, KINDS, &[$($(($grant, $why)),*)?])
                }

                fn validate(name: String, arguments: String) -> Result<Vec<wit::Target>, types::Fault> {
                    (kind(&name)?.validate)(&arguments)
                }

                fn check(step: wit::Step, look: &host::Reader) -> Result<wit::Finding, types::Fault> {
                    (kind(&step.kind)?.check)(step, look)
                }

                fn incarnation(step: wit::Step, look: &host::Reader) -> Result<Option<String>, types::Fault> {
                    (kind(&step.kind)?.incarnation)(step, look)
                }

                fn apply(
                    step: wit::Step,
                    change: types::Change,
                    look: &host::Reader,
                    act: &host::Writer,
                ) -> Result<String, types::Fault> {
                    (kind(&step.kind)?.apply)(step, change, look, act)
                }

                fn verify(step: wit::Step, look: &host::Reader) -> Result<(), types::Fault> {
                    (kind(&step.kind)?.verify)(step, look)
                }

                fn undo(
                    step: wit::Step,
                    look: &host::Reader,
                    act: &host::Writer,
                ) -> Result<(), types::Fault> {
                    (kind(&step.kind)?.undo)(step, look, act)
                }

                fn upgrade(
                    name: String,
                    version: String,
                    kept: Vec<(String, String)>,
                ) -> Result<Vec<(String, String)>, types::Fault> {
                    (kind(&name)?.upgrade)(&version, kept)
                }
            }
        };

        $crate::bindings::export!(KrunPlugin with_types_in $crate::bindings);
    };
}
