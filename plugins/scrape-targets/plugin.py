"""scrape-targets: where the metrics of a cluster's brokers are, for a Prometheus that reads its targets from files.

A whole krun runbook in Python. What is exported is in ../wit/1.0.0/runbook.wit; componentize-py makes the packages
`wit_world` and `componentize_py_types` of it. It looks at nothing: the same parameters give the same steps.
"""

import json
import re
from functools import wraps

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import runbook as wit
from wit_world.imports.types import Fault, FaultCode


def param(name, ty, doc, default=None, identity=False, limits=(None, None), choices=()):
    """A parameter as the contract has it; one without a default must be given."""
    default = None if default is None else json.dumps(default)
    return wit.Param(name, ty, default, doc, identity, *limits, [json.dumps(one) for one in choices])


def step(kind, address, doc="", **arguments):
    """A step of any kind. Among its arguments can be those that every step has: `after` names other steps, and
    `{"$output": [ADDRESS, NAME]}` stands for what one of them will say."""
    return wit.Statement_Step(wit.Step(kind, address, doc, json.dumps(arguments)))


def phase(title, doc=""):
    return wit.Statement_Phase(wit.Titled(title, doc))


def refuse(parameter, what, why, *hints):
    raise Err(Fault(FaultCode.SCRIPT, what, f"parameter {parameter}", why, list(hints), []))


def told(work):
    """What is raised must be a fault: anything else would end the component without a word."""

    @wraps(work)
    def inner(*given):
        try:
            return work(*given)
        except Err:
            raise
        except Exception as error:
            lines, place = [], error.__traceback__
            while place:
                lines.append(f"{place.tb_frame.f_code.co_name}, line {place.tb_lineno}")
                place = place.tb_next
            raise Err(Fault(FaultCode.OTHER, "the runbook itself failed", None, repr(error), [], lines))

    return inner


def targets(args):
    """What Prometheus reads: a list of groups, each of servers with the same labels."""
    racks = args["racks"] or [None] * len(args["brokers"])
    groups = {}
    for broker, rack in zip(args["brokers"], racks):
        groups.setdefault(rack, []).append(f"{broker}:{args['port']}")
    labelled = [
        {"targets": servers, "labels": {"cluster": args["cluster"], **({"rack": rack} if rack else {})}}
        for rack, servers in groups.items()
    ]
    return json.dumps(labelled, indent=2) + "\n"


class Runbook(exports.Runbook):
    def describe(self):
        return wit.Manifest(
            name="scrape-targets",
            version="0.1.0",
            summary="where the metrics of a cluster's brokers are",
            doc="Keeps a file of targets for a Prometheus that finds them in files.",
            requires=None,
            on_failure=None,
            uses=[],
            params=[
                param("brokers", "list<string>", "The hosts of the brokers.", limits=(1, None)),
                param("cluster", "string", "The cluster's name: a label, and the file's name.", identity=True),
                param("folder", "path", "The folder in which Prometheus looks for targets."),
                param("port", "port", "Where each broker shows its metrics.", default=7071),
                param("racks", "list<string>", "The rack of each broker, in the same order; none without it.", default=[]),
            ],
        )

    @told
    def declare(self, parameters):
        args = json.loads(parameters)
        if not re.fullmatch("[a-z][a-z0-9-]*", args["cluster"]):
            refuse(
                "cluster",
                f"`{args['cluster']}` can't be a cluster's name",
                "names are lower-case letters, digits and hyphens",
            )
        if args["racks"] and len(args["racks"]) != len(args["brokers"]):
            count = f"there are {len(args['brokers'])} brokers and {len(args['racks'])} racks"
            refuse("racks", "each broker is in one rack", count, "Give a rack for each broker, or none.")
        path = f"{args['folder']}/{args['cluster']}.json"
        return [
            phase("Targets"),
            step("directory", "folder", "Prometheus looks into it again and again.", path=args["folder"]),
            step("file", "targets", path=path, content=targets(args), after=["folder"]),
        ]
