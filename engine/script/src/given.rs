//! Files of parameters: YAML, a map from names to values.

use std::sync::Arc;

use krun_model::Map;
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText};

/// The parameters that a YAML text gives; `file` is what messages call it.
///
/// # Errors
/// The text is no YAML, or no map from names to values; with line and column.
pub fn given_from_yaml(text: &str, file: &str) -> Result<Map<Json>, Diagnostics> {
    let wrong = |place: Place, message: String| Diagnostics {
        items: vec![
            Diagnostic::new("krun::params-file", place, message)
                .help("Write one `name: value` a line."),
        ],
        sources: vec![SourceText {
            file: file.into(),
            text: Arc::from(text),
        }],
    };
    let yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        let mut message = error.to_string();
        let place = match error.location() {
            Some(at) => {
                if let Some(cut) = message.rfind(" at line ") {
                    message.truncate(cut);
                }
                at_location(text, file, &at)
            }
            None => Place::file(file),
        };
        wrong(place, format!("can't read the parameters: {message}"))
    })?;
    match serde_json::to_value(&yaml) {
        Ok(Json::Null) => Ok(Map::new()),
        Ok(Json::Object(map)) => Ok(map.into_iter().collect()),
        Ok(_) => Err(wrong(
            first_line(text, file),
            "a file of parameters must be a map from names to values".to_owned(),
        )),
        Err(error) => Err(wrong(
            Place::file(file),
            format!("can't read the parameters: {error}"),
        )),
    }
}

fn at_location(text: &str, file: &str, at: &serde_yaml::Location) -> Place {
    let offset = at.index().min(text.len());
    let rest = text.get(offset..).unwrap_or("");
    Place {
        file: file.into(),
        offset,
        len: rest.lines().next().unwrap_or("").trim_end().len(),
        line: at.line().max(1),
        column: at.column().max(1),
    }
}

fn first_line(text: &str, file: &str) -> Place {
    Place {
        len: text.lines().next().unwrap_or("").trim_end().len(),
        ..Place::file(file)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_maps_only() {
        let given = given_from_yaml("root: ~/kafka\nports: [1, 2]\n", "p.yaml").unwrap();
        assert_eq!(given["root"], json!("~/kafka"));
        assert_eq!(given["ports"], json!([1, 2]));
        assert!(given_from_yaml("", "p.yaml").unwrap().is_empty());

        let wrong = given_from_yaml("- a\n- b\n", "p.yaml").unwrap_err();
        assert_eq!((wrong.items[0].line, wrong.items[0].column), (1, 1));
        let wrong = given_from_yaml("a: 1\nb: [1,\n", "p.yaml").unwrap_err();
        assert!(wrong.items[0].line >= 2, "{wrong}");
        let twice = given_from_yaml("a: 1\na: 2\n", "p.yaml").unwrap_err();
        assert!(twice.to_string().contains("duplicate"), "{twice}");
    }
}
