//! A whole runbook as a component: what it says of itself, and what it declares.
//!
//! Owns the two calls, in which a guest can reach nothing, and their limits. What comes of them is data that
//! nobody believes yet: the script crate makes a runbook of it, by the rules of scripts.

use krun_model::{
    Fault, FaultCode, Map,
    declaration::{DeclaredParam, DeclaredStep, Manifest, Statement, Titled},
};
use serde_json::Value as Json;

use crate::{
    Plugin, Runtime,
    bindings::{RunbookPluginPre, runbook as wit},
    blame::Called,
    call::{self, Begin},
    describe::{few, named, prose, wrong},
    guest::Guest,
};

/// Asks a component what its runbook is.
pub(crate) fn describe(
    runtime: &Runtime,
    pre: &RunbookPluginPre<Guest>,
) -> Result<wit::Manifest, Fault> {
    let pre = pre.clone();
    let begin: Begin<wit::Manifest> = Box::new(move |store| {
        Box::pin(async move {
            let plugin = pre.instantiate_async(&mut *store).await?;
            let runbook = plugin.krun_plugin_runbook();
            runbook.call_describe(store).await.map(Ok)
        })
    });
    let called = Called {
        plugin: None,
        function: "runbook.describe",
        kind: None,
    };
    call::reaching_nothing(runtime, &called, begin)
}

/// What a component said of its runbook, if that can be.
///
/// # Errors
/// [`FaultCode::Plugin`] with what can't be.
pub(crate) fn manifest(said: wit::Manifest) -> Result<Manifest, Fault> {
    named(&said.name, &said.version)?;
    prose(&said.summary, "its summary")?;
    prose(&said.doc, "its doc")?;
    few(said.uses.len(), "plugins that it uses")?;
    few(said.params.len(), "parameters")?;
    for name in &said.uses {
        prose(name, "the name of a plugin that it uses")?;
    }
    let params = said.params.into_iter().map(param);
    Ok(Manifest {
        params: params.collect::<Result<_, _>>()?,
        name: said.name,
        version: said.version,
        summary: said.summary,
        doc: said.doc,
        requires: said.requires,
        on_failure: said.on_failure,
        uses: said.uses,
    })
}

fn param(said: wit::Param) -> Result<DeclaredParam, Fault> {
    prose(&said.name, "a parameter's name")?;
    prose(&said.doc, "a parameter's doc")?;
    let json = |text: &String| {
        serde_json::from_str::<Json>(text).map_err(|error| {
            wrong(&format!(
                "parameter `{}`: a value of it is no JSON: {error}",
                said.name
            ))
        })
    };
    Ok(DeclaredParam {
        default: said.default.as_ref().map(json).transpose()?,
        choices: said.choices.iter().map(json).collect::<Result<_, _>>()?,
        name: said.name,
        ty: said.ty,
        doc: said.doc,
        identity: said.identity,
        min: said.min,
        max: said.max,
    })
}

impl Plugin {
    /// What it says of itself as a runbook.
    ///
    /// # Errors
    /// [`FaultCode::Usage`] where it is none.
    pub fn runbook(&self) -> Result<&Manifest, Fault> {
        self.as_runbook().map(|(_, manifest)| manifest)
    }

    fn as_runbook(&self) -> Result<(&RunbookPluginPre<Guest>, &Manifest), Fault> {
        let name = self.name();
        match &self.runbook {
            Some((pre, manifest)) => Ok((pre, manifest)),
            None => Err(Fault::new(FaultCode::Usage, "the component is no runbook")
                .at(name)
                .because(format!(
                    "the plugin `{name}` has step kinds, and no runbook"
                ))
                .hint(format!(
                    "Use its kinds in a script: `use_plugin(\"{name}\")`."
                ))),
        }
    }

    /// What its runbook declares for these parameters, which are bound. The component can reach nothing.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where the call ends badly or what it declares can't be; what the runbook itself
    /// has against the parameters.
    pub fn declare(&self, params: &Map<Json>) -> Result<Vec<Statement>, Fault> {
        let (pre, _) = self.as_runbook()?;
        let pre = pre.clone();
        let given = Json::Object(params.clone().into_iter().collect()).to_string();
        let begin: Begin<Vec<wit::Statement>> = Box::new(move |store| {
            Box::pin(async move {
                let plugin = pre.instantiate_async(&mut *store).await?;
                let runbook = plugin.krun_plugin_runbook();
                runbook.call_declare(store, &given).await
            })
        });
        let called = self.called("declare", None);
        let said = call::reaching_nothing(&self.runtime, &called, begin)?;
        let limit = self.runtime.limits.declaration;
        statements(&self.description.called(), limit, said)
    }
}

/// What a plugin of this name and version declared, if that can be.
///
/// # Errors
/// [`FaultCode::Plugin`] with what can't be.
pub(crate) fn statements(
    called: &str,
    limit: usize,
    said: Vec<wit::Statement>,
) -> Result<Vec<Statement>, Fault> {
    let size: usize = said.iter().map(size_of).sum();
    if size > limit {
        let why = format!("it has {size} bytes, and {limit} are allowed");
        return Err(undeclarable(called, &why, None));
    }
    said.into_iter().map(|one| statement(called, one)).collect()
}

fn statement(called: &str, said: wit::Statement) -> Result<Statement, Fault> {
    let titled = |said: wit::Titled| Titled {
        title: said.title,
        doc: said.doc,
    };
    Ok(match said {
        wit::Statement::Phase(said) => Statement::Phase(titled(said)),
        wit::Statement::Gate(said) => Statement::Gate(titled(said)),
        wit::Statement::Checkpoint(said) => Statement::Checkpoint(titled(said)),
        wit::Statement::Moved(said) => Statement::Moved {
            from: said.from,
            to: said.to,
        },
        wit::Statement::Step(said) => Statement::Step(DeclaredStep {
            arguments: serde_json::from_str(&said.arguments).map_err(|error| {
                let why = format!("its arguments are no JSON object: {error}");
                undeclarable(called, &why, Some(&said.address))
            })?,
            kind: said.kind,
            address: said.address,
            doc: said.doc,
        }),
    })
}

fn undeclarable(called: &str, why: &str, step: Option<&str>) -> Fault {
    let step = step.map(|step| {
        let plain = step.chars().filter(|c| !c.is_control()).take(100);
        format!(": step `{}`", plain.collect::<String>())
    });
    let what = format!(
        "what the plugin {called} declares can't be{}",
        step.unwrap_or_default()
    );
    Fault::new(FaultCode::Plugin, what)
        .because(why)
        .hint("Report it to the plugin's authors.")
}

fn size_of(said: &wit::Statement) -> usize {
    match said {
        wit::Statement::Phase(one)
        | wit::Statement::Gate(one)
        | wit::Statement::Checkpoint(one) => one.title.len() + one.doc.len(),
        wit::Statement::Moved(one) => one.from.len() + one.to.len(),
        wit::Statement::Step(one) => {
            one.kind.len() + one.address.len() + one.doc.len() + one.arguments.len()
        }
    }
}
