//! `team-topics`: what its parameters can't be, and its topics on a real broker.

use super::*;
use crate::topics::tool;

#[test]
fn teams_that_can_not_be() {
    let lab = Lab::new(0);
    let file = lab.path("team-topics.wasm");
    fs::copy(component("team-topics"), &file).expect("a copy");
    for (team, topics, wrong) in [
        ("shop", "orders:6", "it has not three parts"),
        (
            "shop",
            "orders:600:7d",
            "its partitions are no number from 1 to 96",
        ),
        ("shop", "orders:6:7w", "its retention is neither"),
        (
            "shop",
            "orders:6:7d,orders:3:1d",
            "another one has the same name",
        ),
        (
            "shop",
            "or_ders:6:7d",
            "`or_ders` can't be the name of a team or of a topic",
        ),
        ("Shop", "orders:6:7d", "parameter team"),
        ("", "orders:6:7d", "krun::param-range"),
    ] {
        let done = lab.run(&[
            "check",
            file.to_str().expect("UTF-8"),
            "--param",
            "bootstrap=127.0.0.1:1",
            "--param",
            &format!("team={team}"),
            "--param",
            &format!("topics={topics}"),
        ]);
        assert_ne!(done.code(), 0, "{topics}");
        holds(&flat(&done.err()), &[wrong]);
    }
}

/// On a real broker: topics are there as listed, a second run changes nothing, another retention is one change,
/// and a rollback leaves nothing.
#[test]
fn topics_of_a_team() {
    let cluster = Cluster::of_one(1);
    cluster.run().expect(0);
    let lab = &cluster.lab;
    fs::create_dir_all(lab.path("books")).expect("a folder");
    let file = "books/team-topics.wasm";
    fs::copy(component("team-topics"), lab.path(file)).expect("a copy");
    let bootstrap = format!("bootstrap={}", cluster.bootstrap());
    let inventory = format!("inventory={}", lab.path("lists/TOPICS").display());
    let on = |verb: &str, topics: &str| {
        let topics = format!("topics={topics}");
        let mut arguments = vec![verb, file, "--json", "--param", &bootstrap];
        arguments.extend(["--param", &inventory, "--param", "team=shop"]);
        arguments.extend(["--param", "replication_factor=1", "--param", &topics]);
        lab.run(&arguments)
    };
    let described = || tool(&cluster, "kafka-topics.sh", &["--describe"]);
    // A folder is where the list belongs. The run goes on with what it pinned, and needs no component for that.
    lab.write("lists/TOPICS/in the way", "x");
    let failed = on("run", "orders:6:7d,audit:1:forever");
    assert_ne!(failed.code(), 0, "{}", failed.out());
    fs::remove_dir_all(lab.path("lists/TOPICS")).expect("a way");
    fs::write(lab.path(file), "something else").expect("another file");
    lab.run(&["resume", "team-topics"]).expect(0);
    fs::copy(component("team-topics"), lab.path(file)).expect("a copy");
    let shown = described();
    holds(
        &shown,
        &[
            "shop.orders",
            "PartitionCount: 6",
            "retention.ms=604800000",
            "retention.ms=-1",
        ],
    );
    assert_eq!(
        text(lab, "lists/TOPICS"),
        "Topics of shop\n\nshop.orders: partitions 6, retention.ms 604800000\nshop.audit: partitions 1, retention.ms -1\n"
    );
    let again = on("run", "orders:6:7d,audit:1:forever").expect(0);
    assert_eq!(again.finished()["changed"], 0);
    let other = on("run", "orders:6:24h,audit:1:forever").expect(0);
    assert_eq!(other.changes().len(), 2, "{:?}", other.changes());
    holds(&described(), &["retention.ms=86400000"]);
    lab.run(&["rollback", "team-topics", "--yes"]).expect(0);
    assert!(!described().contains("shop."), "{}", described());
    assert!(!lab.path("lists/TOPICS").exists());
}
