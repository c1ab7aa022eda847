//! What a server is started with.
//!
//! The digest by which a running process is recognised as the wanted one is made of:
//!
//! | part | a change of it |
//! |---|---|
//! | argv: Java, heap, flags, class path, class, config's path | restarts |
//! | environment, with the values of secrets in it | restarts |
//! | names and sizes of the jars | restarts |
//! | effective settings of the config file | restarts |
//! | comments and order in the config file, files of log4j, the version of the same Java program, the class-data archive ([`super::archive`]) | does not |
//!
//! Where a secret is among it, the digest is keyed: it stands in the journal and in the process's
//! environment, and nobody is to try guesses against it.

use camino::Utf8Path;
use krun_model::{
    Content, Digest, Fault, FaultCode, Map, ProcessSpec, ReadHost, Text, kind::StepRef,
};
use serde::Serialize;

use super::{Heap, config::showable};
use crate::{
    distribution::launcher::GC_LOG_OF_JAVA_8,
    java,
    versions::{self, Logging, Product, Program},
};

/// A Java server of a distribution.
#[derive(Clone, Debug)]
pub struct Server<'a> {
    /// What is started.
    pub program: Program,
    /// The distribution.
    pub home: &'a Utf8Path,
    /// The Java program.
    pub java: &'a str,
    /// Its heap.
    pub heap: &'a Heap,
    /// Its properties file.
    pub config: &'a Utf8Path,
    /// The folder for its output and for log4j's files.
    pub log_dir: &'a Utf8Path,
    /// How long it may take to end, in milliseconds.
    pub grace_ms: u64,
    /// What is in its environment beside what every server has.
    pub env: &'a Map<Text>,
}

/// Names and sizes of the jars of a distribution.
pub type Jars = Map<u64>;

/// A specification, and what it was made from.
#[derive(Clone, Debug)]
pub struct Started {
    /// What the process is started with.
    pub spec: ProcessSpec,
    /// The effective settings.
    pub settings: Map<String>,
    /// Those of them that may be shown and remembered.
    pub shown: Map<String>,
    /// The jars.
    pub jars: Jars,
}

/// The jars of a distribution; none where it is not there.
///
/// # Errors
/// What the host reports.
pub async fn jars(host: &dyn ReadHost, home: &Utf8Path) -> Result<Option<Jars>, Fault> {
    let libs = home.join("libs");
    let Some(names) = host.list(&libs).await? else {
        return Ok(None);
    };
    let mut jars = Jars::new();
    for name in names {
        if name.ends_with(".jar") {
            let size = host
                .stat(&libs.join(&name))
                .await?
                .map_or(0, |stat| stat.size);
            jars.insert(name, size);
        }
    }
    Ok((!jars.is_empty()).then_some(jars))
}

impl Server<'_> {
    /// What to start: pure but for the machine's Java version, which decides the flags of its
    /// garbage-collection log.
    ///
    /// # Errors
    /// A folder without Kafka's jar, a program that is no Java.
    pub async fn started(
        &self,
        host: &dyn ReadHost,
        step: &StepRef<'_>,
        jars: Jars,
        settings: Map<String>,
    ) -> Result<Started, Fault> {
        let product = versions::of_jars(jars.keys().map(String::as_str)).ok_or_else(|| {
            Fault::new(FaultCode::Conflict, "there is no Kafka in this folder")
                .at(self.home.join("libs"))
                .because("no jar in it has a name such as kafka_2.13-3.9.1.jar")
        })?;
        let version = java::version_of(host, Utf8Path::new(self.java)).await?;
        let major = version.map(|version| version.major).ok_or_else(|| {
            Fault::new(FaultCode::Prerequisite, "this is no Java that can be run")
                .at(self.java)
                .hint("Take the output `bin` of a step `kafka::java`.")
        })?;
        let argv = self.argv(&product, major);
        let mut env = env();
        let mut secret_env = Map::new();
        for (name, text) in self.env {
            match text.plain() {
                Some(plain) => drop(env.insert(name.clone(), plain)),
                None => {
                    let value = text.reveal(step.secrets)?;
                    let content = Content::with_secret(value.as_bytes());
                    secret_env.insert(name.clone(), content);
                }
            }
        }
        let of_secret = |(name, content): (&String, &Content)| (name.clone(), content.digest);
        let digest = Digest::of_json(&Made {
            argv: &argv,
            env: &env,
            secret_env: secret_env.iter().map(of_secret).collect(),
            jars: &jars,
            settings: &settings,
        });
        let digest = match step.secrets.guards(self.config) || !secret_env.is_empty() {
            true => step.secrets.keyed(digest)?,
            false => digest,
        };
        Ok(Started {
            spec: ProcessSpec {
                id: step.process_id(),
                argv,
                env,
                secret_env,
                cwd: self.home.to_owned(),
                log: self.log_dir.join(format!("{}.out", self.program.console())),
                digest,
                stop_grace_ms: self.grace_ms,
            },
            shown: showable(&settings, step.secrets),
            settings,
            jars,
        })
    }

    /// The command that the product's own script makes for a server. The flags for JMX are left out:
    /// Java opens its management interface on demand when a tool attaches.
    fn argv(&self, product: &Product, java_major: u32) -> Vec<String> {
        let runtime = &product.runtime;
        let mut argv = vec![
            self.java.to_owned(),
            format!("-Xmx{}", self.heap.text),
            format!("-Xms{}", self.heap.text),
        ];
        argv.extend(runtime.flags.iter().map(|&flag| flag.to_owned()));
        if let Some(size) = runtime.gc_log_size {
            argv.extend(self.gc_log(java_major, size));
        }
        let conf = self.home.join(product.config_folder);
        let libs = self.home.join("libs/*");
        let class_path = match runtime.logging {
            Logging::Named => {
                argv.push(format!("-Dkafka.logs.dir={}", self.log_dir));
                let file = conf.join("log4j.properties");
                argv.push(format!("-Dlog4j.configuration=file:{file}"));
                libs.into_string()
            }
            Logging::OnClassPath => {
                argv.push(format!("-Dzookeeper.log.dir={}", self.log_dir));
                argv.push("-Dzookeeper.log.file=zookeeper.log".to_owned());
                format!("{conf}:{libs}")
            }
        };
        argv.extend(["-cp".to_owned(), class_path]);
        argv.push(self.program.class().to_owned());
        argv.push(self.config.to_string());
        argv
    }

    /// The flags for the log of garbage collections.
    fn gc_log(&self, java_major: u32, size: &str) -> Vec<String> {
        let file = self
            .log_dir
            .join(format!("{}-gc.log", self.program.console()));
        if java_major >= 9 {
            return vec![format!(
                "-Xlog:gc*:file={file}:time,tags:filecount=10,filesize={size}"
            )];
        }
        let mut flags = vec![format!("-Xloggc:{file}")];
        flags.extend(GC_LOG_OF_JAVA_8.iter().map(|&flag| flag.to_owned()));
        flags
    }
}

