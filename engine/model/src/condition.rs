//! Conditions on what steps will say: what stands in `when:` and in an `assert` step.
//!
//! A script cannot look at an output, so that a comparison with one becomes a value of this type. It
//! is decided once the outputs in it are known, and as soon as those that are known suffice. Never
//! says what follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{Address, Value};

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Relation {
    /// The operator.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Different => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether two values stand so. Numbers have an order and texts have one; nothing else does.
    fn holds(self, left: &Json, right: &Json) -> Result<bool, String> {
        use std::cmp::Ordering;
        let order = match (left, right) {
            (Json::Number(a), Json::Number(b)) => match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => a
                    .as_f64()
                    .zip(b.as_f64())
                    .and_then(|(a, b)| a.partial_cmp(&b)),
            },
            (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
            _ if left == right => Some(Ordering::Equal),
            _ => None,
        };
        match (self, order) {
            (Self::Equal, order) => Ok(order == Some(Ordering::Equal)),
            (Self::Different, order) => Ok(order != Some(Ordering::Equal)),
            (Self::Less, Some(order)) => Ok(order.is_lt()),
            (Self::AtMost, Some(order)) => Ok(order.is_le()),
            (Self::Greater, Some(order)) => Ok(order.is_gt()),
            (Self::AtLeast, Some(order)) => Ok(order.is_ge()),
            (_, None) => Err(format!(
                "{left} and {right} have no order: only two numbers or two texts do"
            )),
        }
    }
}

/// Something that holds or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A value says something: `true`, a number that is not 0, a text, list or map that is not
    /// empty.
    Is(Value),
    /// Two values compare so.
    Compare {
        /// What stands left of the operator.
        left: Value,
        /// The operator.
        relation: Relation,
        /// What stands right of it.
        right: Value,
    },
    /// Another does not hold.
    Not(Box<Condition>),
    /// All of some hold.
    All(Vec<Condition>),
    /// One of some holds.
    Any(Vec<Condition>),
}

/// Whether a condition holds, as far as outputs are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// That depends on an output that is not known.
    Open {
        /// The step that yields it.
        step: Address,
        /// The output's name.
        output: String,
    },
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// What is known of outputs: the value that a step said under a name.
pub type Known<'a> = dyn Fn(&Address, &str) -> Option<Json> + 'a;

impl Condition {
    /// Whether it holds. One part that fails decides `All`, one that holds decides `Any`, whatever
    /// the others are.
    ///
    /// # Errors
    /// Two values that have no order are compared by `<` or the like: why, as a lower-case fragment.
    pub fn verdict(&self, known: &Known<'_>) -> Result<Verdict, String> {
        let open = |(step, output): (&Address, &str)| Verdict::Open {
            step: step.clone(),
            output: output.to_owned(),
        };
        Ok(match self {
            Self::Is(value) => match value.resolve(known) {
                Ok(json) => says_something(&json).into(),
                Err(unknown) => open(unknown),
            },
            Self::Compare {
                left,
                relation,
                right,
            } => match (left.resolve(known), right.resolve(known)) {
                (Ok(left), Ok(right)) => relation.holds(&left, &right)?.into(),
                (Err(unknown), _) | (_, Err(unknown)) => open(unknown),
            },
            Self::Not(inner) => match inner.verdict(known)? {
                Verdict::Holds => Verdict::Fails,
                Verdict::Fails => Verdict::Holds,
                open => open,
            },
            Self::All(parts) => combined(parts, &Verdict::Fails, Verdict::Holds, known)?,
            Self::Any(parts) => combined(parts, &Verdict::Holds, Verdict::Fails, known)?,
        })
    }

    /// As an argument has it once all outputs in it are known: `true`, or a map of the condition and
    /// what was found instead.
    ///
    /// # Errors
    /// An output that is not known.
    pub(crate) fn decided<'a>(&'a self, known: &Known<'_>) -> Result<Json, (&'a Address, &'a str)> {
        for value in self.values() {
            value.resolve(known)?;
        }
        let found = match self.verdict(known) {
            Ok(Verdict::Holds) => return Ok(true.into()),
            Ok(_) => self.facts(known),
            Err(why) => vec![why],
        };
        Ok(serde_json::json!({"condition": self.to_string(), "found": found}))
    }

    /// The values that are looked at.
    fn values(&self) -> Vec<&Value> {
        match self {
            Self::Is(value) => vec![value],
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Not(inner) => inner.values(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::values).collect(),
        }
    }

    /// The first secret that it looks at.
    pub fn secret(&self) -> Option<&str> {
        self.values().into_iter().find_map(Value::secret)
    }

    /// Calls `found` for each output that it depends on.
    pub fn each_output(&self, found: &mut dyn FnMut(&Address, &str)) {
        for value in self.values() {
            value.each_output(found);
        }
    }

    /// What it was decided on, a fragment for each output: "`count` of topic is 3".
    pub fn facts(&self, known: &Known<'_>) -> Vec<String> {
        let mut facts: Vec<String> = vec![];
        self.each_output(&mut |step, output| {
            if let Some(value) = known(step, output) {
                let fact = format!("`{output}` of {step} is {value}");
                if !facts.contains(&fact) {
                    facts.push(fact);
                }
            }
        });
        facts
    }
}

