//! The trait of whole runbooks, and what they declare.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    Fault, FaultCode, bindings::krun::plugin::types,
    runbook_bindings::exports::krun::plugin::runbook as wit,
};

/// A whole runbook: parameters, and the steps that they lead to. krun holds what it declares against the same
/// rules as a script, and plans, journals and takes back what comes of it. It looks at nothing and changes
/// nothing itself: the same parameters must give the same steps.
pub trait Runbook {
    /// Its name: lower-case letters, digits and hyphens. Deployments are called so unless `--as` says otherwise.
    const NAME: &'static str;
    /// One line on what it does.
    const SUMMARY: &'static str;
    /// The prose at its head.
    const DOC: &'static str = "";
    /// The versions of krun that it needs, such as `>=0.1`.
    const REQUIRES: Option<&'static str> = None;
    /// What becomes of a run that fails: `stop`, `rollback` or `rollback-to=CHECKPOINT`.
    const ON_FAILURE: Option<&'static str> = None;
    /// Other plugins whose kinds it uses.
    const USES: &'static [&'static str] = &[];

    /// Its parameters: a struct, of which each field is one, with its doc comment. Texts, whole numbers, bools,
    /// enums of words, and lists of them; `#[schemars(extend("format" = "path"))]` says that a text is a
    /// `path`, a `location` or a `memory`, and of a number that it is a `port`; `#[schemars(extend("identity" =
    /// true))]`, that it can't change. With `#[serde(default = …)]` it need not be given.
    type Params: DeserializeOwned + JsonSchema;

    /// Declares the steps for these parameters.
    ///
    /// # Errors
    /// What the parameters contradict.
    fn declare(params: Self::Params, to: &mut Declared) -> Result<(), Fault>;
}

/// What a runbook declares, in order.
#[derive(Debug, Default)]
pub struct Declared {
    statements: Vec<wit::Statement>,
    doc: String,
}

/// A step that was declared.
#[derive(Clone, Debug)]
pub struct Handle(String);

impl Handle {
    /// Its address, as `after` has it.
    pub fn address(&self) -> &str {
        &self.0
    }

    /// One of its outputs, as an argument of a later step. That step waits for it.
    pub fn output(&self, name: &str) -> Value {
        json!({"$output": [self.0, name]})
    }
}

impl From<&Handle> for Value {
    fn from(handle: &Handle) -> Self {
        handle.0.clone().into()
    }
}

impl Declared {
    /// The prose of what is declared next.
    pub fn doc(&mut self, doc: impl Into<String>) -> &mut Self {
        self.doc = doc.into();
        self
    }

    /// Begins a section.
    pub fn phase(&mut self, title: impl Into<String>) {
        let titled = self.titled(title.into());
        self.statements.push(wit::Statement::Phase(titled));
    }

    /// No step after it begins before all steps before it are done.
    pub fn gate(&mut self, title: impl Into<String>) {
        let titled = self.titled(title.into());
        self.statements.push(wit::Statement::Gate(titled));
    }

    /// The same, and a place that a rollback can go back to.
    pub fn checkpoint(&mut self, name: impl Into<String>) {
        let titled = self.titled(name.into());
        self.statements.push(wit::Statement::Checkpoint(titled));
    }

    /// A step that is called something else now keeps its history.
    pub fn moved(&mut self, from: impl Into<String>, to: impl Into<String>) {
        self.statements.push(wit::Statement::Moved(wit::MovedStep {
            from: from.into(),
            to: to.into(),
        }));
    }

    /// A step of any kind: krun's own (`kafka::topic`), this plugin's, or one of [`Runbook::USES`]. Its
    /// arguments are a JSON object, with those that every step can have (`after`, `when`, `tags` …) among them.
    pub fn step(
        &mut self,
        kind: impl Into<String>,
        address: impl Into<String>,
        arguments: &Value,
    ) -> Handle {
        let address = address.into();
        self.statements.push(wit::Statement::Step(wit::Step {
            kind: kind.into(),
            address: address.clone(),
            doc: std::mem::take(&mut self.doc),
            arguments: arguments.to_string(),
        }));
        Handle(address)
    }

    fn titled(&mut self, title: String) -> wit::Titled {
        wit::Titled {
            title,
            doc: std::mem::take(&mut self.doc),
        }
    }
}

/// A secret, as an argument.
pub fn secret(name: &str) -> Value {
    json!({"$secret": name})
}

/// A text made of texts and secrets.
pub fn text(parts: impl IntoIterator<Item = Value>) -> Value {
    json!({"$text": Value::from_iter(parts)})
}

