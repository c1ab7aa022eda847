#!/bin/sh
# Starts, stops and asks a ZooKeeper @VERSION@; made by krun.
# JAVA_HOME, JVMFLAGS, SERVER_JVMFLAGS, ZK_SERVER_HEAP, ZOOCFG, ZOOCFGDIR, ZOOPIDFILE and ZOO_LOG_DIR
# mean what they mean to ZooKeeper's own script.
self=$(readlink -f "$0") || exit 1
base=$(cd "$(dirname "$self")/.." && pwd) || exit 1
java=@JAVA@
if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; fi
[ -x "$java" ] || java=java

usage() {
    echo "usage: $0 [--config FOLDER] start|start-foreground|stop|restart|status|version [FILE]" >&2
    exit 1
}

folder=${ZOOCFGDIR:-$base/@CONFIG@}
if [ "${1:-}" = --config ]; then
    [ $# -ge 2 ] || usage
    folder=$2
    shift 2
fi
verb=${1:-}
case $verb in
    start | start-foreground | stop | restart | status) ;;
    version) echo "ZooKeeper @VERSION@"; exit 0 ;;
    *) usage ;;
esac
case ${2:-} in
    '') config=$folder/${ZOOCFG:-@FILE@} ;;
    */*) config=$2 ;;
    *) config=$folder/$2 ;;
esac
if [ ! -r "$config" ]; then
    echo "$0: $config can't be read" >&2
    exit 1
fi
echo "Using config: $config" >&2

# The value of a setting; nothing where it is not set.
value() {
    sed -n "s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*//p" "$config" | sed 's/[[:space:]]*$//' | tail -n 1
}

data=$(value dataDir)
port=$(value clientPort)
address=$(value clientPortAddress)
if [ -z "$port" ] && [ -r "$data/myid" ]; then
    # From 3.5 on it may stand behind the server's own line: server.1=host:2888:3888;2181
    client=$(value "server\\.$(cat "$data/myid")")
    case $client in *\;*) port=${client##*[;:]} ;; esac
fi
address=${address:-localhost}
pid_file=${ZOOPIDFILE:-$data/zookeeper_server.pid}
log_dir=${ZOO_LOG_DIR:-$base/logs}
class_path="@CLASS_PATH@"
log="$log_dir/zookeeper.out"

# The process of the file, if it is there and a ZooKeeper: a number is used again after a while.
running() {
    pid=$(cat "$pid_file" 2> /dev/null) && [ -n "$pid" ] && kill -0 "$pid" 2> /dev/null || return 1
    [ ! -r "/proc/$pid/cmdline" ] || grep -q QuorumPeerMain "/proc/$pid/cmdline"
}

# The line of the server that says its mode; nothing where none serves.
mode() {
    [ -n "$port" ] || return 1
    "$java" -Xmx64m -cp "$class_path" org.apache.zookeeper.client.FourLetterWordMain \
        "$address" "$port" srvr 2> /dev/null | grep '^Mode: '
}

# Becomes the server.
become() {
    exec "$java" "-Xmx${ZK_SERVER_HEAP:-1000}m" ${SERVER_JVMFLAGS:-} ${JVMFLAGS:-} @FLAGS@ \
        @LOGGING@ \
        -cp "$class_path" org.apache.zookeeper.server.quorum.QuorumPeerMain "$config"
}

start() {
    printf 'Starting zookeeper ... '
    if running; then
        echo "already running as process $pid."
        exit @STARTED_ALREADY@
    fi
    if mode > /dev/null; then
        echo "a server that this script did not start serves at $address:$port already."
        exit @STARTED_ALREADY@
    fi
    mkdir -p "$log_dir" "$(dirname "$pid_file")" || exit 1
    (trap '' HUP; become) > "$log" 2>&1 < /dev/null &
    pid=$!
    echo "$pid" > "$pid_file" || { echo 'FAILED TO WRITE PID'; kill "$pid"; exit 1; }
    # A member of an ensemble serves only once the others are there, so that waiting has an end.
    tries=0
    while [ $tries -lt 20 ]; do
        if ! kill -0 "$pid" 2> /dev/null; then
            echo 'FAILED TO START'
            tail -n 5 "$log" >&2
            rm -f "$pid_file"
            exit 1
        fi
        if mode > /dev/null; then break; fi
        sleep 0.2
        tries=$((tries + 1))
    done
    echo STARTED
}

stop() {
    printf 'Stopping zookeeper ... '
    if [ ! -f "$pid_file" ]; then
        echo "no zookeeper to stop (could not find file $pid_file)"
        return 0
    fi
    if ! running; then
        rm -f "$pid_file"
        echo "no zookeeper to stop (its process is gone)"
        return 0
    fi
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2> /dev/null; do
        if [ $tries -ge 100 ]; then
            echo "process $pid did not end within 20 s"
            exit 1
        fi
        sleep 0.2
        tries=$((tries + 1))
    done
    rm -f "$pid_file"
    echo STOPPED
}

case $verb in
    start) start ;;
    start-foreground) become ;;
    stop) stop ;;
    restart)
        stop
        start
        ;;
    status)
        if mode; then exit 0; fi
        echo 'Error contacting service. It is probably not running.'
        exit 1
        ;;
esac
