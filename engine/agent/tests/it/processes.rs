//! Starting, finding and ending processes.

use std::time::Duration;

use krun_model::{
    Digest, Effect, FaultCode, ProcessId, ProcessSpec, ReadHost, Target, TargetState,
    host::Machine as _, process::Running,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Lab;

async fn start(lab: &Lab, spec: &ProcessSpec) -> Running {
    match lab.achieve(Effect::StartProcess(spec.clone())).await {
        TargetState::Running(running) => running,
        other => panic!("{other:?}"),
    }
}

fn stop(id: &ProcessId, grace_ms: u64) -> Effect {
    Effect::StopProcess {
        id: id.clone(),
        grace_ms,
    }
}

/// Waits until a log holds a line, which the process writes when it is as the test needs it.
async fn until_said(spec: &ProcessSpec, word: &str) {
    for _ in 0..500 {
        if std::fs::read_to_string(&spec.log).is_ok_and(|log| log.contains(word)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} never says {word}", spec.log);
}

fn stat_fields(pid: u32) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    rest.split_whitespace().map(str::to_owned).collect()
}

/// A process that krun did not start stands for a marker as long as it is that very process.
#[tokio::test]
async fn an_adopted_process() {
    let mut lab = Lab::new();
    let by_hand = lab.shell("by-hand", "exec sleep 1000");
    let mut running = start(&lab, &by_hand).await;
    let wanted = lab.shell("wanted", "exec sleep 1001");
    let find = async || lab.machine.process(&wanted.id).await.unwrap();
    assert_eq!(find().await, None);
    running.digest = Some(wanted.digest);
    let another = Running {
        started: running.started + 1,
        ..running.clone()
    };
    lab.machine.adopt(&wanted.id, &another);
    assert_eq!(find().await, None, "its pid was another's");
    lab.machine.adopt(&wanted.id, &running);
    let found = find().await.expect("the adopted process");
    // Its command line is its own affair: the shell becomes another program.
    assert_eq!((found.pid, found.started), (running.pid, running.started));
    assert_eq!(found.digest, running.digest);
    // What it was adopted as is what counts: it is not started a second time.
    let effect = Effect::StartProcess(wanted.clone());
    let pid = match lab.achieve(effect).await {
        TargetState::Running(running) => running.pid,
        other => panic!("{other:?}"),
    };
    assert_eq!(pid, running.pid);
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    while find().await.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn starts_detached_and_never_twice() {
    let mut lab = Lab::new();
    let spec = lab.shell("server", "echo out; echo err >&2; exec sleep 1000");
    let running = start(&lab, &spec).await;
    until_said(&spec, "err").await;
    assert_eq!(start(&lab, &spec).await.pid, running.pid);
    assert_eq!(lab.pids(&spec.id), [running.pid]);
    assert_eq!(running.digest, Some(spec.digest));
    assert!(!running.boot.is_empty() && running.started > 0);
    // A session of its own, nothing on its standard input, no file but the standard three.
    assert_eq!(stat_fields(running.pid)[3], running.pid.to_string());
    let fd = |n: &str| std::fs::read_link(format!("/proc/{}/fd/{n}", running.pid)).unwrap();
    assert_eq!(fd("0").to_str(), Some("/dev/null"));
    assert_eq!(fd("1"), spec.log.canonicalize().unwrap());
    let open = std::fs::read_dir(format!("/proc/{}/fd", running.pid)).unwrap();
    assert_eq!(open.count(), 3);
    let environment = std::fs::read(format!("/proc/{}/environ", running.pid)).unwrap();
    let mut names: Vec<_> = String::from_utf8(environment)
        .unwrap()
        .split_terminator('\0')
        .map(|entry| entry.split('=').next().unwrap().to_owned())
        .filter(|name| !matches!(&**name, "PWD" | "_" | "OLDPWD" | "SHLVL"))
        .collect();
    names.sort();
    assert_eq!(names, ["KRUN_DIGEST", "KRUN_PROCESS", "PATH"]);
    lab.achieve(stop(&spec.id, 5000)).await;
    assert_eq!(std::fs::read_to_string(&spec.log).unwrap(), "out\nerr\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_start_one() {
    let mut lab = Lab::new();
    let spec = lab.shell("server", "exec sleep 1000");
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (machine, spec) = (lab.machine.clone(), spec.clone());
        all.spawn(async move {
            use krun_model::Effector;
            machine.perform(&Effect::StartProcess(spec)).await
        });
    }
    for result in all.join_all().await {
        result.unwrap();
    }
    assert_eq!(lab.pids(&spec.id).len(), 1);
}

/// What another process is to start, for [`helper_that_hangs_up`].
const SPEC: &str = "KRUN_TEST_SPEC";

#[tokio::test]
async fn outlives_who_started_it() {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    let mut lab = Lab::new();
    let spec = lab.shell("server", "exec sleep 1000");
    // Tests that run under `nohup` ignore the signal, and so would it.
    let helper = std::process::Command::new("env")
        .arg("--default-signal=HUP")
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "processes::helper_that_hangs_up"])
        .env(SPEC, serde_json::to_string(&spec).unwrap())
        // It can't tidy up after itself.
        .env("TMPDIR", lab.path(""))
        .process_group(0)
        .output()
        .unwrap();
    assert_eq!(helper.status.signal(), Some(1), "{helper:?}");
    let found = lab.machine.process(&spec.id).await.unwrap().unwrap();
    assert_eq!(found.digest, Some(spec.digest));
    lab.achieve(stop(&spec.id, 5000)).await;
}

