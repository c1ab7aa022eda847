//! What `krun status` shows to people and to programs.

use insta::assert_snapshot;

use super::*;
use crate::{
    Style, Verbosity,
    samples::{BEGAN, address, narrow, who},
};

fn view() -> StatusView {
    let step = |name: &str, kind: &str, state, detail: Option<&str>| StatusStep {
        address: address(name),
        kind: kind.to_owned(),
        state,
        detail: detail.map(str::to_owned),
    };
    let process = |name: &str, pid, state, endpoint: Option<&str>| StatusProcess {
        step: address(name),
        pid,
        state,
        endpoint: endpoint.map(str::to_owned),
        log: format!("/srv/k/logs/{}.log", name.replace('/', "-")),
    };
    StatusView {
        deployment: "staging".parse().unwrap(),
        runbook: Some("/work/cluster.rhai".into()),
        root: Some("/srv/k".into()),
        summary: "1 step drifted, 1 process is not running".into(),
        last_run: Some(StatusRun {
            id: RunId(3),
            verb: Verb::Run,
            status: Some(RunStatus::Succeeded),
            started_ms: BEGAN,
            duration_ms: Some(4_200),
        }),
        steps: vec![
            step("java", "package", StepState::Found, None),
            step(
                "zookeeper-1/config",
                "properties",
                StepState::AsWanted,
                None,
            ),
            step(
                "broker-1/config",
                "properties",
                StepState::Drifted,
                Some("num.partitions: 1 → 3"),
            ),
            step("demo/records", "kafka::produce", StepState::Pending, None),
        ],
        processes: vec![
            process(
                "zookeeper-1/start",
                Some(4242),
                ProcessState::Running,
                Some("127.0.0.1:2181"),
            ),
            process("broker-1/start", None, ProcessState::Stopped, None),
        ],
        holder: Some(who()),
    }
}

#[test]
fn normal() {
    assert_snapshot!(status_text(&view(), Style::default()), @r#"
    staging: 1 step drifted, 1 process is not running
      runbook   /work/cluster.rhai
      root      /srv/k
      last run  3 (run) succeeded after 4.2 s, started 2026-11-21T09:11:05Z
      held by   ana@build-1, krun's pid 4711

    steps
      ! broker-1/config  properties      drifted: num.partitions: 1 → 3
      ! demo/records     kafka::produce  not done yet
      · 2 steps as wanted

    process             pid  state    listens at      log
    zookeeper-1/start  4242  running  127.0.0.1:2181  /srv/k/logs/zookeeper-1-start.log
    broker-1/start           stopped                  /srv/k/logs/broker-1-start.log
    "#);
}

#[test]
fn verbose_ascii() {
    let style = Style {
        verbosity: Verbosity::Verbose,
        ..narrow()
    };
    assert_snapshot!(status_text(&view(), style), @r#"
    staging: 1 step drifted, 1 process is not
             running
      runbook   /work/cluster.rhai
      root      /srv/k
      last run  3 (run) succeeded after 4.2 s,
                started 2026-11-21T09:11:05Z
      held by   ana@build-1, krun's pid 4711

    steps
      . java                package
          found as wanted
      . zookeeper-1/config  properties      as
          wanted
      ! broker-1/config     properties
          drifted: num.partitions: 1 -> 3
      ! demo/records        kafka::produce  not
          done yet

    process             pid  state    listens at      log
    zookeeper-1/start  4242  running  127.0.0.1:2181  /srv/k/logs/zookeeper-1-start.log
    broker-1/start           stopped                  /srv/k/logs/broker-1-start.log
    "#);
}

#[test]
fn before_the_first_run() {
    let view = StatusView {
        runbook: None,
        root: None,
        summary: "nothing was done yet".into(),
        last_run: None,
        steps: vec![],
        processes: vec![],
        holder: None,
        ..view()
    };
    assert_snapshot!(status_text(&view, Style::default()), @r#"
    staging: nothing was done yet
      last run  none
    "#);
}

#[test]
fn as_json() {
    let mut view = view();
    view.steps.drain(..2);
    view.processes.truncate(1);
    assert_snapshot!(serde_json::to_string_pretty(&view).unwrap(), @r#"
    {
      "deployment": "staging",
      "runbook": "/work/cluster.rhai",
      "root": "/srv/k",
      "summary": "1 step drifted, 1 process is not running",
      "last_run": {
        "id": 3,
        "verb": "run",
        "status": "succeeded",
        "started_ms": 1795252265123,
        "duration_ms": 4200
      },
      "steps": [
        {
          "address": "broker-1/config",
          "kind": "properties",
          "state": "drifted",
          "detail": "num.partitions: 1 → 3"
        },
        {
          "address": "demo/records",
          "kind": "kafka::produce",
          "state": "pending",
          "detail": null
        }
      ],
      "processes": [
        {
          "step": "zookeeper-1/start",
          "pid": 4242,
          "state": "running",
          "endpoint": "127.0.0.1:2181",
          "log": "/srv/k/logs/zookeeper-1-start.log"
        }
      ],
      "holder": {
        "user": "ana",
        "host": "build-1",
        "pid": 4711,
        "krun": "0.1.0"
      }
    }
    "#);
}
