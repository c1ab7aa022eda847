//! What a reader of a plan sees.

use insta::assert_snapshot;

use super::*;
use crate::{
    Verbosity,
    samples::{narrow, plan},
};

#[test]
fn normal() {
    assert_snapshot!(plan_text(&plan(), Style::default()), @r#"
      · 1 step as wanted

    ZooKeeper
      + zookeeper-1/config  properties       create: the file is not there
          undo: restored to the byte
            clientPort: 2181
            dataDir:    /srv/zk-1/data
            server.1:   (known after apply)
      · 2 steps as wanted

    Brokers
      ~ broker-1/config     properties       update: 2 properties differ
          undo: restored to the byte
            num.partitions:       1 → 3
            advertised.listeners: PLAINTEXT://localhost:9092 → PLAINTEXT://broker-1.example.org:9092
            log.retention.hours:  (none) → (empty)
            delete.topic.enable:  false → (gone)
      ± broker-1/start      kafka::broker    restart: because of broker-1/config (update)
          undo: stopped or deleted again
      - broker-9/old        file             delete: it is to be gone
          undo: restored to the byte

    Proof
      ! demo/records        kafka::produce   act: never done before
          undo: not possible
      ? demo/describe       kafka::describe  prove: never proven before

    No longer in the runbook; they stay until a run with --prune, or rollback:
      broker-7/config, broker-7/start

    Cannot be taken back: demo/records
    Plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to prove, 3 as wanted;
          nothing was changed.
    "#);
}

#[test]
fn verbose() {
    let style = Style {
        verbosity: Verbosity::Verbose,
        ..Style::default()
    };
    let mut plan = plan();
    plan.steps.truncate(4);
    plan.orphans.clear();
    assert_snapshot!(plan_text(&plan, style), @r#"
        java                package     no-op: found as wanted; krun leaves it alone

    ZooKeeper
      + zookeeper-1/config  properties  create: the file is not there
          undo: restored to the byte
            clientPort: 2181
            dataDir:    /srv/zk-1/data
            server.1:   (known after apply)
        zookeeper-1/dir     directory   no-op: as wanted
        zookeeper-1/myid    file        no-op: as wanted

    Plan: 1 to create, 3 as wanted; nothing was changed.
    "#);
}

#[test]
fn quiet() {
    let style = Style {
        verbosity: Verbosity::Quiet,
        ..Style::default()
    };
    assert_snapshot!(plan_text(&plan(), style), @r#"
      · 1 step as wanted

    ZooKeeper
      + zookeeper-1/config  properties       create: the file is not there
      · 2 steps as wanted

    Brokers
      ~ broker-1/config     properties       update: 2 properties differ
      ± broker-1/start      kafka::broker    restart: because of broker-1/config (update)
      - broker-9/old        file             delete: it is to be gone

    Proof
      ! demo/records        kafka::produce   act: never done before
      ? demo/describe       kafka::describe  prove: never proven before

    No longer in the runbook; they stay until a run with --prune, or rollback:
      broker-7/config, broker-7/start

    Cannot be taken back: demo/records
    Plan: 1 to create, 1 to update, 1 to restart, 1 to delete, 1 act to do, 1 to prove, 3 as wanted;
          nothing was changed.
    "#);
}

#[test]
fn ascii_and_narrow() {
    assert_snapshot!(plan_text(&plan(), narrow()), @r#"
      .   1 step as wanted

    ZooKeeper
      +   zookeeper-1/config  properties
          create: the file is not there
          undo: restored to the byte
            clientPort: 2181
            dataDir:    /srv/zk-1/data
            server.1:   (known after apply)
      .   2 steps as wanted

    Brokers
      ~   broker-1/config     properties
          update: 2 properties differ
          undo: restored to the byte
            num.partitions:       1 -> 3
            advertised.listeners: PLAINTEXT://localhost:9092
                                  -> PLAINTEXT://broker-1.example.org:9092
            log.retention.hours:  (none)
                                  -> (empty)
            delete.topic.enable:  false
                                  -> (gone)
      -/+ broker-1/start      kafka::broker
          restart: because of broker-1/config
          (update)
          undo: stopped or deleted again
      -   broker-9/old        file
          delete: it is to be gone
          undo: restored to the byte

    Proof
      !   demo/records        kafka::produce
          act: never done before
          undo: not possible
      ?   demo/describe       kafka::describe
          prove: never proven before

    No longer in the runbook; they stay until a run with --prune, or rollback:
      broker-7/config, broker-7/start

    Cannot be taken back: demo/records
    Plan: 1 to create, 1 to update, 1 to
          restart, 1 to delete, 1 act to do, 1
          to prove, 3 as wanted; nothing was
          changed.
    "#);
}

#[test]
fn nothing_to_do() {
    let mut plan = plan();
    plan.orphans.clear();
    plan.steps.retain(|step| step.change == Change::NoOp);
    assert_snapshot!(plan_text(&plan, Style::default()), @r#"
      · 1 step as wanted

    ZooKeeper
      · 2 steps as wanted

    Plan: nothing to do, 3 steps as wanted; nothing was changed.
    "#);
    assert_snapshot!(plan_text(&Plan::default(), Style::default()), @"Plan: the runbook has no steps; nothing was changed.");
}

#[test]
fn colour_adds_nothing() {
    let style = Style {
        color: true,
        ..Style::default()
    };
    let text = plan_text(&plan(), style);
    assert!(text.contains("\u{1b}["));
    assert_eq!(
        console::strip_ansi_codes(&text),
        plan_text(&plan(), Style::default())
    );
}

#[test]
fn undo_has_words_for_every_class() {
    let classes = [
        UndoClass::Reversible,
        UndoClass::Compensable,
        UndoClass::Contained,
        UndoClass::Kept,
        UndoClass::Irreversible,
        UndoClass::Nothing,
    ];
    assert_snapshot!(classes.map(undo_words).join("\n"), @r#"
    restored to the byte
    stopped or deleted again
    goes away with what contains it
    stays, on purpose
    not possible
    nothing to take back
    "#);
}
