//! Whether a broker may leave its cluster: only once it holds no partition.

use std::time::Duration;

use krun_model::{Fault, FaultCode, history::StepMemory, kind::LeaveCx};

use crate::clusters::Clusters;

const ASK: Duration = Duration::from_secs(5);
/// How many partitions a fault names.
const NAMED: usize = 10;

fn endpoint(memory: &StepMemory) -> Option<String> {
    memory.outputs.get("endpoint")?.as_str().map(str::to_owned)
}

/// Asks the broker itself, or the brokers that stay where it does not answer. Where no broker stays,
/// the cluster goes as a whole, and there is nobody to keep anything for.
pub async fn may_leave(clusters: &dyn Clusters, cx: &LeaveCx<'_>) -> Result<(), Fault> {
    let staying: Vec<_> = cx
        .staying
        .iter()
        .filter(|memory| memory.kind == cx.memory.kind)
        .filter_map(|memory| endpoint(memory))
        .collect();
    let id = cx
        .memory
        .outputs
        .get("id")
        .and_then(serde_json::Value::as_i64);
    let (Some(id), false) = (id.and_then(|id| i32::try_from(id).ok()), staying.is_empty()) else {
        return Ok(());
    };
    let own: Vec<_> = endpoint(cx.memory).into_iter().collect();
    let asked = if clusters.any_accepts(&own).await {
        own
    } else {
        staying
    };
    if !clusters.any_accepts(&asked).await {
        return Err(Fault::new(
            FaultCode::Cluster,
            format!("whether broker {id} still holds partitions can't be told"),
        )
        .at(cx.address)
        .because("no broker of the cluster answers")
        .hint("Start the brokers that stay, then run the same command again."));
    }
    let view = clusters.open(&asked)?.metadata(None, ASK).await?;
    let mut held: Vec<_> = view
        .partitions()
        .filter(|(_, partition)| partition.replicas.contains(&id))
        .map(|(topic, partition)| format!("{topic}-{}", partition.id))
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    let count = held.len();
    held.truncate(NAMED);
    if count > NAMED {
        held.push(format!("and {} more", count - NAMED));
    }
    Err(Fault::new(
        FaultCode::Conflict,
        format!("broker {id} still holds partitions, and is not stopped"),
    )
    .at(cx.address)
    .because(format!("{count} partitions would lose a replica"))
    .evidence(held)
    .hint(
        "Let the runbook move them first: a step `kafka::reassign` with the ids of the brokers that stay.",
    ))
}
