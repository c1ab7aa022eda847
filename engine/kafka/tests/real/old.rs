//! A broker from before single settings could be altered: Kafka 1.0.0 with ZooKeeper 3.4.10.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_kafka::{ClusterEffector, view::ClusterView};
use krun_model::{
    Effect, Effector as _, FaultCode, Target, TargetState, Undo,
    configs::{ConfigChanges, ConfigsOf, ConfigsRef},
};
use serde_json::json;

use super::lab::Lab;

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>krun.test</groupId><artifactId>old</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.11</artifactId><version>1.0.0</version></dependency>
  </dependencies>
</project>"#;

const LOG4J: &str = "log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
";

/// The jars, fetched once for all tests of this build.
fn jars() -> Utf8PathBuf {
    let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka-1.0.0");
    let jars = folder.join("jars");
    if !folder.join("complete").exists() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("pom.xml"), POM).unwrap();
        let output = Command::new("mvn")
            .args([
                "-q",
                "-B",
                "dependency:copy-dependencies",
                "-DoutputDirectory=jars",
            ])
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        fs::write(folder.join("complete"), "").unwrap();
    }
    jars
}

fn start(lab: &Lab, step: &str, class: &str, properties: &str) {
    let config = lab.path(&format!("{step}.properties"));
    fs::write(&config, properties).unwrap();
    let log4j = lab.path("log4j.properties");
    fs::write(&log4j, LOG4J).unwrap();
    let log = fs::File::create(lab.path(&format!("{step}.log"))).unwrap();
    let mut command = Command::new("java");
    command
        .arg(format!("-Dlog4j.configuration=file:{log4j}"))
        .args(["-Xmx256m", "-cp", &format!("{}/*", jars()), class, &config])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .stdin(Stdio::null());
    lab.spawn(step, &mut command);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_broker_loses_no_setting() {
    let lab = Lab::new();
    let (zookeeper, port) = (lab.port(), lab.port());
    let class = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let data = lab.path("zookeeper");
    start(
        &lab,
        "zookeeper",
        class,
        &format!("dataDir={data}\nclientPort={zookeeper}\n"),
    );
    start(
        &lab,
        "broker",
        "kafka.Kafka",
        &format!(
            "broker.id=1\nlisteners=PLAINTEXT://localhost:{port}\nlog.dirs={}\n\
             zookeeper.connect=localhost:{zookeeper}\nzookeeper.connection.timeout.ms=30000\n",
            lab.path("data")
        ),
    );
    let bootstrap = vec![format!("localhost:{port}")];
    let begin = Instant::now();
    while let Err(fault) = ClusterView::fetch(&bootstrap, Duration::from_secs(2)).await {
        let log = || fs::read_to_string(lab.path("broker.log")).unwrap_or_default();
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{fault:?}\n{}",
            log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let topic = json!({
        "bootstrap": bootstrap,
        "name": "test",
        "partitions": 1,
        "replication_factor": 1,
        "configs": {"retention.ms": 1_000_000, "flush.messages": 7},
    });
    assert!(
        lab.run("kafka::topic", "topic", topic.clone())
            .await
            .unwrap()
            .changed
    );
    assert!(
        !lab.run("kafka::topic", "topic", topic.clone())
            .await
            .unwrap()
            .changed
    );
    let mut other = topic;
    other["configs"] = json!({"retention.ms": 2_000_000});
    assert!(
        lab.run("kafka::topic", "topic", other.clone())
            .await
            .unwrap()
            .changed
    );
    let configs = ConfigsRef {
        bootstrap: bootstrap.clone(),
        of: ConfigsOf::Topic("test".into()),
    };
    let effector = ClusterEffector::new();
    let effect = Effect::AlterConfigs {
        configs: configs.clone(),
        changes: ConfigChanges::from([
            ("retention.ms".into(), None),
            ("segment.ms".into(), Some("70000".into())),
        ]),
    };
    let target = Target::Configs(configs);
    let before = effector.observe(&target).await.unwrap();
    let TargetState::Configs(now) = &before else {
        panic!("{before}")
    };
    let now: Vec<_> = now.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(now, ["flush.messages=7", "retention.ms=2000000"]);
    effector.perform(&effect).await.unwrap();
    let after = effector.observe(&target).await.unwrap();
    assert_eq!(after.to_string(), "flush.messages=7, segment.ms=70000");
    let Undo::By(undo) = effect.undo(&before) else {
        panic!("no way back")
    };
    effector.perform(&undo).await.unwrap();
    assert_eq!(effector.observe(&target).await.unwrap(), before);

    // Bad values are known before anything is changed.
    other["configs"] = json!({"retention.ms": "a day"});
    let fault = lab
        .check("kafka::topic", "topic", &other)
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Cluster, "{fault:?}");
    // Brokers of this age take nothing while they run.
    let broker = json!({"bootstrap": bootstrap, "broker": 1, "configs": {"num.io.threads": 9}});
    let fault = lab
        .check("kafka::broker_settings", "b", &broker)
        .await
        .unwrap_err();
    assert!(
        fault.what.contains("can't be changed while a broker runs"),
        "{fault:?}"
    );
}
