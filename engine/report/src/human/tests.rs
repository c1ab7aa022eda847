//! What a reader of a run sees, in plain lines and on a terminal.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use krun_model::{Event, Reporter};

use super::{HumanReporter, live::Pulse, tree::Tree};
use crate::{
    Style, Verbosity,
    samples::{Closed, events, narrow, rollback_events},
};

mod screen;

/// A writer whose bytes can be looked at.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(style: Style, events: &[Event]) -> String {
    let out = Shared::default();
    let mut reporter = HumanReporter::new(style, out.clone());
    events.iter().for_each(|event| reporter.event(event));
    assert!(reporter.error().is_none());
    drop(reporter);
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn verbosity(verbosity: Verbosity) -> Style {
    Style {
        verbosity,
        ..Style::default()
    }
}

#[test]
fn plain_lines() {
    assert_snapshot!(written(Style::default(), &events()), @r#"
    run 3 of staging, going on where it was interrupted
      ! probed zookeeper-1/dir  /srv/zk-1 after an interruption: it was made
    plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to prove, 3 as wanted
    no longer in the runbook: broker-7/config, broker-7/start; they stay until a run with --prune, or
                              rollback
    ZooKeeper
      ▸ start  zookeeper-1/config  create: the file is not there
      ✓ done   zookeeper-1/config  created in 0.03 s
    Brokers
      ▸ start  broker-1/config     update: 2 properties differ
      ✓ done   broker-1/config     updated in 0.01 s: 2 properties differ
      ▸ start  broker-1/start      restart: because of broker-1/config (update)
    Proof
      ▸ start  demo/describe       prove: never proven before
      ✓ done   demo/describe       proved in 0.40 s
          partitions: 2
          demo  0  leader 1  in sync 1,2
          demo  1  leader 2  in sync 1,2
    Brokers
      ✗ failed broker-1/start      failed after 2.3 s
          error[krun::port-taken]: the broker cannot listen on its port
            at: 127.0.0.1:9092
            why: java (pid 4242, user kafka) listens there since before this run
            | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
            | java -Xmx1g kafka.Kafka /srv/old/server.properties
            help: Stop that process, or take it over with `krun adopt broker-1/start`.
            help: Or choose another port with `--param port=9192`.
    Proof
      ○ skip   demo/records        skipped: broker-1/start failed
    · 3 steps as wanted (1 found so, and left alone)
    failed after 4.2 s: 2 changed, 3 unchanged, 1 failed, 1 skipped
    failed steps: broker-1/start
    "#);
}

#[test]
fn plain_ascii_and_narrow() {
    assert_snapshot!(written(narrow(), &events()[..10]), @r#"
    run 3 of staging, going on where it was interrupted
      ! probed zookeeper-1/dir  /srv/zk-1 after
          an interruption: it was made
    plan: 1 to create, 1 to update, 1 to
          restart, 1 to delete, 1 act to do, 1
          to prove, 3 as wanted
    no longer in the runbook: broker-7/config,
          broker-7/start; they stay until a run
          with --prune, or rollback
    ZooKeeper
      > start  zookeeper-1/config  create: the
          file is not there
      * done   zookeeper-1/config  created in
          0.03 s
    Brokers
      > start  broker-1/config     update: 2
          properties differ
      * done   broker-1/config     updated in
          0.01 s: 2 properties differ
    "#);
}

#[test]
fn verbose() {
    assert_snapshot!(written(verbosity(Verbosity::Verbose), &events()[..14]), @r#"
    run 3 of staging, going on where it was interrupted
      ! probed zookeeper-1/dir  /srv/zk-1 after an interruption: it was made
    plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to prove, 3 as wanted
    no longer in the runbook: broker-7/config, broker-7/start; they stay until a run with --prune, or
                              rollback
      · same   java                unchanged: found as wanted; krun leaves it alone
    ZooKeeper
      · same   zookeeper-1/dir     unchanged: as wanted
      ▸ start  zookeeper-1/config  create: the file is not there
      ✓ done   zookeeper-1/config  created in 0.03 s
      · same   zookeeper-1/myid    unchanged: as wanted
    Brokers
      ▸ start  broker-1/config     update: 2 properties differ
      ✓ done   broker-1/config     updated in 0.01 s: 2 properties differ
      ▸ start  broker-1/start      restart: because of broker-1/config (update)
      ▸ ...    broker-1/start      waiting for id 1 to register
    Proof
      ▸ start  demo/describe       prove: never proven before
      ✓ done   demo/describe       proved in 0.40 s
          partitions: 2
          demo  0  leader 1  in sync 1,2
          demo  1  leader 2  in sync 1,2
    "#);
}

#[test]
fn quiet() {
    let style = verbosity(Verbosity::Quiet);
    assert_snapshot!(written(style, &events()), @r#"
    Brokers
      ✗ failed broker-1/start      failed after 2.3 s
          error[krun::port-taken]: the broker cannot listen on its port
            at: 127.0.0.1:9092
            why: java (pid 4242, user kafka) listens there since before this run
            | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
            | java -Xmx1g kafka.Kafka /srv/old/server.properties
            help: Stop that process, or take it over with `krun adopt broker-1/start`.
            help: Or choose another port with `--param port=9192`.
    failed after 4.2 s: 2 changed, 3 unchanged, 1 failed, 1 skipped
    failed steps: broker-1/start
    "#);
    assert_eq!(written(style, &rollback_events()), "");
}

#[test]
fn rollback() {
    assert_snapshot!(written(Style::default(), &rollback_events()), @r#"
    rollback of staging (run 4)
      ✓ undone broker-1/start  process broker-1/start: stopped
      ✓ undone broker-1/config  /srv/k/server.properties: restored
    rollback succeeded in 1 min 12 s: 2 changed, 0 unchanged, 0 failed
    "#);
}

#[test]
fn a_terminal_after_the_run() {
    let style = Style {
        live: true,
        width: 76,
        ..Style::default()
    };
    let bytes = written(style, &events());
    assert_snapshot!(screen::show(&bytes, 76), @r#"
    run 3 of staging, going on where it was interrupted
      ! zookeeper-1/dir  /srv/zk-1 after an interruption: it was made
    plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to
          prove, 3 as wanted
    no longer in the runbook: broker-7/config, broker-7/start; they stay until a
                              run with --prune, or rollback
    ZooKeeper
      ✓ zookeeper-1/config  created in 0.03 s
    Brokers
      ✓ broker-1/config     updated in 0.01 s: 2 properties differ
    Proof
      ✓ demo/describe       proved in 0.40 s
          partitions: 2
          demo  0  leader 1  in sync 1,2
          demo  1  leader 2  in sync 1,2
    Brokers
      ✗ broker-1/start      failed after 2.3 s
          error[krun::port-taken]: the broker cannot listen on its port
            at: 127.0.0.1:9092
            why: java (pid 4242, user kafka) listens there since before this run
            | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
            | java -Xmx1g kafka.Kafka /srv/old/server.properties
            help: Stop that process, or take it over with
                  `krun adopt broker-1/start`.
            help: Or choose another port with `--param port=9192`.
    Proof
      ○ demo/records        skipped: broker-1/start failed
    · 3 steps as wanted (1 found so, and left alone)
    failed after 4.2 s: 2 changed, 3 unchanged, 1 failed, 1 skipped
    failed steps: broker-1/start
    "#);
}

#[test]
fn a_terminal_during_the_run() {
    static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);
    let style = Style {
        live: true,
        width: 76,
        ..Style::default()
    };
    let out = Shared::default();
    let mut reporter = HumanReporter::new(style, out.clone());
    reporter.pulse = Pulse {
        tick: None,
        clock: || *NOW,
    };
    let events = events();
    events[..14].iter().for_each(|event| reporter.event(event));
    let seen = || screen::show(std::str::from_utf8(&out.0.lock().unwrap()).unwrap(), 76);
    assert_snapshot!(seen(), @r#"
    run 3 of staging, going on where it was interrupted
      ! zookeeper-1/dir  /srv/zk-1 after an interruption: it was made
    plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to
          prove, 3 as wanted
    no longer in the runbook: broker-7/config, broker-7/start; they stay until a
                              run with --prune, or rollback
    ZooKeeper
      ✓ zookeeper-1/config  created in 0.03 s
    Brokers
      ✓ broker-1/config     updated in 0.01 s: 2 properties differ
    Proof
      ✓ demo/describe       proved in 0.40 s
          partitions: 2
          demo  0  leader 1  in sync 1,2
          demo  1  leader 2  in sync 1,2
    Brokers
      ⠋ broker-1/start  waiting for id 1 to register
    6 of 9 steps
    "#);
    let before = seen();
    drop(reporter);
    let tree = before.len() - seen().len();
    assert!(
        before[before.len() - tree..].contains("waiting"),
        "cleared when dropped"
    );
}

#[test]
fn many_steps_leave_room() {
    let step = |at: usize| Event::StepStarted {
        step: format!("step-{at}").parse().unwrap(),
        change: krun_model::Change::Create,
        reason: krun_model::Reason::NeverDone,
    };
    let mut events = vec![events()[2].clone()];
    events.extend((0..30).map(step));
    let tree = tree(Style::default(), &events, 0);
    assert!(tree.lines().count() < 20, "{tree}");
    assert!(tree.contains("and 15 more"), "{tree}");
}

#[test]
fn colour_adds_nothing() {
    let style = Style {
        color: true,
        ..Style::default()
    };
    let text = written(style, &events());
    assert!(text.contains("\u{1b}["));
    assert_eq!(
        console::strip_ansi_codes(&text),
        written(Style::default(), &events())
    );
}

#[test]
fn a_closed_pipe_is_remembered() {
    let mut reporter = HumanReporter::new(Style::default(), Closed);
    events().iter().for_each(|event| reporter.event(event));
    assert_eq!(
        reporter.error().map(io::Error::kind),
        Some(io::ErrorKind::BrokenPipe)
    );
}

/// The tree some seconds after these events.
fn tree(style: Style, events: &[Event], after: u64) -> String {
    let began = Instant::now();
    let mut tree = Tree::new(style, began);
    events
        .iter()
        .for_each(|event| tree.update(event, Some("ZooKeeper"), began));
    let now = began + Duration::from_secs(after);
    tree.lines(style.width, now).join("\n")
}

#[test]
fn the_tree_while_steps_run() {
    let events = events();
    assert_snapshot!(tree(Style::default(), &events[..6], 0), @r#"
      ⠋ zookeeper-1/config  create
    2 of 9 steps
    "#);
    assert_snapshot!(tree(Style::default(), &events[..13], 4), @r#"
    Brokers
      ⠦ broker-1/start  4 s  waiting for id 1 to register
    Proof
      ⠦ demo/describe  4 s  prove
    5 of 9 steps, 4 s
    "#);
    assert_snapshot!(tree(narrow(), &events[..13], 72), @r#"
    Brokers
      | broker-1/start  1 min 12 s  waiting ...
    Proof
      | demo/describe  1 min 12 s  prove
    5 of 9 steps, 1 min 12 s
    "#);
    assert_eq!(tree(Style::default(), &events[..2], 1), "");
}
