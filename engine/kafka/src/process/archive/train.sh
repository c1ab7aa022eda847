# Makes the class-data archives of a distribution: runs a throwaway ZooKeeper and two throwaway brokers
# in a folder of their own until a topic with two replicas has taken in records, and lets Java write
# down at their end which classes they loaded. Nothing of a deployment is touched, and nothing waits
# for this.
#
# Arguments: folder for the archives, their common name, Java program, folder of the jars,
# log4j's configuration, main class of ZooKeeper and of the broker; then the flags of both.
set -u
folder=$1 name=$2 java=$3 libs=$4 log4j=$5 zookeeper_class=$6 broker_class=$7
shift 7

# Whatever else this machine has to do comes first.
if command -v ionice > /dev/null; then ionice -c 3 -p $$ 2> /dev/null; fi
echo 1000 2> /dev/null > /proc/self/oom_score_adj
free=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2> /dev/null)
if [ "${free:-9999999}" -lt 1500000 ]; then exit 0; fi

mkdir -p "$folder" || exit 1
exec 9> "$folder/$name.lock" || exit 1
if command -v flock > /dev/null; then flock -n 9 || exit 0; fi
if [ -f "$folder/$name.complete" ]; then exit 0; fi
# What nobody has used for a quarter of a year, and what a killed maker left behind.
find "$folder" -maxdepth 1 -type f ! -name "$name*" -atime +90 -delete 2> /dev/null
find "$folder" -maxdepth 1 -name 'work-*' -mmin +60 -exec rm -rf {} + 2> /dev/null

work="$folder/work-$name-$$"
zookeeper='' broker='' second=''
finish() {
    # Each leads a group of its own, by `timeout`.
    for process in $second $broker $zookeeper; do kill -9 -- "-$process" 2> /dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
give_up() {
    printf '%s: %s\n' "$(date)" "$1" >> "$folder/$name.failed"
    tail -n 20 "$work"/*.log >> "$work/said" 2> /dev/null
    cp "$work/said" "$folder/$name.said" 2> /dev/null
    exit 1
}
# A server that outlives this script, should it be killed, ends by itself.
serve() { exec timeout -k 300 900 "$java" -Xmx256m "$@" > "$log" 2>&1 9>&-; }
# Waits until a log in some folders says something, as long as its process is there.
await() {
    process=$1 text=$2 waited=0
    shift 2
    until grep -qrs "$text" "$@"; do
        kill -0 "$process" 2> /dev/null || return 1
        waited=$((waited + 1))
        [ "$waited" -lt 1500 ] || return 1
        sleep 0.2
    done
}
# Ends a server, which then writes its archive.
end() {
    kill "$1"
    wait "$1"
    [ -s "$2" ]
}
digest() { (cd "$folder" && sha256sum "$1") > "$work/digest" && mv "$work/digest" "$folder/$1.sha256"; }

mkdir "$work" || exit 1
# A rollback may take the original away at any time.
cp "$log4j" "$work/log4j.properties" 2> /dev/null || exit 0
log4j="$work/log4j.properties"
port='' tries=0
while [ -z "$port" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 10 ] || give_up 'no free port was found'
    candidate=$((20000 + ($$ * 37 + tries * 1009) % 12000))
    printf 'dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n' \
        "$work/data-$tries" "$candidate" > "$work/zookeeper.properties"
    log="$work/zookeeper.log"
    : > "$log"
    (serve "-XX:ArchiveClassesAtExit=$work/zookeeper.jsa" "$@" "-Dkafka.logs.dir=$work/zookeeper" \
        "-Dlog4j.configuration=file:$log4j" -cp "$libs/*" "$zookeeper_class" "$work/zookeeper.properties") &
    zookeeper=$!
    if await "$zookeeper" 'binding to port' "$log" "$work/zookeeper" && kill -0 "$zookeeper"; then port=$candidate; fi
done
properties() {
    printf 'broker.id=%s\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs=%s\nzookeeper.connect=127.0.0.1:%s\n' \
        "$1" "$work/records-$1" "$port"
    printf 'num.partitions=4\ndefault.replication.factor=2\n'
}
properties 0 > "$work/server.properties"
properties 1 > "$work/second.properties"
log="$work/broker.log"
(serve "-XX:ArchiveClassesAtExit=$work/broker.jsa" "$@" "-Dkafka.logs.dir=$work/broker" \
    "-Dlog4j.configuration=file:$log4j" -cp "$libs/*" "$broker_class" "$work/server.properties") &
broker=$!
await "$broker" 'started (kafka.server.KafkaServer)' "$log" "$work/broker" || give_up 'the broker did not start'
# What follows makes the archive better; a broker that only started makes a good one too.
log="$work/second.log"
(serve "$@" "-Dkafka.logs.dir=$work/second" "-Dlog4j.configuration=file:$log4j" \
    -cp "$libs/*" "$broker_class" "$work/second.properties") &
second=$!
if await "$second" 'started (kafka.server.KafkaServer)' "$log" "$work/second"; then
    awaiting=$(grep -rhs 'Awaiting socket connections on' "$work/broker.log" "$work/broker" | head -n 1)
    address=$(printf '%s\n' "$awaiting" | sed -n 's/.*connections on [^0-9]*\([0-9.]*:[0-9]*\).*/\1/p')
    timeout -k 10 120 "$java" -Xmx128m -cp "$libs/*" org.apache.kafka.tools.ProducerPerformance \
        --topic trained --num-records 200 --record-size 100 --throughput 100 \
        --producer-props "bootstrap.servers=$address" acks=all > "$work/producer.log" 2>&1 9>&-
fi
# The second one takes over meanwhile; alone, the first would wait for somebody who does.
end "$broker" "$work/broker.jsa" || give_up 'Java wrote no archive of the broker'
broker=''
kill -9 -- "-$second" 2> /dev/null
second=''
end "$zookeeper" "$work/zookeeper.jsa" || give_up 'Java wrote no archive of ZooKeeper'
zookeeper=''

for server in zookeeper broker; do
    "$java" "-XX:SharedArchiveFile=$work/$server.jsa" -Xshare:on "$@" -cp "$libs/*" -version \
        > "$work/check.log" 2>&1 9>&- || give_up "Java refuses the archive of $server"
    sync -f "$work/$server.jsa" 2> /dev/null
    mv "$work/$server.jsa" "$folder/$name-$server.jsa" || give_up 'the archive could not be kept'
    digest "$name-$server.jsa" || give_up 'the archive could not be kept'
done
: > "$folder/$name.complete"
rm -f "$folder/$name.failed" "$folder/$name.said"
