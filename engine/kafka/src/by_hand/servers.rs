//! ZooKeeper and the brokers, started with the scripts of the distribution.

use krun_model::{ByHand, HandCx, Value, by_hand::ShellFunction};

use super::tools::Tools;
use crate::distribution::Folders;

const WAIT_FOR: ShellFunction = ShellFunction {
    name: "wait_for",
    say: "Tries a command once a second until it succeeds, and gives up after so many seconds.",
    text: r#"wait_for() { # SECONDS COMMAND...
    local left=$1
    shift
    until "$@" > /dev/null; do
        [ $((left -= 1)) -ge 0 ] || { echo "gave up waiting for: $*" >&2; return 1; }
        sleep 1
    done
}"#,
};

const ZOOKEEPER_SERVES: ShellFunction = ShellFunction {
    name: "zookeeper_serves",
    say: "Asks a ZooKeeper for its state; it answers with its mode once it serves.",
    text: r#"zookeeper_serves() { # HOST PORT
    (exec 3<> "/dev/tcp/$1/$2" && printf srvr >&3 && grep '^Mode:' <&3) 2> /dev/null
}"#,
};

const STOP_SERVER: ShellFunction = ShellFunction {
    name: "stop_server",
    say: "Ends the one Java process that was started with a properties file, and waits until it has \
          ended. Kafka's own kafka-server-stop.sh would end every broker of the host.",
    text: r#"stop_server() { # FILE
    local pids pid
    pids=$(pgrep -f "java .* $1\$") || return 0
    kill $pids
    for pid in $pids; do
        while kill -0 "$pid" 2> /dev/null; do sleep 1; done
    done
}"#,
};

/// What starts a server, and its properties file.
struct Start {
    commands: String,
    config: String,
}

/// The lines that start a server in the background; `launch` makes the last of them from heap options,
/// the folder for its logs and its properties file, all of them words of a shell.
fn start(
    cx: &HandCx<'_>,
    heap: &str,
    launch: impl FnOnce(&str, &str, &str) -> Option<String>,
) -> Option<Start> {
    let (config, log_dir) = (cx.arg("config")?, cx.arg("log_dir")?);
    let heap = cx.arg("heap").unwrap_or_else(|| heap.to_owned());
    let line = launch(&format!("-Xmx{heap} -Xms{heap}"), &log_dir, &config)?;
    Some(Start {
        commands: format!("mkdir -p {log_dir}\n{}{line}", exports(cx)),
        config,
    })
}

/// The variables of its environment: not before the command, where a shell that prints what it does
/// would show a secret.
fn exports(cx: &HandCx<'_>) -> String {
    let env = cx.map("env").into_iter();
    env.map(|(name, word)| format!("export {name}={word}\n"))
        .collect()
}

/// A script of the distribution that a server is started from.
fn script(cx: &HandCx<'_>, name: &str) -> Option<String> {
    match cx.step.args.get("home")? {
        Value::Str(home) => Some(cx.text(Folders::of(home.as_str()).bin.join(name).as_str())),
        _ => None,
    }
}

/// The variable that keeps the scripts of an old Kafka from handing a newer Java flags for its log of
/// garbage collections that it does not know; nothing where the scripts know better.
fn gc_log(cx: &HandCx<'_>) -> &'static str {
    match Tools::of(cx).is_some_and(|tools| tools.flags.old_gc_log) {
        true => "KAFKA_GC_LOG_OPTS=' ' ",
        false => "",
    }
}

/// Whether a ZooKeeper is one of its own, and not the one in a distribution of Kafka.
fn of_its_own(cx: &HandCx<'_>) -> bool {
    cx.upstream("zookeeper::distribution")
        .is_some_and(|step| step.args.get("to") == cx.step.args.get("home"))
}

pub fn zookeeper_server(cx: &HandCx<'_>) -> ByHand {
    let started = start(cx, "256m", |heap, log_dir, config| {
        Some(if of_its_own(cx) {
            let script = script(cx, "zkServer.sh")?;
            format!(
                "SERVER_JVMFLAGS=\"{heap}\" ZOO_LOG_DIR={log_dir} \\\n    {script} start {config}"
            )
        } else {
            let script = script(cx, "zookeeper-server-start.sh")?;
            format!(
                "{}KAFKA_HEAP_OPTS=\"{heap}\" LOG_DIR={log_dir} \\\n    {script} -daemon {config}",
                gc_log(cx)
            )
        })
    });
    let (Some(Start { commands, config }), Some(address), Some(port)) =
        (started, cx.arg("address"), cx.arg("port"))
    else {
        return ByHand::default();
    };
    let limit = cx.arg("timeout_s").unwrap_or_else(|| "60".to_owned());
    ByHand::of(format!(
        "{commands}\nwait_for {limit} zookeeper_serves {address} {port}"
    ))
    .undone_by("", format!("stop_server {config}"))
    .using(&[WAIT_FOR, ZOOKEEPER_SERVES, STOP_SERVER])
}

pub fn broker(cx: &HandCx<'_>) -> ByHand {
    let started = start(cx, "1g", |heap, log_dir, config| {
        let script = script(cx, "kafka-server-start.sh")?;
        Some(format!(
            "{}KAFKA_HEAP_OPTS=\"{heap}\" LOG_DIR={log_dir} \\\n    {script} -daemon {config}",
            gc_log(cx)
        ))
    });
    let (Some(Start { commands, config }), Some(Value::Str(log_dir))) =
        (started, cx.step.args.get("log_dir"))
    else {
        return ByHand::default();
    };
    let limit = cx.arg("timeout_s").unwrap_or_else(|| "120".to_owned());
    let log = cx.text(&format!("{log_dir}/kafkaServer.out"));
    ByHand::of(format!(
        "{commands}\nwait_for {limit} grep -s 'started (kafka.server.KafkaServer)' {log}"
    ))
    .undone_by("", format!("stop_server {config}"))
    .using(&[WAIT_FOR, STOP_SERVER])
}
