//! End-to-end tests: the krun binary on real Kafka, ZooKeeper and Java. One file a feature.

mod bad_input;
mod by_hand;
mod cluster;
mod doc;
mod existing_kafka;
mod files;
mod kills;
mod listing;
mod properties;
mod single_host;
mod trouble;
