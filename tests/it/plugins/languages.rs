//! Plugins in JavaScript and Python: built by the compilers of their languages, run like any other.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::{
    typed::{NODE, Shell},
    *,
};
use crate::cluster::kcat;

/// From a new project of the plugin's own name, which is therefore the plugin, by the commands that krun names.
#[test]
fn javascript() {
    let lab = Lab::new(0);
    let mut shell = Shell::with(&lab, NODE);
    projects::kinds_in_javascript(&lab, &mut shell);
    let component = lab.path("http-health/target/http-health.component.wasm");
    for file in ["plugin.js", "package.json"] {
        let shipped = fs::read_to_string(repository().join("plugins/http-health").join(file));
        let own = text(&lab, &format!("http-health/{file}"));
        assert_eq!(own, shipped.expect("the plugin").replace("../wit", "wit"));
    }

    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    // It is up at the second question.
    let answering = thread::spawn(move || {
        for body in ["DOWN", "UP"] {
            let (mut stream, _) = server.accept().expect("a request");
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    add(
        &lab,
        &lab.path(""),
        &component,
        &[format!("http:127.0.0.1:{port}")],
    )
    .expect(0);
    let asks = |port: u16, contains: &str| {
        let step = format!(
            "http_health::answers(\"up\", #{{ url: \"http://127.0.0.1:{port}/health\", contains: [\"{contains}\"], attempts: 5 }});"
        );
        runbook(&lab, "http-health", &step);
    };
    asks(port, "UP");
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    answering.join().expect("the server");
    assert!(done.out().contains("\"attempts\":2"), "{}", done.out());
    let again = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 0);
    lab.run(&["rollback", "test", "--yes"]).expect(0);
    // The shipped runbook, with a service that is up at once.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let answering = thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a request");
        let mut head = [0; 4096];
        let _ = stream.read(&mut head);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nUP";
        stream.write_all(answer.as_bytes()).expect("an answer");
    });
    let grants = [format!("http:127.0.0.1:{port}")];
    add(&lab, &lab.path(""), &component, &grants).expect(0);
    let shipped = repository().join("runbooks/services-answer.rhai");
    fs::copy(shipped, lab.path("services-answer.rhai")).expect("the runbook");
    let services = format!("services=ui=http://127.0.0.1:{port}/health");
    let arguments = [
        "run",
        "services-answer.rhai",
        "--json",
        "--param",
        &services,
    ];
    let done = lab.run(&[&arguments[..], &["--param", "contains=UP"]].concat());
    assert_eq!(done.expect(0).finished()["failed"], 0);
    answering.join().expect("the server");
    asks(1, "UP");
    let said = flat(&lab.run(&["run", "test.rhai"]).expect(1).err());
    assert!(
        said.contains("may not send requests to 127.0.0.1:1"),
        "{said}"
    );
    runbook(
        &lab,
        "http-health",
        "http_health::answers(\"up\", #{ url: \"ftp://x\" });",
    );
    let said = flat(&lab.run(&["check", "test.rhai"]).expect(3).err());
    assert!(said.contains("a service is asked by HTTP"), "{said}");
    simulated::services_that_answer(&component);
}

#[test]
fn python() {
    let mut cluster = Cluster::of_one(2);
    cluster.set("records=5").run().expect(0);
    projects::kinds_in_python(&cluster);
    let lab = &cluster.lab;
    let component = lab.path("capacity/target/capacity.component.wasm");
    let bootstrap = cluster.bootstrap();
    let folder = lab.path("books");
    fs::create_dir_all(&folder).expect("a folder");
    add(lab, &folder, &component, &[format!("kafka:{bootstrap}")]).expect(0);
    let sizes = |more: &str| {
        let text = format!(
            "runbook(#{{ name: \"size\", version: \"1\", summary: \"a test\" }});\nuse_plugin(\"capacity\");\n\
             capacity::partitions(\"size\", #{{ bootstrap: [\"{bootstrap}\"], {more} }});\n"
        );
        fs::write(folder.join("size.rhai"), text).expect("a runbook");
    };
    // 120 MB/s and half as much again, at 10 MB/s a partition.
    sizes("write_mb_s: 120");
    let done = lab.run(&["run", "books/size.rhai", "--json"]).expect(0);
    assert!(done.out().contains("\"partitions\":18"), "{}", done.out());
    sizes("write_mb_s: 120, topic: \"test\"");
    let said = flat(&lab.run(&["run", "books/size.rhai"]).expect(1).err());
    assert!(
        said.contains("it has 2 partitions, and 18 are needed for what producers write"),
        "{said}"
    );
    // The shipped runbook makes a topic of that size.
    let shipped = repository().join("runbooks/sized-topic.rhai");
    fs::copy(shipped, folder.join("sized-topic.rhai")).expect("the runbook");
    let at = format!("bootstrap={bootstrap}");
    let mut arguments = vec!["run", "books/sized-topic.rhai", "--param", &at];
    for param in ["topic=sized", "write_mb_s=40", "replication_factor=1"] {
        arguments.extend(["--param", param]);
    }
    lab.run(&arguments).expect(0);
    let shown = kcat(&["-b", &bootstrap, "-L", "-t", "sized"]);
    assert!(
        shown.contains("topic \"sized\" with 6 partitions"),
        "{shown}"
    );
    lab.run(&["rollback", "sized-topic", "--yes"]).expect(0);
    sizes("write_mb_s: 0");
    let said = flat(&lab.run(&["check", "books/size.rhai"]).expect(3).err());
    assert!(said.contains("`write_mb_s` is at least 1"), "{said}");
    simulated::a_topic_of_a_size(&component);
}