/// What the digest is made of.
#[derive(Serialize)]
struct Made<'a> {
    argv: &'a [String],
    env: &'a Map<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    secret_env: Map<Digest>,
    jars: &'a Jars,
    settings: &'a Map<String>,
}

/// The environment of a server: the same whoever runs krun.
pub(super) fn env() -> Map<String> {
    [
        ("LANG", "C.UTF-8"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(product: &Product, program: Program, java_major: u32) -> Vec<String> {
        let heap = Heap::parse("512m").unwrap();
        let server = Server {
            program,
            home: "/k".into(),
            java: "/j/bin/java",
            heap: &heap,
            config: "/k/config/server-1.properties".into(),
            log_dir: "/k/logs/1".into(),
            grace_ms: 60_000,
            env: &Map::new(),
        };
        server.argv(product, java_major)
    }

    fn broker(version: &str, java_major: u32) -> Vec<String> {
        let product = versions::find(version).unwrap().product();
        argv(&product, Program::Broker, java_major)
    }

    #[test]
    fn a_brokers_command() {
        insta::assert_snapshot!(broker("3.9.1", 17).join("\n"), @r"
        /j/bin/java
        -Xmx512m
        -Xms512m
        -server
        -XX:+UseG1GC
        -XX:MaxGCPauseMillis=20
        -XX:InitiatingHeapOccupancyPercent=35
        -XX:+ExplicitGCInvokesConcurrent
        -XX:MaxInlineLevel=15
        -Djava.awt.headless=true
        -Xlog:gc*:file=/k/logs/1/kafkaServer-gc.log:time,tags:filecount=10,filesize=100M
        -Dkafka.logs.dir=/k/logs/1
        -Dlog4j.configuration=file:/k/config/log4j.properties
        -cp
        /k/libs/*
        kafka.Kafka
        /k/config/server-1.properties
        ");
        assert!(broker("3.9.1", 8).contains(&"-XX:+PrintGCDateStamps".to_owned()));
        let old = broker("1.0.0", 17);
        assert!(!old.contains(&"-XX:MaxInlineLevel=15".to_owned()));
        assert!(!old.iter().any(|flag| flag.contains("PrintGC")), "{old:?}");
    }

    #[test]
    fn a_zookeeper_of_its_own() {
        let product = versions::zookeeper::find("3.9.0").unwrap().product();
        insta::assert_snapshot!(argv(&product, Program::ZooKeeper, 17).join("\n"), @r"
        /j/bin/java
        -Xmx512m
        -Xms512m
        -XX:+HeapDumpOnOutOfMemoryError
        -XX:OnOutOfMemoryError=kill -9 %p
        -Dzookeeper.log.dir=/k/logs/1
        -Dzookeeper.log.file=zookeeper.log
        -cp
        /k/conf:/k/libs/*
        org.apache.zookeeper.server.quorum.QuorumPeerMain
        /k/config/server-1.properties
        ");
    }
}
