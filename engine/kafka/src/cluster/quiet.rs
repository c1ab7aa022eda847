//! A client context that keeps librdkafka's log lines to itself.
//!
//! What matters comes back as the error of a call; a library never prints.

use std::sync::Mutex;

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError,
};

/// Keeps the last complaint of a client, to say why a call timed out.
#[derive(Default)]
pub struct Quiet {
    last: Mutex<Option<String>>,
}

impl Quiet {
    /// The last thing that the client complained of.
    pub fn complaint(&self) -> Option<String> {
        self.last.lock().ok()?.clone()
    }
}

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}

    fn error(&self, _error: KafkaError, reason: &str) {
        if let Ok(mut last) = self.last.lock() {
            *last = Some(reason.to_owned());
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ConsumerContext for Quiet {}
