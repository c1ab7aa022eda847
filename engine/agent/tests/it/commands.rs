//! Running commands to their ends.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use krun_model::{FaultCode, Map, ReadHost, host::Machine};

use crate::lab::Lab;

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn answers() {
    let lab = Lab::new();
    let script = "echo out; echo err >&2; cat; exit 3";
    let output = lab.machine.ask(&shell(script), LONG).await.unwrap();
    assert_eq!(output.code, Some(3));
    assert_eq!((&*output.stdout, &*output.stderr), ("out\n", "err\n"));
    let signal = lab.machine.ask(&shell("kill -9 $$"), LONG).await.unwrap();
    assert_eq!(signal.code, None);
    let much = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2";
    let much = lab.machine.ask(&shell(much), LONG).await.unwrap();
    assert_eq!((much.stdout.len(), much.stderr.len()), (1 << 20, 1 << 20));
    let missing = ["no-such-program".to_owned()];
    let fault = lab.machine.ask(&missing, LONG).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Prerequisite);
}

#[tokio::test]
async fn the_whole_group_is_killed_in_the_end() {
    let lab = Lab::new();
    let pid_file = lab.path("pid");
    let script = format!("sleep 1000 & echo $! >{pid_file}; echo why >&2; wait");
    let fault = lab
        .machine
        .ask(&shell(&script), Duration::from_millis(500))
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Timeout);
    assert_eq!(fault.evidence, ["why"]);
    let pid = std::fs::read_to_string(pid_file).unwrap();
    gone(pid.trim()).await;
}

#[tokio::test]
async fn ends_when_the_run_is_stopped() {
    let lab = Lab::new();
    let machine = lab.machine.clone();
    let asked = tokio::spawn(async move { machine.ask(&shell("sleep 1000"), LONG).await });
    let machine = lab.machine.clone();
    let paused = tokio::spawn(async move { machine.pause(LONG).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    lab.cancel.send(true).unwrap();
    let fault = asked.await.unwrap().unwrap_err();
    assert_eq!(fault.code, FaultCode::Cancelled);
    let fault = paused.await.unwrap().unwrap_err();
    assert_eq!(fault.code, FaultCode::Cancelled);
    let fault = lab.machine.pause(Duration::ZERO).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Cancelled);
}

#[tokio::test]
async fn a_daemon_that_holds_the_output_is_not_waited_for() {
    let lab = Lab::new();
    let began = Instant::now();
    let script = "setsid sleep 5 & echo done";
    let output = lab.machine.ask(&shell(script), LONG).await.unwrap();
    assert_eq!(output.stdout, "done\n");
    assert!(began.elapsed() < Duration::from_secs(4));
}

/// Remembers what was said.
struct Heard<'a>(&'a Mutex<Vec<String>>);

impl krun_model::kind::Progress for Heard<'_> {
    fn say(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[tokio::test]
async fn fetches_with_lines_folder_and_environment() {
    let lab = Lab::new();
    let lines = Mutex::new(vec![]);
    let env = Map::from([("COLOUR".to_owned(), "blue".to_owned())]);
    let script = "pwd; printf '10%%\\r100%%\\r\\n'; echo $COLOUR ${PATH:+has path}";
    let cwd = lab.path("").canonicalize_utf8().unwrap();
    let output = lab
        .machine
        .fetch(&shell(script), &cwd, &env, LONG, &Heard(&lines))
        .await
        .unwrap();
    assert_eq!(output.code, Some(0));
    let lines = lines.into_inner().unwrap();
    assert_eq!(lines, [cwd.as_str(), "10%", "100%", "blue has path"]);
}

async fn gone(pid: &str) {
    for _ in 0..500 {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            _ => return,
        }
    }
    panic!("pid {pid} is still there");
}
