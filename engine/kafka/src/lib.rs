//! Kafka and ZooKeeper: version table, distribution, step kinds, clients, health and diagnosis.
