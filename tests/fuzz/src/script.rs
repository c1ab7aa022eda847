//! `krun check`: a runbook, or diagnostics that point into it.

use krun_model::{Digest, kind::Kinds, runbook::SourceFile};
use krun_script::{Loader, PathBase};

pub fn any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let base = PathBase {
        cwd: "/work".into(),
        home: Some("/home/somebody".into()),
    };
    let source = SourceFile {
        path: "runbook.rhai".to_owned(),
        digest: Digest::of(text),
        text: text.into(),
    };
    let loader = Loader::new(&Kinds::new(krun_steps::kinds()), base);
    match loader.load_sources(vec![source], &Default::default()) {
        Ok(runbook) => {
            let known = |address| runbook.step(address).is_some();
            for step in &runbook.steps {
                assert!(step.after.iter().all(known), "{}", step.address);
            }
        }
        Err(wrong) => {
            assert!(!wrong.items.is_empty());
            for one in &wrong.items {
                assert!(one.place().offset <= text.len(), "{one:?}");
            }
        }
    }
}
