//! What a kind's arguments may be, and the check of a step's arguments against it.

use crate::{Map, Value};

/// The type of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// A text.
    Str,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// An absolute path.
    Path,
    /// A TCP port, 1 to 65535.
    Port,
    /// A text, number or bool: the value of a property.
    Scalar,
    /// A bool, a comparison with other steps' outputs, or an output alone.
    Condition,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A list of one type.
    List(&'static ArgType),
    /// A map from any keys to one type.
    MapOf(&'static ArgType),
}

impl ArgType {
    /// The type in words, for messages and the reference.
    pub fn words(&self) -> String {
        match self {
            Self::Str => "a string".into(),
            Self::Int => "an int".into(),
            Self::Bool => "a bool".into(),
            Self::Path => "an absolute path".into(),
            Self::Port => "a port (1 to 65535)".into(),
            Self::Scalar => "a string, int or bool".into(),
            Self::Condition => "a condition".into(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::List(item) => format!("a list of which each is {}", item.words()),
            Self::MapOf(item) => format!("a map of which each value is {}", item.words()),
        }
    }

    /// Whether a value is of this type; an output of another step may be anything.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Output { .. }) => true,
            // Whether it may stand there at all is the argument's to say.
            (Self::Str | Self::Scalar, Value::Secret(_)) => true,
            (Self::Str, Value::Str(_)) | (Self::Int, Value::Int(_)) => true,
            (Self::Bool, Value::Bool(_)) => true,
            (Self::Path, Value::Str(s)) => s.starts_with('/'),
            (Self::Port, Value::Int(port)) => (1..=65535).contains(port),
            (Self::Scalar, Value::Str(_) | Value::Int(_) | Value::Bool(_)) => true,
            (Self::Condition, Value::Bool(_) | Value::Condition(_)) => true,
            (Self::OneOf(words), Value::Str(s)) => words.contains(&s.as_str()),
            (Self::List(item), Value::List(list)) => list.iter().all(|v| item.accepts(v)),
            (Self::MapOf(item), Value::Map(map)) => map.values().all(|v| item.accepts(v)),
            _ => false,
        }
    }
}

/// One argument of a kind.
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: ArgType,
    /// Whether a step must give it.
    pub required: bool,
    /// What it means, with unit and default.
    pub doc: &'static str,
    /// Whether a secret may stand in it: only where what becomes of it is neither journaled nor shown.
    pub secret: bool,
}

impl ArgSpec {
    /// An argument that every step of the kind gives.
    pub const fn required(name: &'static str, ty: ArgType, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            required: true,
            doc,
            secret: false,
        }
    }

    /// An argument with a default, which `doc` names.
    pub const fn optional(name: &'static str, ty: ArgType, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            required: false,
            doc,
            secret: false,
        }
    }

    /// The same argument, in which secrets may stand.
    #[must_use]
    pub const fn or_secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// One output of a kind.
#[derive(Clone, Copy, Debug)]
pub struct OutputSpec {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub doc: &'static str,
}

impl OutputSpec {
    /// An output and what it says.
    pub const fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc }
    }
}

/// What is wrong with a step's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgProblem {
    /// No argument of the kind has this name.
    Unknown(String),
    /// An argument that must be given is not.
    Missing(&'static str),
    /// A secret where none may stand.
    Secret {
        /// The argument.
        name: &'static str,
        /// The secret's name.
        secret: String,
        /// Whether the argument is a path.
        path: bool,
    },
    /// A value of another type.
    Type {
        /// The argument.
        name: &'static str,
        /// What it must be.
        wanted: String,
        /// What it is.
        found: String,
    },
}

/// Everything that is wrong with `args`, in the order of the names.
pub fn check_args(specs: &[ArgSpec], args: &Map<Value>) -> Vec<ArgProblem> {
    let mut problems: Vec<_> = args
        .keys()
        .filter(|name| specs.iter().all(|spec| spec.name != name.as_str()))
        .map(|name| ArgProblem::Unknown(name.clone()))
        .collect();
    for spec in specs {
        match args.get(spec.name) {
            None | Some(Value::Null) if spec.required => {
                problems.push(ArgProblem::Missing(spec.name));
            }
            None | Some(Value::Null) => {}
            Some(value) if !spec.secret && value.secret().is_some() => {
                let secret = value.secret().unwrap_or_default().to_owned();
                problems.push(ArgProblem::Secret {
                    name: spec.name,
                    secret,
                    path: matches!(spec.ty, ArgType::Path | ArgType::List(ArgType::Path)),
                });
            }
            Some(value) if spec.ty.accepts(value) => {}
            Some(value) => problems.push(ArgProblem::Type {
                name: spec.name,
                wanted: spec.ty.words(),
                found: match value {
                    Value::Str(s) => format!("{s:?}"),
                    Value::Int(i) => i.to_string(),
                    other => other.type_name().to_owned(),
                },
            }),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_everything() {
        const SPECS: &[ArgSpec] = &[
            ArgSpec::required("path", ArgType::Path, ""),
            ArgSpec::optional("ports", ArgType::List(&ArgType::Port), ""),
        ];
        let args = Map::from([
            ("pth".to_owned(), Value::from("/x")),
            ("ports".to_owned(), Value::List(vec![Value::Int(70000)])),
        ]);
        let problems = check_args(SPECS, &args);
        assert_eq!(problems[0], ArgProblem::Unknown("pth".into()));
        assert_eq!(problems[1], ArgProblem::Missing("path"));
        assert!(matches!(
            &problems[2],
            ArgProblem::Type { name: "ports", .. }
        ));
    }
}
