//! ZooKeeper and the brokers, started with the scripts of the distribution.

use krun_model::{ByHand, HandCx, Value, by_hand::ShellFunction};

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

/// The line that starts a server in the background, as its script wants it.
fn start(cx: &HandCx<'_>, script: &str, heap: &str) -> Option<(String, String)> {
    let Value::Str(home) = cx.step.args.get("home")? else {
        return None;
    };
    let script = cx.text(Folders::of(home.as_str()).bin.join(script).as_str());
    let (config, log_dir) = (cx.arg("config")?, cx.arg("log_dir")?);
    let heap = cx.arg("heap").unwrap_or_else(|| heap.to_owned());
    let commands = format!(
        "mkdir -p {log_dir}\n\
         KAFKA_HEAP_OPTS=\"-Xmx{heap} -Xms{heap}\" LOG_DIR={log_dir} \\\n    {script} -daemon {config}"
    );
    Some((commands, config))
}

pub fn zookeeper_server(cx: &HandCx<'_>) -> ByHand {
    let started = start(cx, "zookeeper-server-start.sh", "256m");
    let (Some((start, config)), Some(address), Some(port)) =
        (started, cx.arg("address"), cx.arg("port"))
    else {
        return ByHand::default();
    };
    let limit = cx.arg("timeout_s").unwrap_or_else(|| "60".to_owned());
    ByHand::of(format!(
        "{start}\nwait_for {limit} zookeeper_serves {address} {port}"
    ))
    .undone_by("", format!("stop_server {config}"))
    .using(&[WAIT_FOR, ZOOKEEPER_SERVES, STOP_SERVER])
}

pub fn broker(cx: &HandCx<'_>) -> ByHand {
    let (Some((start, config)), Some(Value::Str(log_dir))) = (
        start(cx, "kafka-server-start.sh", "1g"),
        cx.step.args.get("log_dir"),
    ) else {
        return ByHand::default();
    };
    let limit = cx.arg("timeout_s").unwrap_or_else(|| "120".to_owned());
    let log = cx.text(&format!("{log_dir}/kafkaServer.out"));
    ByHand::of(format!(
        "{start}\nwait_for {limit} grep -s 'started (kafka.server.KafkaServer)' {log}"
    ))
    .undone_by("", format!("stop_server {config}"))
    .using(&[WAIT_FOR, STOP_SERVER])
}
