"""Parameters, their file and the documentation say the same; RViz shows what the node publishes."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from handos_ros.parameter_file import NODES, parameter_file
from handos_ros.parameter_set import rules_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("node", NODES)
def test_the_parameter_file_is_the_generated_one(node: str) -> None:
    assert (ROOT / f"config/{node}.yaml").read_text() == parameter_file(node)


@pytest.mark.parametrize("node", NODES)
def test_the_parameter_file_holds_every_parameter_with_its_default(node: str) -> None:
    defaults = {entry.name: entry.default for entry in fields(NODES[node].parameters)}
    values = yaml.safe_load(parameter_file(node))["/**"]["ros__parameters"]
    assert values == {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


@pytest.mark.parametrize("node", NODES)
def test_the_documentation_names_every_parameter_with_its_range(node: str) -> None:
    text = (ROOT / NODES[node].page).read_text()
    rows = dict(re.findall(r"^\| `(\w+)` (\|.*)$", text.split("\n## Parameters\n")[1], re.MULTILINE))
    for name, rule in rules_of(NODES[node].parameters).items():
        assert name in rows
        assert ("| yes |" in rows[name]) is rule.live, name
        if rule.between is not None and name != "field_of_view":
            assert f"| {rule.between[0]:g}..{rule.between[1]:g}" in rows[name], name


def test_the_documentation_names_every_topic_and_service_of_retarget() -> None:
    section = (ROOT / "docs/teleoperation.md").read_text().split("\n## Topics and services\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\S+)` \|", section, re.MULTILINE)) - {"hands", "/tf", "/diagnostics"}
    code = "".join(path.read_text() for path in (ROOT / "handos_ros/retarget").glob("*.py"))
    named = {name.replace("{robot.side}", "SIDE") for name in re.findall(r'"(~/[\w/.{}]+)"', code)}
    advertised = {f"~/SIDE/{name}" for name in re.findall(r'_advertise\(\w+, "(\w+)"\)', code)}
    assert documented == advertised | named - {"~/{self._side}/{name}"}


def test_rviz_shows_topics_that_the_node_publishes() -> None:
    shown = yaml.safe_load((ROOT / "config/handos.rviz").read_text())["Visualization Manager"]["Displays"]
    topics = {display["Topic"]["Value"].removeprefix("/handos/") for display in shown if "Topic" in display}
    publishers = (ROOT / "handos_ros/camera_publishers.py").read_text()
    advertised = set(re.findall(r"_advertise\(\w+, f?\"(.+?)\"", publishers))
    assert topics == {"markers", "fingertips", "overlay", "left/wrist", "right/wrist"}
    assert {topic.replace("left", "{side}").replace("right", "{side}") for topic in topics} <= advertised
