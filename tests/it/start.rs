//! `krun start`: processes are started with what they were started with before, whatever is in the
//! environment of whoever starts them.

use std::{collections::BTreeMap, fs};

use krun_tests::lab::Done;

use crate::cluster::Cluster;

/// What each process was told by krun: its command line, and all of its environment.
fn told(cluster: &Cluster) -> BTreeMap<String, (String, Vec<String>)> {
    let read = |pid: u32, what: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{what}")).expect("it runs");
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    };
    let all = cluster.lab.pids().into_iter().map(|(step, pid)| {
        let environ = read(pid, "environ");
        let mut environ: Vec<String> = environ.lines().map(str::to_owned).collect();
        environ.sort();
        (step, (read(pid, "cmdline"), environ))
    });
    all.collect()
}

/// Servers that ran on one Java are not started on another because `krun start` is given where that is the
/// one to be found; so the next run has no reason to restart them.
#[test]
fn another_java_in_the_environment_changes_nothing() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=1");
    cluster.run().expect(0);
    let before = told(&cluster);
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(cluster.starts(".properties"), 2);
    cluster.lab.run(&["stop"]).expect(0);
    assert!(cluster.lab.pids().is_empty());
    for home in [None, Some("/nowhere")] {
        let mut start = cluster.lab.krun(&["start", "--json"]);
        match home {
            None => start.env_remove("JAVA_HOME"),
            Some(home) => start.env("JAVA_HOME", home),
        };
        Done::of(start).expect(0);
        assert_eq!(told(&cluster), before, "JAVA_HOME={home:?}");
        assert_eq!(
            cluster.starts(".properties"),
            if home.is_none() { 4 } else { 6 },
            "the program is that of the first start"
        );
        let again = cluster.run().expect(0);
        assert_eq!(again.finished()["changed"], 0, "{}", again.out());
        cluster.lab.run(&["stop"]).expect(0);
    }
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!cluster.root().exists());
}
