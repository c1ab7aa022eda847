//! Shipped runbooks that use plugins, under schedules of faults: on a simulated cluster that the single-host
//! runbook left, and that somebody else sees to.

use std::{fs, path::Path};

use krun_tests::lab::{Done, Lab, repository};
use serde_json::Value;

use super::{add, component};

const SERVER: &str = "127.0.0.1:9091";
const SEEDS: &str = "10000";

/// A shipped runbook with its plugin and what that may do.
struct Shipped {
    lab: Lab,
    runbook: String,
}

impl Shipped {
    fn new(runbook: &str, plugin: &Path, grants: &[&str]) -> Self {
        let lab = Lab::new(0);
        for name in [runbook, "single-host-3-broker"] {
            let file = format!("{name}.rhai");
            let shipped = repository().join("runbooks").join(&file);
            fs::copy(shipped, lab.path(&file)).expect("a shipped runbook");
        }
        let grants: Vec<_> = grants
            .iter()
            .map(|verb| format!("{verb}:{SERVER}"))
            .collect();
        add(&lab, &lab.path(""), plugin, &grants).expect(0);
        let runbook = format!("{runbook}.rhai");
        Self { lab, runbook }
    }

    fn simulate(&self, more: &[&str]) -> Done {
        let first = ["simulate", &self.runbook];
        let before = ["--after", "single-host-3-broker.rhai"];
        self.lab.run(&[&first, &before, more].concat())
    }

    /// Every promise holds in so many schedules.
    #[track_caller]
    fn holds(&self, params: &[&str]) {
        let params = params.iter().flat_map(|param| ["--param", param]);
        let more: Vec<_> = params.chain(["--seeds", SEEDS, "--json"]).collect();
        let done = self.simulate(&more);
        let told: Value =
            serde_json::from_str(&done.out()).unwrap_or_else(|_| panic!("{}", done.err()));
        assert_eq!(told["broken"], Value::Null, "{told:#}");
        assert_eq!(told["seeds"].to_string(), SEEDS);
    }
}

#[test]
fn a_topic_that_keeps_to_a_policy() {
    Shipped::new("topic-with-policy", &component("topic-policy"), &["kafka"])
        .holds(&["topic=orders"]);
}

#[test]
fn quotas_of_clients() {
    let shipped = Shipped::new(
        "client-quotas",
        &component("client-quota"),
        &["kafka", "change-kafka"],
    );
    shipped.holds(&["client_ids=a,b"]);
    let one = ["--param", "client_ids=a,b", "--seed", "7"];
    let told = shipped.simulate(&one).expect(0).out();
    assert!(told.contains("alter settings of clients"), "{told}");
    let again = shipped.simulate(&one).expect(0).out();
    assert_eq!(again, told, "a seed is one schedule");
}

/// A plugin in Python; called by the test that has built it.
pub(super) fn a_topic_of_a_size(capacity: &Path) {
    let shipped = Shipped::new("sized-topic", capacity, &["kafka"]);
    shipped.holds(&["topic=sized", "write_mb_s=40"]);
}

/// What a plugin may reach decides: a server that no simulated machine has is not pretended.
#[test]
fn what_reaches_more_is_refused_by_name() {
    let shipped = Shipped::new(
        "topic-with-policy",
        &component("topic-policy"),
        &["kafka", "http"],
    );
    let said = shipped
        .simulate(&["--param", "topic=orders"])
        .expect(2)
        .err();
    assert!(
        said.contains("allowed: topic_policy::check_topic"),
        "{said}"
    );
}
