//! Shipped runbooks that use plugins, under schedules of faults: on a simulated cluster that the single-host
//! runbook left and that somebody else sees to, or asking web pages that answer.

use std::{fs, path::Path};

use krun_tests::lab::{Done, Lab, repository};
use serde_json::Value;

use super::{add, component, flat};

/// The grants for a server of the cluster.
const LOOKS: &str = "kafka:127.0.0.1:9091";
const CHANGES: &str = "change-kafka:127.0.0.1:9091";
const SEEDS: &str = "10000";

/// A shipped runbook with its plugin and what that may do.
struct Shipped {
    lab: Lab,
    runbook: String,
    /// Where it is simulated.
    on: Vec<String>,
}

impl Shipped {
    fn new(runbook: &str, plugin: &Path, grants: &[&str]) -> Self {
        let lab = Lab::new(0);
        for name in [runbook, "single-host-3-broker"] {
            let file = format!("{name}.rhai");
            let shipped = repository().join("runbooks").join(&file);
            fs::copy(shipped, lab.path(&file)).expect("a shipped runbook");
        }
        let grants: Vec<_> = grants.iter().map(|grant| (*grant).to_owned()).collect();
        add(&lab, &lab.path(""), plugin, &grants).expect(0);
        let runbook = format!("{runbook}.rhai");
        let on = vec![];
        Self { lab, runbook, on }
    }

    fn on_a_cluster(runbook: &str, plugin: &Path, grants: &[&str]) -> Self {
        let on = ["--after", "single-host-3-broker.rhai"].map(str::to_owned);
        Self {
            on: on.into(),
            ..Self::new(runbook, plugin, grants)
        }
    }

    fn simulate(&self, more: &[&str]) -> Done {
        let first = ["simulate", &self.runbook];
        let on: Vec<_> = self.on.iter().map(String::as_str).collect();
        self.lab.run(&[&first, &on[..], more].concat())
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
    Shipped::on_a_cluster("topic-with-policy", &component("topic-policy"), &[LOOKS])
        .holds(&["topic=orders"]);
}

#[test]
fn quotas_of_clients() {
    let plugin = component("client-quota");
    let shipped = Shipped::on_a_cluster("client-quotas", &plugin, &[LOOKS, CHANGES]);
    shipped.holds(&["client_ids=a,b"]);
    let one = ["--param", "client_ids=a,b", "--seed", "7"];
    let told = shipped.simulate(&one).expect(0).out();
    assert!(told.contains("alter settings of clients"), "{told}");
    let again = shipped.simulate(&one).expect(0).out();
    assert_eq!(again, told, "a seed is one schedule");
}

/// A plugin in Python; called by the test that has built it.
pub(super) fn a_topic_of_a_size(capacity: &Path) {
    let shipped = Shipped::on_a_cluster("sized-topic", capacity, &[LOOKS]);
    shipped.holds(&["topic=sized", "write_mb_s=40"]);
}

const UI: &str = "http://127.0.0.1:8080/health";
const API: &str = "https://api.example/ready";

/// A plugin in JavaScript; called by the test that has built it.
pub(super) fn services_that_answer(http_health: &Path) {
    let grants = ["http:127.0.0.1:8080", "http:api.example:443"];
    let mut shipped = Shipped::new("services-answer", http_health, &grants);
    let services = format!("services=ui={UI},api={API}");
    let params = ["--param", &services, "--param", "contains=UP"];
    // Nothing answers at the second.
    shipped.on = vec!["--answers".into(), format!("{UI}=200:UP")];
    let said = flat(&shipped.simulate(&params).expect(1).err());
    for part in [
        "even undisturbed",
        "there is no answer: io: Connection refused (os error 111)",
        &format!("Nothing answers at {API}: say what does with `--answers '{API}=STATUS:TEXT'`."),
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    shipped
        .on
        .extend(["--answers".into(), format!("{API}=200:all UP")]);
    shipped.holds(&[&services, "contains=UP"]);
    // An outage is waited for or fails a run, and a seed is one schedule.
    let outage = ["--faults", "outage,delay", "--seed"];
    let mut went = [0, 0];
    for seed in 0..20 {
        let seed = seed.to_string();
        let one = [&params[..], &outage[..], &[&seed]].concat();
        let told = shipped.simulate(&one).expect(0).out();
        let again = shipped.simulate(&one).expect(0).out();
        assert_eq!(again, told, "seed {seed}");
        let ways = [
            "refuses connections for",
            "is unavailable for",
            "says nothing for",
        ];
        let went_away = ways.iter().any(|way| told.contains(way));
        let failed = told.contains("  Failed a service does not answer as it should");
        went[usize::from(failed)] += usize::from(went_away);
    }
    assert!(went.iter().all(|times| *times > 0), "{went:?}");
}

/// What a plugin may reach decides: a command that no simulated machine has is not pretended.
#[test]
fn what_reaches_more_is_refused_by_name() {
    let plugin = component("topic-policy");
    let grants = [LOOKS, "http:127.0.0.1:9091", "command:df -k *"];
    let shipped = Shipped::on_a_cluster("topic-with-policy", &plugin, &grants);
    let said = shipped
        .simulate(&["--param", "topic=orders"])
        .expect(2)
        .err();
    assert!(
        said.contains("allowed: topic_policy::check_topic"),
        "{said}"
    );
}
