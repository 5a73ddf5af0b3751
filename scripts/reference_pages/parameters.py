"""The parameters of the nodes: names, defaults, ranges and descriptions from the classes that declare them."""

import json
from collections.abc import Iterator
from dataclasses import fields

from handos_ros.parameter_file import NODES
from handos_ros.parameters.parameter_set import ParameterRule, rules_of
from reference_pages.markdown import code, page, prose, table

_HEADER = ("parameter", "default", "range", "live", "")
_INTRO = """\
Start a node with a copy of its file, [config/handos.yaml](../../config/handos.yaml) or
[config/retarget.yaml](../../config/retarget.yaml), or set single parameters with `-p NAME:=VALUE` and as
[launch arguments](launch_arguments.md). Those that are *live* may be changed while the node runs, for example
`ros2 param set /handos smoothing false`; the others are read when the node is configured."""


def parameters_page() -> str:
    """A section for each node, with a table under each heading of its parameter file."""
    return page(
        "Parameters",
        "handos_ros/parameters/node_parameters.py and handos_ros/retarget/parameters.py",
        _INTRO,
        *_nodes(),
    )


def _nodes() -> Iterator[str]:
    for name, node in NODES.items():
        yield f"## {name}"
        rules = rules_of(node.parameters)
        heading, rows = "Lifecycle", list[list[str]]()
        for field in fields(node.parameters):
            if field.name in node.sections:
                yield from _section(name, heading, rows)
                heading, rows = node.sections[field.name], []
            rows.append(_row(field.name, field.default, rules[field.name]))
        yield from _section(name, heading, rows)


def _section(node: str, heading: str, rows: list[list[str]]) -> Iterator[str]:
    yield f"### {heading} of {node}"
    yield table(_HEADER, rows)


def _row(name: str, default: object, rule: ParameterRule) -> list[str]:
    accepted = ", ".join(map(code, rule.choices))
    if rule.between is not None:
        accepted = f"{rule.between[0]:g}..{rule.between[1]:g}"
    return [code(name), code(json.dumps(default)), accepted, "yes" if rule.live else "", prose(rule.description)]
