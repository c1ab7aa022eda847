//! What `krun show RUN` shows.

use insta::assert_snapshot;

use super::*;
use crate::{
    Verbosity,
    samples::{narrow, records},
};

#[test]
fn normal() {
    assert_snapshot!(run_text(&records(), Style::default()), @r#"
    run (run 2)
      started 2026-11-21T09:11:05Z by ana@build-1 (krun 0.1.0, pid 4711)
      runbook /work/cluster.rhai
      param heap = "2g" (given)

       +0.25 s  broker-1/config  begins (update): 1 property differs
       +0.50 s  broker-1/config  #12 write /srv/k/server.properties (2d711642b726, mode 0644); before:
                                 file cba06b5736fa mode 0644
       +0.75 s  broker-1/config  #12 done: file 2d711642b726 mode 0644
        +1.0 s  broker-1/config  done (update)
        +1.2 s  broker-1/start   begins (restart): its properties were changed
        +1.5 s  broker-1/start   #16 stop process broker-1/start; before: absent
        +1.8 s  went on, by ana@build-1 (krun 0.1.0, pid 4711)
        +2.0 s  broker-1/start   #16 found done after an interruption: absent
        +2.2 s  broker-1/start   failed
                error[krun::port-taken]: the broker cannot listen on its port
                  at: 127.0.0.1:9092
                  why: java (pid 4242, user kafka) listens there since before this run
                  | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
                  | java -Xmx1g kafka.Kafka /srv/old/server.properties
                  help: Stop that process, or take it over with `krun adopt broker-1/start`.
                  help: Or choose another port with `--param port=9192`.
        +2.5 s  took back #12: restored /srv/k/server.properties

        +2.8 s  failed after 2.8 s: 1 changed, 0 unchanged, 1 failed
    "#);
}

#[test]
fn verbose_ascii() {
    let style = Style {
        verbosity: Verbosity::Verbose,
        width: 80,
        ..narrow()
    };
    assert_snapshot!(run_text(&records()[..5], style), @r#"
    run (run 2)
      started 2026-11-21T09:11:05Z by ana@build-1 (krun 0.1.0, pid 4711)
      runbook /work/cluster.rhai
      source cluster.rhai sha256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
      param heap = "2g" (given)
      param port = 9092

       +0.25 s  broker-1/config  begins (update): 1 property differs
       +0.50 s  broker-1/config  #12 write /srv/k/server.properties (2d711642b726,
                                 mode 0644); before: file cba06b5736fa mode 0644;
                                 undo: restore /srv/k/server.properties (file
                                 cba06b5736fa mode 0644)
       +0.75 s  broker-1/config  #12 done: file 2d711642b726 mode 0644
        +1.0 s  broker-1/config  done (update)
                path: /srv/k/server.properties
    "#);
}

#[test]
fn nothing() {
    assert_snapshot!(run_text(&[], Style::default()), @"no entries");
}
