//! `assert`: a condition on what earlier steps said holds.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, Fault, FaultCode, Kind, Map, Outputs, StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

static SPEC: KindSpec = KindSpec {
    name: "assert",
    doc: "Proves that a condition on what earlier steps said holds, and fails with a message of the \
          runbook where it does not. What is known already is checked without a step: \
          `assert(condition, \"message\")`.",
    args: &[
        ArgSpec::required(
            "that",
            ArgType::Condition,
            "What must hold, such as `topic.partitions == 10`; several with `all_of([…])` and \
             `any_of([…])`.",
        ),
        ArgSpec::required(
            "message",
            ArgType::Str,
            "What to say where it does not, as a lower-case fragment.",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/assert.rhai")],
};

#[derive(Deserialize)]
struct Args {
    that: That,
    message: String,
}

/// A condition once it is decided.
#[derive(Deserialize)]
#[serde(untagged)]
enum That {
    Known(bool),
    Fails {
        condition: String,
        found: Vec<String>,
    },
}

struct Assert;

/// The kind.
pub fn kind() -> Kind {
    Kind::Proof(Arc::new(Assert))
}

impl StepKind for Assert {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }
}

#[async_trait]
impl ProofKind for Assert {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let Args { that, message } = cx.step.args()?;
        let fault = Fault::new(FaultCode::ProofFailed, message).at(cx.step.address);
        match that {
            That::Known(true) => Ok(Outputs::new()),
            That::Known(false) => {
                Err(fault.because("the runbook asserts what is known to be false"))
            }
            That::Fails { condition, found } => Err(fault
                .because(format!("`{condition}` does not hold"))
                .evidence(found)),
        }
    }
}
