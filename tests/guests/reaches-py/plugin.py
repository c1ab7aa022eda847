"""A runbook for krun's tests that tries to reach what no plugin may, while it says what it is and while it declares."""

import json
import os
import random
import socket
import subprocess
import sys
import time

from wit_world import exports
from wit_world.exports import runbook as wit

# Each gives what it reached; it is given a port at which somebody listens.
ATTEMPTS = {
    "nothing": lambda _: "nothing",
    "clock": lambda _: time.time(),
    "timer": lambda _: time.monotonic(),
    "sleep": lambda _: time.sleep(0.001),
    "random": lambda _: random.random(),
    "entropy": lambda _: os.urandom(8).hex(),
    "environment": lambda _: os.environ.get("KRUN_TEST_WORD"),
    "console": lambda _: print("word on a terminal"),
    "errors": lambda _: print("word on a terminal", file=sys.stderr),
    "file": lambda _: open("/etc/hostname").read(),
    "folder": lambda _: os.listdir("/"),
    "written": lambda _: open("/tmp/krun-reached", "w").write("x"),
    "network": lambda port: socket.create_connection(("127.0.0.1", port)),
    "command": lambda _: subprocess.run(["true"], check=True),
    "input": lambda _: sys.stdin.read(1),
}


def attempted(name, port):
    try:
        return str(ATTEMPTS[name](port))
    except Exception as error:
        return f"refused: {error!r}"


def param(name, ty, default):
    default = None if default is None else json.dumps(default)
    return wit.Param(name, ty, default, "", False, None, None, [])


class Runbook(exports.Runbook):
    def describe(self):
        params = [param("attempt", "string", "nothing"), param("port", "port", 1), param("to", "path", None)]
        return wit.Manifest("reaches", "0.1.0", "a runbook for krun's tests", "", None, None, [], params)

    def declare(self, parameters):
        given = json.loads(parameters)
        arguments = json.dumps({"path": given["to"], "content": attempted(given["attempt"], given["port"])})
        return [wit.Statement_Step(wit.Step("file", "reached", "", arguments))]
