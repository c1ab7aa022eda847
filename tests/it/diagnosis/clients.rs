//! What a tool says that finds no cluster, or not the topic.

use super::{Bench, jars::KAFKA_3_9};

#[test]
fn nobody_there() {
    let bench = Bench::new(KAFKA_3_9, 1);
    let config = bench.file(
        "impatient.properties",
        "default.api.timeout.ms=1500\nrequest.timeout.ms=500\n",
    );
    let server = format!("127.0.0.1:{}", bench.port(0));
    let args = [
        "--list",
        "--bootstrap-server",
        &server,
        "--command-config",
        &config,
    ];
    let mut tool = bench.start("nobody", "org.apache.kafka.tools.TopicCommand", &args);
    tool.wait();
    bench.answers(&tool.log, "bootstrap-disconnected");
}
