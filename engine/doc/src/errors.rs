//! The reference of errors: faults from their codes, diagnostics of runbooks from theirs.

use krun_model::FaultCode;

use crate::markdown::made_by;

/// A code of a diagnostic, for its page.
#[derive(Clone, Copy, Debug)]
pub struct ErrorEntry<'a> {
    /// The code without `krun::`.
    pub name: &'a str,
    /// The chapter that it belongs to.
    pub about: &'a str,
    /// What it means, and what to do.
    pub page: &'a str,
}

fn short(code: FaultCode) -> String {
    code.name().trim_start_matches("krun::").to_owned()
}

/// The page of faults; `exit` says the exit code of each.
pub fn faults_page(exit: &dyn Fn(FaultCode) -> u8) -> String {
    let mut text = made_by("krun doc --errors");
    text.push_str(
        "# Faults\n\nWhat can go wrong outside of the runbook. Each section says what the code means, \
         the exit code, and what to do.\n",
    );
    for &code in FaultCode::ALL {
        let page = code.page();
        text.push_str(&format!(
            "\n## {} {{#{}}}\n\n*Exit code {}.* {}\n\n{}\n",
            code.name(),
            short(code),
            exit(code),
            page.meaning,
            page.cure
        ));
    }
    text
}

/// The page of diagnostics.
pub fn diagnostics_page(entries: &[ErrorEntry<'_>], of_params: &[&str]) -> String {
    let links: Vec<_> = of_params
        .iter()
        .map(|name| format!("[{name}](#{name})"))
        .collect();
    let mut text = made_by("krun doc --diagnostics");
    text.push_str(&format!(
        "# Diagnostics of a runbook\n\nWhat `krun check`, and every command that reads a runbook, can \
         find. Each is shown with the file, line and column, the source underlined, and a hint. krun \
         shows all that it finds in one reading, and nothing is run if there is any.\n\n\
         The exit code is 3. It is 2 if everything found is about parameters that were given: {}.\n\n\
         A kind may also refuse the arguments of a step; then the code is that of a [fault](faults.md), \
         mostly `krun::script`.\n",
        links.join(", ")
    ));
    let mut about = "";
    for entry in entries {
        if entry.about != about {
            about = entry.about;
            text.push_str(&format!("\n## {about}\n"));
        }
        let name = entry.name;
        let both = FaultCode::ALL.iter().any(|code| short(*code) == name);
        let where_ = if both { " (in a runbook)" } else { "" };
        text.push_str(&format!(
            "\n### krun::{name}{where_} {{#{name}}}\n\n{}\n",
            entry.page
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_each() {
        let faults = faults_page(&|_| 7);
        for code in FaultCode::ALL {
            assert!(faults.contains(&format!("## {} {{#", code.name())));
        }
        let entries = [("io", "Files"), ("cycle", "Order")].map(|(name, about)| ErrorEntry {
            name,
            about,
            page: "It is so.",
        });
        let page = diagnostics_page(&entries, &["param-type"]);
        assert!(page.contains("### krun::io (in a runbook) {#io}\n\nIt is so.\n"));
        assert!(page.contains("## Order\n\n### krun::cycle {#cycle}"));
    }
}
