//! A process that ended, and whose pid another one has now.
//!
//! The test runs itself again in a pid namespace of its own, where it says which pid comes next.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use krun_model::{Effect, ReadHost as _, TargetState, host::Machine as _, process::Running};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Lab;

const INSIDE: &str = "KRUN_TEST_IN_PID_NAMESPACE";
/// A clock tick, by which the kernel dates the start of a process, is at most this long.
const A_TICK: Duration = Duration::from_millis(10);

#[test]
fn a_pid_that_another_process_has_now() {
    if std::env::var_os(INSIDE).is_none() {
        return again_in_a_namespace();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(reused());
}

fn again_in_a_namespace() {
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "--map-root-user"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "pids::a_pid_that_another_process_has_now"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare, of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn reused() {
    let mut lab = Lab::new();
    // One that krun started, known by its marker.
    let spec = lab.shell("server", "exec sleep 1000");
    let first = started(&lab, &spec).await;
    let mut other = in_place_of(&lab, &first).await;
    let target = Effect::StartProcess(spec.clone()).target();
    assert_eq!(lab.observe(target).await, TargetState::Absent);
    let stop = Effect::StopProcess {
        id: spec.id.clone(),
        grace_ms: 100,
    };
    lab.achieve(stop.clone()).await;
    let second = started(&lab, &spec).await;
    assert_ne!(second.pid, first.pid);
    lab.achieve(stop).await;
    assert_eq!(other.try_wait().unwrap(), None, "it was left alone");
    // One that was adopted, known by its pid and when it began.
    let by_hand = lab.shell("by-hand", "exec sleep 1000");
    let adopted = started(&lab, &by_hand).await;
    let wanted = lab.shell("wanted", "exec sleep 1000");
    lab.machine.adopt(&wanted.id, &adopted);
    assert!(lab.machine.process(&wanted.id).await.unwrap().is_some());
    let mut another = in_place_of(&lab, &adopted).await;
    assert_eq!(lab.machine.process(&wanted.id).await.unwrap(), None);
    let stop = Effect::StopProcess {
        id: wanted.id.clone(),
        grace_ms: 100,
    };
    lab.achieve(stop).await;
    assert_eq!(another.try_wait().unwrap(), None, "it was left alone");
    for mut child in [other, another] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

async fn started(lab: &Lab, spec: &krun_model::ProcessSpec) -> Running {
    match lab.achieve(Effect::StartProcess(spec.clone())).await {
        TargetState::Running(running) => running,
        other => panic!("{other:?}"),
    }
}

/// Ends a process and starts another one that gets its pid.
async fn in_place_of(lab: &Lab, process: &Running) -> Child {
    let pid = i32::try_from(process.pid).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let theirs = format!("/proc/{pid}");
    while fs::exists(&theirs).unwrap() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(2 * A_TICK).await;
    // A thread that begins in between takes a pid, too.
    for _ in 0..50 {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string())
            .expect("the kernel lets the next pid be chosen");
        let mut child = Command::new("sleep")
            .arg("1000")
            .current_dir(lab.path(""))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        if child.id() == process.pid {
            return child;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("no process got the pid {pid}");
}
