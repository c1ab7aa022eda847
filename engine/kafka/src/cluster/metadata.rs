//! What one broker shows, asked of that very broker.
//!
//! librdkafka asks any broker that it is connected to, and brokers learn of moved replicas and leaders
//! each in its own time: who wants to know what all of them show has to ask each.

use kafka_protocol::messages::{MetadataRequest, metadata_response::MetadataResponsePartition};
use krun_model::Fault;

use super::wire::Wire;
use crate::view::{BrokerView, ClusterView, PartitionView};

/// Brokers and topics as the broker at the other end shows them. Offsets stay unknown.
///
/// # Errors
/// [`FaultCode::Cluster`](krun_model::FaultCode) where it does not answer.
pub async fn shown_by(wire: &mut Wire) -> Result<ClusterView, Fault> {
    let all = MetadataRequest::default()
        .with_topics(None)
        .with_allow_auto_topic_creation(false);
    let shown = wire.ask(&all).await?;
    let topics = shown.topics.into_iter().filter_map(|topic| {
        let known = topic.error_code == 0 && !topic.partitions.is_empty();
        let partitions = topic.partitions.iter().map(partition).collect();
        let name = topic.name.filter(|_| known)?;
        Some((name.0.as_str().to_owned(), partitions))
    });
    Ok(ClusterView {
        cluster_id: shown.cluster_id.map(|id| id.as_str().to_owned()),
        controller: (shown.controller_id.0 >= 0).then_some(shown.controller_id.0),
        brokers: shown
            .brokers
            .iter()
            .map(|broker| BrokerView {
                id: broker.node_id.0,
                host: broker.host.as_str().to_owned(),
                port: u16::try_from(broker.port).unwrap_or_default(),
            })
            .collect(),
        topics: topics.collect(),
    }
    .sorted())
}

fn partition(shown: &MetadataResponsePartition) -> PartitionView {
    let ids = |ids: &[kafka_protocol::messages::BrokerId]| ids.iter().map(|id| id.0).collect();
    PartitionView {
        id: shown.partition_index,
        leader: (shown.leader_id.0 >= 0).then_some(shown.leader_id.0),
        replicas: ids(&shown.replica_nodes),
        isr: ids(&shown.isr_nodes),
        start: None,
        end: None,
    }
}
