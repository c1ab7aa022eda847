//! Diagnostics of scripts with the source underlined.

use krun_report::Style;
use krun_script::{Diagnostic, Diagnostics};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
    ThemeCharacters, ThemeStyles,
};

/// All diagnostics as text, each with its source line underlined, and a count.
pub fn text(found: &Diagnostics, style: Style) -> String {
    let theme = GraphicalTheme {
        characters: if style.unicode {
            ThemeCharacters::unicode()
        } else {
            ThemeCharacters::ascii()
        },
        styles: if style.color {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let width = if style.width == 0 { 100 } else { style.width };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false);
    let mut text = String::new();
    for item in &found.items {
        let mut one = String::new();
        let _ = handler.render_report(&mut one, report(item, found).as_ref());
        text.push_str(one.trim_start_matches('\n'));
        text.push('\n');
    }
    let count = found.items.len();
    let errors = if count == 1 { "error" } else { "errors" };
    text.push_str(&format!("{count} {errors}; nothing was run.\n"));
    text
}

fn report(item: &Diagnostic, all: &Diagnostics) -> Report {
    let mut labels = vec![LabeledSpan::new_primary_with_span(
        Some(item.label.clone()).filter(|label| !label.is_empty()),
        item.offset..item.offset + item.len,
    )];
    labels.extend(
        item.related
            .iter()
            .filter(|related| related.file == item.file)
            .map(|related| {
                LabeledSpan::at(
                    related.offset..related.offset + related.len,
                    related.label.clone(),
                )
            }),
    );
    let mut diagnostic =
        MietteDiagnostic::new(item.message.clone()).with_code(item.code.to_string());
    let elsewhere = item
        .related
        .iter()
        .filter(|related| related.file != item.file)
        .map(|related| {
            format!(
                "{}:{}:{}: {}",
                related.file, related.line, related.column, related.label
            )
        });
    let help: Vec<String> = item.help.iter().cloned().chain(elsewhere).collect();
    if !help.is_empty() {
        diagnostic = diagnostic.with_help(help.join("\n"));
    }
    match all.text(&item.file) {
        Some(source) if item.offset + item.len <= source.len() && !source.is_empty() => {
            let source = NamedSource::new(&item.file, source.to_string());
            Report::new(diagnostic.with_labels(labels)).with_source_code(source)
        }
        _ => Report::new(diagnostic),
    }
}

/// The codes that are about parameters that were given.
pub const OF_PARAMS: &[&str] = &[
    "param-type",
    "param-range",
    "unknown-param",
    "missing-param",
    "params-file",
];

/// 2 when only parameters are wrong, 3 when the runbook is.
pub fn exit_code(found: &Diagnostics) -> u8 {
    let about_params = |item: &Diagnostic| {
        item.code
            .strip_prefix("krun::")
            .is_some_and(|name| OF_PARAMS.contains(&name))
    };
    if !found.items.is_empty() && found.items.iter().all(about_params) {
        2
    } else {
        3
    }
}

/// All diagnostics as JSON.
pub fn json(found: &Diagnostics) -> serde_json::Value {
    let items = found.items.iter().map(|item| {
        serde_json::json!({
            "code": item.code, "message": item.message, "file": &*item.file,
            "line": item.line, "column": item.column, "offset": item.offset, "len": item.len,
            "label": item.label, "help": item.help,
        })
    });
    items.collect()
}
