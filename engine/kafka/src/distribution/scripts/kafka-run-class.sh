#!/bin/sh
# The command-line tools of Kafka @VERSION@; made by krun. Each name in this folder that is a link to
# this file starts the Java class of that tool; kafka-run-class.sh starts the class that it is given.
# CLASSPATH, JAVA_HOME, JMX_PORT, KAFKA_GC_LOG_OPTS, KAFKA_HEAP_OPTS, KAFKA_JMX_OPTS,
# KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS, KAFKA_OPTS and LOG_DIR mean what they mean to Kafka's
# own scripts.
tool=$(basename "$0" .sh)
self=$(readlink -f "$0") || exit 1
base=$(cd "$(dirname "$self")/.." && pwd) || exit 1
java=@JAVA@
if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; fi
[ -x "$java" ] || java=java

class='' heap=-Xmx256M first='' server=''
case $tool in
    kafka-run-class) ;;
@TOOLS@
    *)
        echo "$tool is no tool of Kafka @VERSION@" >&2
        exit 1
        ;;
esac

daemon='' name=$server gc_log=$server config=tools-log4j.properties
if [ -n "$server" ]; then
    config=log4j.properties
    if [ "${1:-}" = -daemon ]; then
        daemon=yes
        shift
    fi
    if [ $# -lt 1 ]; then
        echo "usage: $0 [-daemon] FILE.properties" >&2
        exit 1
    fi
elif [ -z "$class" ]; then
    while [ $# -gt 0 ]; do
        case $1 in
            -daemon) daemon=yes ;;
            -loggc) gc_log=yes ;;
            -name) name=${2:-}; shift ;;
            *) break ;;
        esac
        shift
    done
    if [ $# -lt 1 ]; then
        echo "usage: $0 [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT ...]" >&2
        exit 1
    fi
    class=$1
    shift
fi
name=${name:-$tool}

log_dir=${LOG_DIR:-$base/logs}
log4j=${KAFKA_LOG4J_OPTS:-"-Dlog4j.configuration=file:$base/config/$config"}
flags=${KAFKA_JVM_PERFORMANCE_OPTS:-"@FLAGS@"}
jmx=${KAFKA_JMX_OPTS:-}
if [ -n "${JMX_PORT:-}" ]; then
    jmx="${jmx:--Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false} -Dcom.sun.management.jmxremote.port=$JMX_PORT"
fi
if [ -n "$daemon$gc_log" ]; then mkdir -p "$log_dir" || exit 1; fi

# The command is put together from its end. Options that are lists of words stand unquoted.
if [ -n "$first" ]; then set -- "$first" "$@"; fi
set -- $log4j -cp "${CLASSPATH:+$CLASSPATH:}$base/libs/*" ${KAFKA_OPTS:-} "$class" "$@"
set -- $jmx "-Dkafka.logs.dir=$log_dir" "$@"
if [ -n "${KAFKA_GC_LOG_OPTS:-}" ]; then
    set -- $KAFKA_GC_LOG_OPTS "$@"
elif [ -n "$gc_log" ]; then
    # The first number of the version: 1 up to Java 8.
    major=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if [ "${major:-1}" -ge 9 ]; then
        set -- "-Xlog:gc*:file=$log_dir/$name-gc.log:time,tags:filecount=10,filesize=@GC_LOG_SIZE@" "$@"
    else
        set -- "-Xloggc:$log_dir/$name-gc.log" @GC_LOG_OF_JAVA_8@ "$@"
    fi
fi
set -- ${KAFKA_HEAP_OPTS:-$heap} $flags "$@"

if [ -n "$daemon" ]; then
    nohup "$java" "$@" > "$log_dir/$name.out" 2>&1 < /dev/null &
    exit 0
fi
exec "$java" "$@"
