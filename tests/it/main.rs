//! End-to-end tests: the krun binary on real Kafka, ZooKeeper and Java. One file a feature.

mod adopt;
mod bad_input;
mod by_hand;
mod choice;
mod cluster;
mod diagnosis;
mod doc;
mod existing_kafka;
mod faults;
mod files;
mod gc;
mod hand;
mod kills;
mod listing;
mod manner;
mod more_brokers;
mod plan_file;
mod properties;
mod simulate;
mod single_host;
mod sources;
mod state;
mod sweep;
mod topics;
mod trouble;
mod versions;
