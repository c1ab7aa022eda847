//! Projects of one's own, from `krun plugin new` to a rollback, by the commands of the book: step kinds in each
//! language, and a whole runbook in Rust. Those in the other languages are in `own`.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::symlink,
    thread,
};

use super::{
    hostile::holds,
    typed::{PYTHON, Shell, commands},
    *,
};
use crate::cluster::kcat;

/// Types what the book types, with a server of the test's own for each that it names; what each command printed.
/// Rust is built where other guests are, since most of it is the standard library.
#[track_caller]
fn typed(lab: &Lab, shell: &mut Shell, heading: &str, servers: &[(&str, &str)]) -> Vec<String> {
    let mut said = vec![];
    for mut command in commands(heading) {
        for (named, real) in servers {
            command = command.replace(named, real);
        }
        said.push(shell.types(&command));
        if let Some(new) = command.strip_prefix("krun plugin new ") {
            let name = new.split(' ').next().unwrap_or_default();
            fs::create_dir_all(guests_target()).expect("a folder");
            if !new.contains("--lang") {
                symlink(guests_target(), lab.path(name).join("target")).expect("a link");
            }
        }
    }
    said
}

#[test]
fn kinds_in_rust() {
    let lab = Lab::new(0);
    let mut shell = Shell::with(&lab, &[]);
    let said = typed(&lab, &mut shell, "Writing one in Rust", &[]);
    let [_, _, _, add, plan, run, again, _] = said.as_slice() else {
        panic!("the book types something else: {said:#?}");
    };
    holds(add, &["may change", "/racks"]);
    holds(plan, &["another owner is named", "rack-aware 0.1.0"]);
    holds(run, &["1 changed, 0 unchanged, 0 failed"]);
    holds(again, &["0 changed, 1 unchanged, 0 failed"]);
    assert!(!lab.path("racks/OWNER").exists(), "it was taken back");
}

#[test]
fn a_runbook_in_rust() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=1").run().expect(0);
    let (lab, at) = (&cluster.lab, cluster.bootstrap());
    let mut shell = Shell::with(lab, &[]);
    let servers = [("127.0.0.1:9091", &*at)];
    let said = typed(lab, &mut shell, "A whole runbook in Rust", &servers);
    let [_, _, _, plan, run, again, other, rollback] = said.as_slice() else {
        panic!("the book types something else: {said:#?}");
    };
    holds(plan, &["topic/shop.orders", "may: nothing"]);
    holds(run, &["1 changed, 0 unchanged, 0 failed"]);
    holds(again, &["0 changed, 1 unchanged, 0 failed"]);
    holds(other, &["1 changed, 0 unchanged, 0 failed"]);
    holds(rollback, &["shop.orders"]);
    let left = kcat(&["-b", &at, "-L"]);
    assert!(!left.contains("shop.orders"), "{left}");
}

/// What the test of kinds in JavaScript types after it has built them.
#[track_caller]
pub(super) fn kinds_in_javascript(lab: &Lab, shell: &mut Shell) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = server.local_addr().expect("an address").to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a request");
        let mut head = [0; 4096];
        let _ = stream.read(&mut head);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nUP";
        stream.write_all(answer.as_bytes()).expect("an answer");
    });
    let said = typed(lab, shell, "In JavaScript", &[("127.0.0.1:8080", &at)]);
    answering.join().expect("the server");
    let [new, install, build, add, plan, run] = said.as_slice() else {
        panic!("the book types something else: {said:#?}");
    };
    holds(new, &["http-health/plugin.js", "npm install"]);
    let _ = (install, build);
    holds(add, &["is compiled, once", "may send requests to"]);
    holds(plan, &["http-health 0.1.0"]);
    holds(run, &["0 changed, 1 unchanged, 0 failed"]);
}

/// Likewise in Python.
#[track_caller]
pub(super) fn kinds_in_python(cluster: &Cluster) {
    let (lab, at) = (&cluster.lab, cluster.bootstrap());
    let mut shell = Shell::with(lab, PYTHON);
    let said = typed(lab, &mut shell, "In Python", &[("127.0.0.1:9091", &at)]);
    let [_, new, _, _, add, plan, run, again, rollback] = said.as_slice() else {
        panic!("the book types something else: {said:#?}");
    };
    holds(new, &["capacity/plugin.py", "pip install"]);
    holds(add, &["is compiled, once", "may look at the cluster at"]);
    holds(plan, &["capacity 0.1.0"]);
    holds(run, &["1 changed, 1 unchanged, 0 failed"]);
    holds(again, &["0 changed, 2 unchanged, 0 failed"]);
    holds(rollback, &["topic sized"]);
}