#[tokio::test]
#[ignore = "run by `outlives_who_started_it`: it ends its own process"]
async fn helper_that_hangs_up() {
    let Ok(spec) = std::env::var(SPEC) else {
        return;
    };
    let lab = Lab::new();
    start(&lab, &serde_json::from_str(&spec).unwrap()).await;
    // What a closing terminal does to all who run in it.
    let own = rustix::process::getpgrp();
    rustix::process::kill_process_group(own, Signal::HUP).unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn is_found_while_it_executes_another_program() {
    let mut lab = Lab::new();
    let script = lab.file(
        "again.sh",
        "[ $1 = 0 ] && echo ready && exec sleep 1000\nexec /bin/sh $0 $(($1 - 1))\n",
    );
    let spec = lab.shell("launcher", &format!("exec /bin/sh {script} 300"));
    let running = start(&lab, &spec).await;
    while !std::fs::read_to_string(&spec.log)
        .unwrap()
        .contains("ready")
    {
        let found = lab.machine.process(&spec.id).await.unwrap();
        assert_eq!(found.map(|found| found.pid), Some(running.pid));
    }
    lab.achieve(stop(&spec.id, 5000)).await;
}

#[tokio::test]
async fn another_digest_is_a_conflict() {
    let mut lab = Lab::new();
    let mut spec = lab.shell("server", "exec sleep 1000");
    start(&lab, &spec).await;
    spec.digest = Digest::of("other");
    let fault = lab
        .perform(Effect::StartProcess(spec.clone()))
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert_eq!(lab.pids(&spec.id).len(), 1);
}

#[tokio::test]
async fn markers_are_compared_as_a_whole() {
    let mut lab = Lab::new();
    let longer = lab.shell("server-2", "exec sleep 1000");
    start(&lab, &longer).await;
    let spec = lab.shell("server", "exec sleep 1000");
    let target = Target::Process(spec.id.clone());
    assert_eq!(lab.observe(target).await, TargetState::Absent);
}

#[tokio::test]
async fn kills_what_ignores_sigterm() {
    let mut lab = Lab::new();
    let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
    let spec = lab.shell("stubborn", script);
    start(&lab, &spec).await;
    until_said(&spec, "ready").await;
    let began = std::time::Instant::now();
    lab.achieve(stop(&spec.id, 300)).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(lab.pids(&spec.id), [0; 0], "its child is gone as well");
    lab.achieve(stop(&spec.id, 300)).await;
}

#[tokio::test]
async fn a_process_may_end_in_its_own_time() {
    let mut lab = Lab::new();
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let spec = lab.shell("graceful", script);
    start(&lab, &spec).await;
    until_said(&spec, "ready").await;
    lab.achieve(stop(&spec.id, 10_000)).await;
    assert!(
        std::fs::read_to_string(&spec.log)
            .unwrap()
            .ends_with("bye\n")
    );
}

#[tokio::test]
async fn children_are_not_it() {
    let mut lab = Lab::new();
    let spec = lab.shell("parent", "sleep 1000 & echo ready; wait");
    let running = start(&lab, &spec).await;
    until_said(&spec, "ready").await;
    assert_eq!(lab.pids(&spec.id).len(), 2);
    let found = lab.machine.process(&spec.id).await.unwrap().unwrap();
    assert_eq!(found.pid, running.pid);
    // A child that outlives it stands for it, so that nothing is forgotten.
    kill(running.pid);
    let orphan = loop {
        match lab.machine.process(&spec.id).await.unwrap() {
            Some(found) if found.pid == running.pid => tokio::task::yield_now().await,
            found => break found.unwrap(),
        }
    };
    assert!(orphan.command.contains("sleep"));
    lab.achieve(stop(&spec.id, 5000)).await;
    assert_eq!(lab.pids(&spec.id), [0; 0]);
}

#[tokio::test]
async fn zombies_do_not_run() {
    let mut lab = Lab::new();
    let spec = lab.shell("server", "exec sleep 1000");
    // A child of this test that nobody waits for is a zombie once it is killed.
    let mut child = std::process::Command::new("/bin/sleep")
        .arg("1000")
        .env("KRUN_PROCESS", spec.id.to_string())
        .spawn()
        .unwrap();
    let pid = child.id();
    assert!(lab.machine.process(&spec.id).await.unwrap().is_some());
    kill(pid);
    while stat_fields(pid)[0] != "Z" {
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.machine.process(&spec.id).await.unwrap(), None);
    child.wait().unwrap();
}

#[tokio::test]
async fn leaves_no_zombie() {
    let mut lab = Lab::new();
    let spec = lab.shell("short", "exec sleep 1000");
    let running = start(&lab, &spec).await;
    kill(running.pid);
    for _ in 0..500 {
        if !std::fs::exists(format!("/proc/{}", running.pid)).unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("pid {} is still there", running.pid);
}

#[tokio::test]
async fn says_what_is_missing() {
    let mut lab = Lab::new();
    let good = lab.shell("server", "exec sleep 1000");
    let check = async |change: &dyn Fn(&mut ProcessSpec), code, place: &str| {
        let mut spec = good.clone();
        change(&mut spec);
        let fault = lab.perform(Effect::StartProcess(spec)).await.unwrap_err();
        assert_eq!(fault.code, code, "{fault}");
        assert!(fault.place.unwrap().ends_with(place));
    };
    check(
        &|spec| spec.argv[0] = "/no/bin/java".into(),
        FaultCode::Prerequisite,
        "/no/bin/java",
    )
    .await;
    check(
        &|spec| spec.argv[0] = "/etc/passwd".into(),
        FaultCode::Prerequisite,
        "/etc/passwd",
    )
    .await;
    check(
        &|spec| spec.cwd = "/no/cwd".into(),
        FaultCode::Conflict,
        "/no/cwd",
    )
    .await;
    check(
        &|spec| spec.log = "/no/log".into(),
        FaultCode::Io,
        "/no/log",
    )
    .await;
    assert_eq!(lab.pids(&good.id), [0; 0]);
}

#[tokio::test]
async fn scans_are_cheap() {
    let lab = Lab::new();
    let id = ProcessId {
        deployment: "nobody".into(),
        step: "no".parse().unwrap(),
    };
    let count = std::fs::read_dir("/proc").unwrap().count();
    let began = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(lab.machine.process(&id).await.unwrap(), None);
    }
    println!("a scan of {count} entries: {:?}", began.elapsed() / 10);
}

#[tokio::test]
async fn names_who_uses_a_folder() {
    let mut lab = Lab::new();
    std::fs::create_dir(lab.path("data")).unwrap();
    let spec = lab.shell("user", "exec 7>data/lock; echo ready; exec sleep 1000");
    let running = start(&lab, &spec).await;
    until_said(&spec, "ready").await;
    let user = lab.machine.folder_user(&lab.path("data")).await.unwrap();
    assert_eq!(user.unwrap().pid, running.pid);
    let other = lab.machine.folder_user(&lab.path("dat")).await.unwrap();
    assert_eq!(other, None);
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}
