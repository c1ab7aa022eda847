"""capacity: how many partitions a topic needs for what is to go through it.

A krun plugin in Python. What is exported, and what may be imported, is in ../wit/1.0.0; componentize-py
makes the packages `wit_world` and `componentize_py_types` of it.
"""

import json
from math import ceil

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import step_kinds as kinds
from wit_world.imports import kafka
from wit_world.imports.types import Fault, FaultCode

NUMBER = {"type": "integer"}


def number(doc):
    return {**NUMBER, "description": doc}


ARGUMENTS = {
    "type": "object",
    "properties": {
        "bootstrap": {
            "type": "array",
            "items": {"type": "string"},
            "description": "`host:port` of the cluster's bootstrap servers: partitions are spread evenly over its brokers.",
        },
        "topic": {
            "type": "string",
            "description": "A topic that must have as many, where it is there already.",
        },
        "write_mb_s": number("What is written to the topic, in MB a second at peak."),
        "read_mb_s": number("What one consumer group reads, likewise; as much as is written if not given."),
        "producer_mb_s": number("What one partition takes from producers, in MB a second, as measured; 10 if not given."),
        "consumer_mb_s": number("What one consumer does with a partition, likewise; 20 if not given."),
        "growth_percent": number("How much more it may become; 50 if not given."),
        "retention_hours": number("How long records stay, so that no partition grows too large."),
        "max_partition_gb": number("The largest partition, in GB; 50 if not given."),
    },
    "required": ["bootstrap", "write_mb_s"],
}

DEFAULTS = {"producer_mb_s": 10, "consumer_mb_s": 20, "growth_percent": 50, "max_partition_gb": 50}


def needed(args, brokers):
    """How many partitions, and what decides it."""
    growth = 1 + args["growth_percent"] / 100
    write = args["write_mb_s"] * growth
    read = args.get("read_mb_s", args["write_mb_s"]) * growth
    reasons = {
        "what producers write": ceil(write / args["producer_mb_s"]),
        "what consumers read": ceil(read / args["consumer_mb_s"]),
    }
    if "retention_hours" in args:
        kept_gb = write * 3600 * args["retention_hours"] / 1000
        reasons["what is kept"] = ceil(kept_gb / args["max_partition_gb"])
    why = max(reasons, key=reasons.get)
    spread = max(brokers, 1)
    return ceil(max(reasons[why], 1) / spread) * spread, why


def refuse(code, what, why=None, hints=()):
    raise Err(Fault(code, what, None, why, list(hints), []))


class StepKinds(exports.StepKinds):
    def describe(self):
        kind = kinds.Kind(
            name="partitions",
            doc="Computes how many partitions a topic needs for its throughput, spread evenly over the brokers, "
            "and fails if a topic that is there has fewer.",
            mode=kinds.Mode.PROOF,
            undo=kinds.UndoClass.NOTHING,
            undoes=False,
            arguments=json.dumps(ARGUMENTS),
            outputs=[
                kinds.Output("partitions", "How many partitions it needs."),
                kinds.Output("decided_by", "What asks for most of them."),
            ],
            examples=['let size = capacity::partitions("size", #{ bootstrap: bootstrap, write_mb_s: 120 });\n'],
        )
        want = kinds.Want("kafka:HOST:PORT", "the brokers are counted, and the topic's partitions")
        return kinds.Description(
            "capacity", "0.1.0", "How large topics must be for what goes through them.", [kind], [want]
        )

    def validate(self, kind, arguments):
        for name, value in json.loads(arguments).items():
            if ARGUMENTS["properties"][name].get("type") == "integer" and value < 1 and name != "growth_percent":
                refuse(FaultCode.SCRIPT, f"`{name}` is at least 1", f"it is {value}")
        return []

    def check(self, step, look):
        args = {**DEFAULTS, **json.loads(step.arguments)}
        cluster = kafka.look(look, args["bootstrap"])
        partitions, why = needed(args, len(cluster.brokers))
        for topic in cluster.topics:
            if topic.name == args.get("topic") and len(topic.partitions) < partitions:
                refuse(
                    FaultCode.PROOF_FAILED,
                    f"the topic `{topic.name}` is too small for what goes through it",
                    f"it has {len(topic.partitions)} partitions, and {partitions} are needed for {why}",
                    ["Add partitions; keys map to other partitions from then on."],
                )
        return kinds.Finding_Satisfied(json.dumps({"partitions": partitions, "decided_by": why}))

    def incarnation(self, step, look):
        return None

    def apply(self, step, change, look, act):
        refuse(FaultCode.OTHER, "a proof changes nothing")

    def verify(self, step, look):
        pass

    def undo(self, step, look, act):
        refuse(FaultCode.OTHER, "a proof has nothing to take back")

    def upgrade(self, kind, version, kept):
        return kept
