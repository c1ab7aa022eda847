//! Pieces of Markdown.

/// A code block; its fence is longer than any in the text.
pub fn fenced(language: &str, text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// A text as a cell of a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A table.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = line(head);
    text.push_str(&format!("|{}\n", "---|".repeat(head.len())));
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

/// The anchor of a kind or an error on its page.
pub fn anchor(name: &str) -> String {
    name.replace("::", "-").replace('_', "-")
}

/// The first letter large, a full stop at the end gone: an entry of a table.
pub fn entry(doc: &str) -> String {
    let doc = doc.trim().trim_end_matches('.');
    let mut chars = doc.chars();
    match chars.next() {
        // `host:port` is a word of its own.
        Some(first) if !doc.starts_with("host:port") => first.to_uppercase().chain(chars).collect(),
        _ => doc.to_owned(),
    }
}

/// What stands at the head of every page that is made.
pub fn made_by(command: &str) -> String {
    format!("<!-- Made by `{command}`. Edit what it is made from, then run `book/refresh`. -->\n\n")
}
