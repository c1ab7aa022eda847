//! The reference pages: step kinds, faults, diagnostics.

use std::sync::Arc;

use krun_doc::{ErrorEntry, KindEntry};
use krun_kafka::diagnosis::Patterns;
use krun_model::{Digest, Map, kind::Kinds, runbook::SourceFile};
use krun_script::{Loader, PathBase};

use crate::{context::Context, diagnostics, errors, registry};

/// The page of step kinds; every example on it was evaluated.
pub fn kinds(_: &Context) -> Result<String, errors::CliError> {
    let kinds = registry::kinds(Arc::new(Patterns::builtin()));
    Ok(krun_doc::kinds_page(&entries(&kinds, &kinds)?))
}

/// Some kinds, with their examples evaluated where there are all of them.
pub fn entries<'a>(
    kinds: &'a Kinds,
    all: &Kinds,
) -> Result<Vec<KindEntry<'a>>, krun_script::Diagnostics> {
    let base = PathBase {
        cwd: "/".into(),
        home: None,
    };
    let loader = Loader::new(all, base);
    let evaluated = |kind: &'a krun_model::Kind| {
        let examples = kind.spec().examples.iter();
        let examples = examples.map(|example| {
            let text = krun_doc::example::source(example);
            let source = SourceFile {
                path: format!("example of {}", kind.spec().name),
                digest: Digest::of(&text),
                text: text.into(),
            };
            Ok((*example, loader.load_sources(vec![source], &Map::new())?))
        });
        examples.collect::<Result<Vec<_>, krun_script::Diagnostics>>()
    };
    kinds
        .iter()
        .map(|kind| {
            let examples = evaluated(kind)?;
            Ok(KindEntry { kind, examples })
        })
        .collect()
}

/// The page of faults.
pub fn faults() -> String {
    krun_doc::faults_page(&errors::exit_code)
}

/// The page of diagnostics.
pub fn diagnostics() -> String {
    let entries: Vec<_> = krun_script::CODES
        .iter()
        .map(|code| ErrorEntry {
            name: code.name,
            about: code.about,
            page: code.page,
        })
        .collect();
    krun_doc::diagnostics_page(&entries, diagnostics::OF_PARAMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_example_that_declares_a_step_of_it() {
        let kinds = registry::kinds(Arc::new(Patterns::builtin()));
        let entries = entries(&kinds, &kinds).unwrap_or_else(|found| panic!("{found}"));
        for KindEntry { kind, examples } in entries {
            let name = kind.spec().name;
            assert!(!examples.is_empty(), "{name} has no example");
            for (example, runbook) in examples {
                let last = runbook.steps.last().map(|step| &*step.kind);
                assert_eq!(last, Some(name), "{example}");
            }
            for output in kind.spec().outputs {
                assert!(output.doc.ends_with('.'), "{name} {}", output.name);
            }
        }
    }

    #[test]
    fn codes_of_params_are_codes() {
        for name in diagnostics::OF_PARAMS {
            assert!(
                krun_script::CODES.iter().any(|code| code.name == *name),
                "{name}"
            );
        }
    }
}
