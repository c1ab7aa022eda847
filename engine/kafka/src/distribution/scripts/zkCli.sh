#!/bin/sh
# The command line of ZooKeeper @VERSION@; made by krun.
# CLIENT_JVMFLAGS, JAVA_HOME, JVMFLAGS, ZK_CLIENT_HEAP, ZOOCFGDIR and ZOO_LOG_DIR mean what they mean to
# ZooKeeper's own script.
self=$(readlink -f "$0") || exit 1
base=$(cd "$(dirname "$self")/.." && pwd) || exit 1
java=@JAVA@
if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; fi
[ -x "$java" ] || java=java
folder=${ZOOCFGDIR:-$base/@CONFIG@}
log_dir=${ZOO_LOG_DIR:-$base/logs}
exec "$java" "-Xmx${ZK_CLIENT_HEAP:-256}m" ${CLIENT_JVMFLAGS:-} ${JVMFLAGS:-} \
    @LOGGING@ \
    -cp "@CLASS_PATH@" org.apache.zookeeper.ZooKeeperMain "$@"
