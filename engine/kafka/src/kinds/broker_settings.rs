//! `kafka::broker_settings`: settings that brokers take while they run.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Target,
    Value,
    configs::{ConfigsOf, ConfigsRef},
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    args::{BOOTSTRAP, texts},
    settings,
};
use crate::{clusters::Clusters, view::unreachable_fault};

/// The kind.
pub struct BrokerSettings(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    broker: serde_json::Value,
    configs: Map<serde_json::Value>,
}

/// Whose settings an argument means.
fn of(broker: &serde_json::Value) -> Result<ConfigsOf, Fault> {
    let id = match broker {
        serde_json::Value::String(text) if text == "default" => return Ok(ConfigsOf::Brokers),
        serde_json::Value::String(text) => text.parse().ok(),
        serde_json::Value::Number(number) => number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok()),
        _ => None,
    };
    match id {
        Some(id) if id >= 0 => Ok(ConfigsOf::Broker(id)),
        _ => Err(Fault::new(
            FaultCode::Script,
            format!("`broker` is {broker}, and must be a broker's id or \"default\""),
        )
        .hint("\"default\" means all brokers that have no setting of their own.")),
    }
}

impl Args {
    fn target(&self) -> Result<ConfigsRef, Fault> {
        Ok(ConfigsRef {
            bootstrap: self.bootstrap.clone(),
            of: of(&self.broker)?,
        })
    }
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::broker_settings",
    doc: "Sets what brokers take while they run, such as `log.cleaner.threads`, for one broker or for all. \
          Only the keys that the step names are compared and altered, each with its value before and \
          after; a rollback puts them back. What a broker reads only when it starts is refused: that \
          belongs in its server.properties, and so in a `properties` step, which restarts the broker. \
          Secrets are refused too: brokers do not tell their values, so that they could be neither \
          compared nor put back. For all brokers this needs Kafka 2.3; before 1.1 brokers take nothing \
          while they run.",
    args: &[
        BOOTSTRAP,
        ArgSpec::required(
            "broker",
            ArgType::Scalar,
            "A broker's id, or \"default\" for all brokers that have no setting of their own.",
        ),
        ArgSpec::required(
            "configs",
            ArgType::MapOf(&ArgType::Scalar),
            "The settings, by key.",
        ),
    ],
    outputs: &[OutputSpec::new("configs", "The settings, by key.")],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/broker_settings.rhai")],
};

impl StepKind for BrokerSettings {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let broker = match args.get("broker") {
            Some(Value::Str(text)) => Some(json!(text)),
            Some(Value::Int(number)) => Some(json!(number)),
            _ => None,
        };
        let of = broker
            .map(|broker| of(&broker))
            .transpose()
            .map_err(|fault| fault.at(step))?;
        let target = texts(args, "bootstrap").zip(of);
        Ok(Declared {
            writes: target
                .map(|(bootstrap, of)| Target::Configs(ConfigsRef { bootstrap, of }))
                .into_iter()
                .collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::broker_settings(cx)
    }
}

fn outputs(args: &Args) -> Outputs {
    let configs = settings::texts_of(Some(&args.configs));
    [("configs".to_owned(), json!(configs))].into()
}

#[async_trait]
impl StateKind for BrokerSettings {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let target = args.target()?;
        let wanted = settings::texts_of(Some(&args.configs));
        if let Some(unknown) = self.0.silent(&args.bootstrap, &[]).await {
            return Ok(unknown);
        }
        let client = self.0.open(&args.bootstrap)?;
        let entries = client.settings(&target.of).await?;
        let (changes, diff) = settings::compare(&target.of, &wanted, &entries.unwrap_or_default())?;
        if changes.is_empty() {
            return Ok(Check::Satisfied(outputs(&args)));
        }
        client.validate_settings(&target.of, &changes).await?;
        Ok(Check::Drift {
            change: Change::Update,
            why: format!("{} of {} settings differ", diff.len(), wanted.len()),
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let target = args.target()?;
        if !self.0.any_accepts(&args.bootstrap).await {
            return Err(unreachable_fault(&args.bootstrap));
        }
        let client = self.0.open(&args.bootstrap)?;
        let wanted = settings::texts_of(Some(&args.configs));
        let entries = client.settings(&target.of).await?;
        let (changes, _) = settings::compare(&target.of, &wanted, &entries.unwrap_or_default())?;
        if !changes.is_empty() {
            cx.host
                .perform(Effect::AlterConfigs {
                    configs: target,
                    changes,
                })
                .await?;
        }
        Ok(outputs(&args))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_settings() {
        assert_eq!(of(&json!("default")).unwrap(), ConfigsOf::Brokers);
        assert_eq!(of(&json!("2")).unwrap(), ConfigsOf::Broker(2));
        assert_eq!(of(&json!(0)).unwrap(), ConfigsOf::Broker(0));
        for wrong in [json!("all"), json!(-1), json!(true)] {
            assert!(of(&wrong).is_err(), "{wrong}");
        }
    }
}
