//! Between Rhai's values and the model's.

use std::collections::BTreeSet;

use krun_model::{Address, Map, Value};
use rhai::{Array, Dynamic};
use serde_json::Value as Json;

use crate::{
    condition::Test,
    handle::{Handle, Output},
    secrets::{Secret, in_text, text_value},
};

/// How deep lists and maps of arguments may nest.
const MAX_DEPTH: usize = 32;

/// The model's value; the steps whose handles or outputs stand in it go into `steps`.
///
/// A handle stands for its address.
///
/// # Errors
/// What was found that is no value of an argument, as a fragment: "a fraction".
pub(crate) fn to_value(
    dynamic: &Dynamic,
    steps: &mut BTreeSet<Address>,
) -> Result<Value, &'static str> {
    to_value_within(dynamic, steps, MAX_DEPTH)
}

fn to_value_within(
    dynamic: &Dynamic,
    steps: &mut BTreeSet<Address>,
    depth: usize,
) -> Result<Value, &'static str> {
    if let Ok(int) = dynamic.as_int() {
        return Ok(Value::Int(int));
    }
    if let Ok(text) = dynamic.as_immutable_string_ref() {
        return text_value(&text);
    }
    if let Ok(bool) = dynamic.as_bool() {
        return Ok(Value::Bool(bool));
    }
    if dynamic.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(handle) = dynamic.read_lock::<Handle>() {
        steps.insert(handle.address().clone());
        return Ok(Value::Str(handle.address().to_string()));
    }
    if let Some(output) = dynamic.read_lock::<Output>() {
        steps.insert(output.step.clone());
        return Ok(Value::Output {
            step: output.step.clone(),
            name: output.name.to_string(),
        });
    }
    if let Some(secret) = dynamic.read_lock::<Secret>() {
        return Ok(secret.value());
    }
    if let Some(test) = dynamic.read_lock::<Test>() {
        let condition = test.take();
        condition.each_output(&mut |step, _| {
            steps.insert(step.clone());
        });
        return Ok(Value::Condition(Box::new(condition)));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err("lists or maps that are nested too deep");
    };
    if let Ok(array) = dynamic.as_array_ref() {
        let list = array.iter().map(|item| to_value_within(item, steps, depth));
        return Ok(Value::List(list.collect::<Result<_, _>>()?));
    }
    if let Ok(map) = dynamic.as_map_ref() {
        let mut values = Map::new();
        for (key, item) in map.iter() {
            if in_text(key).is_some() {
                return Err("a key in which a secret stands");
            }
            values.insert(key.to_string(), to_value_within(item, steps, depth)?);
        }
        return Ok(Value::Map(values));
    }
    if let Ok(char) = dynamic.as_char() {
        return Ok(Value::Str(char.to_string()));
    }
    Err(if dynamic.as_float().is_ok() {
        "a fraction"
    } else if dynamic.is_fnptr() {
        "a function"
    } else {
        "no plain value"
    })
}

/// A plain value as JSON.
///
/// # Errors
/// What was found that is no plain value, as a fragment.
pub(crate) fn to_json(dynamic: &Dynamic) -> Result<Json, &'static str> {
    let value = to_value(dynamic, &mut BTreeSet::new())?;
    if value.secret().is_some() {
        return Err("a secret");
    }
    value.resolve(&|_, _| None).map_err(|_| "a step's output")
}

/// Rhai's value.
pub(crate) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(bool) => (*bool).into(),
        Value::Int(int) => (*int).into(),
        Value::Str(text) => text.as_str().into(),
        Value::List(list) => list.iter().map(to_dynamic).collect::<Array>().into(),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| (key.as_str().into(), to_dynamic(value)))
            .collect::<rhai::Map>()
            .into(),
        // No kind computes a condition, or of a secret anything.
        Value::Condition(_) | Value::Secret(_) => Dynamic::UNIT,
        Value::Output { step, name } => Dynamic::from(Output {
            step: step.clone(),
            name: name.as_str().into(),
        }),
    }
}
