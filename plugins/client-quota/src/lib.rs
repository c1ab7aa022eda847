//! Quotas of Kafka clients: what a user, a client id, or a client id of a user may send, take and cost the
//! brokers a second.
//!
//! krun knows the way back of each quota, so that this needs no undo of its own: a rollback puts back every
//! key that a step set, unless somebody else set it since.

mod quotas;

use krun_plugin_sdk::{
    After, Change, DiffLine, Drift, Fault, FaultCode, Finding, Kind, Mode, Outputs, QuotaName,
    QuotaOf, Reader, Step, Target, UndoClass, Writer,
};
use schemars::JsonSchema;
use serde::Deserialize;

use quotas::{Changes, Quotas, shown};

/// The kind.
pub struct Quota;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// `host:port` of the cluster's bootstrap servers.
    bootstrap: Vec<String>,
    /// The user.
    user: Option<String>,
    /// The client id; with a user, the client id of that user alone.
    client_id: Option<String>,
    /// Whether it is for all users that have no quota of their own; instead of `user`.
    #[serde(default)]
    default_user: bool,
    /// Whether it is for all client ids that have no quota of their own; instead of `client_id`.
    #[serde(default)]
    default_client_id: bool,
    #[serde(flatten)]
    quotas: Quotas,
}

impl Args {
    fn of(&self) -> Result<QuotaOf, Fault> {
        let name = |what: &str, name: &Option<String>, default: bool| match (name, default) {
            (Some(_), true) => Err(Fault::new(
                FaultCode::Script,
                format!("a quota is for one {what}, or for the default of all"),
            )),
            (Some(name), false) => Ok(Some(QuotaName::Named(name.clone()))),
            (None, true) => Ok(Some(QuotaName::Default)),
            (None, false) => Ok(None),
        };
        let of = QuotaOf {
            user: name("user", &self.user, self.default_user)?,
            client_id: name("client id", &self.client_id, self.default_client_id)?,
        };
        match of.user.is_none() && of.client_id.is_none() {
            true => Err(
                Fault::new(FaultCode::Script, "it does not say for whom the quota is")
                    .hint("Give `user`, `client_id`, `default_user` or `default_client_id`."),
            ),
            false => Ok(of),
        }
    }

    /// What is to be changed of what is there.
    fn changes(&self, look: &Reader) -> Result<(Vec<(String, f64)>, Changes), Fault> {
        let there = look.quotas(&self.bootstrap, &self.of()?)?;
        let changes = self.quotas.changes(&there)?;
        Ok((there, changes))
    }
}

impl Kind for Quota {
    const NAME: &'static str = "quota";
    const DOC: &'static str = "Sets quotas of a user, of a client id, of a client id of a user, or of all that \
        have none of their own. What is not given stays as it is; `without` takes quotas away. Brokers before \
        2.6 can't be asked.";
    const MODE: Mode = Mode::State;
    const UNDO: UndoClass = UndoClass::Reversible;
    const EXAMPLES: &'static [&'static str] = &[include_str!("../examples/quota.rhai")];
    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        args.quotas.validate()?;
        Ok(vec![Target::Quotas(args.bootstrap.clone(), args.of()?)])
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let (there, changes) = step.args.changes(look)?;
        if changes.is_empty() {
            return Ok(Finding::Satisfied(Outputs::new()));
        }
        let before = |key: &str| there.iter().find(|(other, _)| other == key);
        let diff = changes.iter().map(|(key, value)| DiffLine {
            key: key.clone(),
            before: before(key).map(|(_, value)| shown(*value)),
            after: value.map_or(After::Gone, |value| After::Value(shown(value))),
        });
        Ok(Finding::Drift(Drift {
            change: match there.is_empty() {
                true => Change::Create,
                false => Change::Update,
            },
            why: "the quotas are others".into(),
            diff: diff.collect(),
        }))
    }

    fn apply(step: &Step<Args>, _: Change, look: &Reader, act: &Writer) -> Result<Outputs, Fault> {
        let (_, changes) = step.args.changes(look)?;
        act.alter_quotas(&step.args.bootstrap, &step.args.of()?, &changes)?;
        Ok(Outputs::new())
    }
}

krun_plugin_sdk::plugin! {
    name: "client-quota",
    doc: "Quotas of Kafka clients.",
    kinds: [Quota],
    wants: [
        "kafka:HOST:PORT" => "the quotas are looked at",
        "change-kafka:HOST:PORT" => "the quotas are set",
    ],
}