/// A condition: an output compared with something by `==`, `!=`, `<`, `<=`, `>` or `>=`.
pub fn compare(left: impl Into<Value>, relation: &str, right: impl Into<Value>) -> Value {
    json!({"$compare": [left.into(), relation, right.into()]})
}

/// Whether all conditions hold.
pub fn all_of(conditions: impl IntoIterator<Item = Value>) -> Value {
    json!({"$all": Value::from_iter(conditions)})
}

/// Whether any condition holds.
pub fn any_of(conditions: impl IntoIterator<Item = Value>) -> Value {
    json!({"$any": Value::from_iter(conditions)})
}

/// Whether a condition does not hold.
pub fn not(condition: impl Into<Value>) -> Value {
    json!({"$not": condition.into()})
}

/// What a runbook says of itself.
#[doc(hidden)]
pub fn manifest<R: Runbook>(version: &str) -> wit::Manifest {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = settings
        .into_generator()
        .into_root_schema_for::<R::Params>()
        .to_value();
    let properties = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let params = properties.iter().map(|(name, schema)| param(name, schema));
    wit::Manifest {
        name: R::NAME.to_owned(),
        version: version.to_owned(),
        summary: R::SUMMARY.to_owned(),
        doc: R::DOC.to_owned(),
        requires: R::REQUIRES.map(str::to_owned),
        on_failure: R::ON_FAILURE.map(str::to_owned),
        uses: R::USES.iter().map(|name| (*name).to_owned()).collect(),
        params: params.collect(),
    }
}

fn param(name: &str, schema: &Value) -> wit::Param {
    let item = match schema["type"].as_str() {
        Some("array") => &schema["items"],
        _ => schema,
    };
    let ty = word(schema);
    let limit = |keys: [&str; 3]| keys.iter().find_map(|key| schema[*key].as_i64());
    let (min, max) = match ty.as_str() {
        // It has limits of its own.
        "port" => (None, None),
        _ => (
            limit(["minimum", "minLength", "minItems"]),
            limit(["maximum", "maxLength", "maxItems"]),
        ),
    };
    let choices = item["enum"].as_array().into_iter().flatten();
    wit::Param {
        name: name.to_owned(),
        ty,
        default: schema.get("default").map(Value::to_string),
        doc: schema["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        identity: schema["identity"] == true,
        min,
        max,
        choices: choices.map(Value::to_string).collect(),
    }
}

/// The type as scripts call it; of one that parameters can't have, the schema's own words, which krun refuses
/// by them.
fn word(schema: &Value) -> String {
    let format = schema["format"].as_str();
    match (schema["type"].as_str(), format) {
        (Some("string"), Some(format @ ("path" | "location" | "memory"))) => format.to_owned(),
        (Some("integer"), Some("port")) => "port".to_owned(),
        (Some("string"), _) => "string".to_owned(),
        (Some("integer"), _) => "int".to_owned(),
        (Some("boolean"), _) => "bool".to_owned(),
        (Some("array"), _) => format!("list<{}>", word(&schema["items"])),
        _ => schema["type"].to_string(),
    }
}

/// What a runbook declares for parameters.
#[doc(hidden)]
pub fn declare<R: Runbook>(parameters: &str) -> Result<Vec<wit::Statement>, types::Fault> {
    let params = serde_json::from_str(parameters).map_err(|error| {
        Fault::new(FaultCode::Script, "a parameter does not fit")
            .because(error)
            .0
    })?;
    let mut declared = Declared::default();
    R::declare(params, &mut declared).map_err(|fault| fault.0)?;
    Ok(declared.statements)
}

/// Makes a component of a runbook: once in a plugin's crate.
#[macro_export]
macro_rules! runbook {
    ($runbook:ty) => {
        #[doc(hidden)]
        pub struct KrunRunbook;

        const _: () = {
            use $crate::{
                bindings::krun::plugin::types,
                runbook_bindings::exports::krun::plugin::runbook as wit,
            };

            impl wit::Guest for KrunRunbook {
                fn describe() -> wit::Manifest {
                    $crate::hear_panics();
                    $crate::manifest::<$runbook>(env!("CARGO_PKG_VERSION"))
                }

                fn declare(parameters: String) -> Result<Vec<wit::Statement>, types::Fault> {
                    $crate::hear_panics();
                    $crate::declare::<$runbook>(&parameters)
                }
            }
        };

        $crate::runbook_bindings::export!(KrunRunbook with_types_in $crate::runbook_bindings);
    };
}