fn says_something(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(bool) => *bool,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
    }
}

/// The first part with the verdict `decisive` decides, else what is open, else `otherwise`.
fn combined(
    parts: &[Condition],
    decisive: &Verdict,
    otherwise: Verdict,
    known: &Known<'_>,
) -> Result<Verdict, String> {
    let mut verdict = otherwise;
    for part in parts {
        match part.verdict(known)? {
            found if found == *decisive => return Ok(found),
            open @ Verdict::Open { .. } => verdict = open,
            _ => {}
        }
    }
    Ok(verdict)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, parts: &[Self]| {
            let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
            write!(f, "{name}([{}])", parts.join(", "))
        };
        match self {
            Self::Is(value) => write!(f, "{value}"),
            Self::Compare {
                left,
                relation,
                right,
            } => write!(f, "{left} {} {right}", relation.sign()),
            Self::Not(inner) => write!(f, "!({inner})"),
            Self::All(parts) => list(f, "all_of", parts),
            Self::Any(parts) => list(f, "any_of", parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str) -> Value {
        Value::Output {
            step: "topic".parse().unwrap(),
            name: name.into(),
        }
    }

    fn known(_: &Address, name: &str) -> Option<Json> {
        match name {
            "count" => Some(3.into()),
            "share" => Some(0.5.into()),
            "version" => Some("17".into()),
            "none" => Some(0.into()),
            _ => None,
        }
    }

    fn compare(name: &str, relation: Relation, right: Value) -> Condition {
        Condition::Compare {
            left: output(name),
            relation,
            right,
        }
    }

    #[test]
    fn verdicts() {
        use Relation::{AtLeast, Different, Equal, Greater, Less};
        let open = || compare("later", Equal, Value::Int(1));
        let yes = || compare("count", Equal, Value::Int(3));
        let no = || compare("version", Different, "17".into());
        for (condition, holds) in [
            (yes(), true),
            (no(), false),
            (compare("count", Greater, Value::Int(10)), false),
            (compare("count", AtLeast, Value::Int(3)), true),
            (compare("share", Less, Value::Int(1)), true),
            (compare("version", Equal, Value::Int(17)), false),
            (Condition::Is(output("count")), true),
            (Condition::Is(output("none")), false),
            (Condition::Not(Box::new(no())), true),
            (Condition::All(vec![]), true),
            (Condition::Any(vec![]), false),
            // What is not known yet changes nothing here.
            (Condition::All(vec![open(), no()]), false),
            (Condition::Any(vec![open(), yes()]), true),
        ] {
            let verdict = condition.verdict(&known).unwrap();
            assert_eq!(verdict, Verdict::from(holds), "{condition}");
        }
        for condition in [
            open(),
            Condition::Not(Box::new(open())),
            Condition::All(vec![yes(), open()]),
            Condition::Any(vec![no(), open()]),
        ] {
            let verdict = condition.verdict(&known).unwrap();
            assert!(matches!(verdict, Verdict::Open { .. }), "{condition}");
        }
        let why = compare("version", Less, Value::Int(3)).verdict(&known);
        assert!(why.unwrap_err().contains("have no order"));
    }

    #[test]
    fn says_what_it_is_about() {
        let condition = Condition::All(vec![
            compare("count", Relation::Greater, Value::Int(10)),
            Condition::Not(Box::new(compare("version", Relation::Equal, "17".into()))),
            compare("count", Relation::Less, Value::Int(20)),
        ]);
        assert_eq!(
            condition.to_string(),
            "all_of([topic.count > 10, !(topic.version == \"17\"), topic.count < 20])"
        );
        assert_eq!(
            condition.facts(&known),
            ["`count` of topic is 3", "`version` of topic is \"17\""]
        );
    }
}
