"""Parameters and their file say the same; RViz shows what the node publishes. The reference: test/docs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from handos_ros.parameter_file import NODES, parameter_file

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("node", NODES)
def test_the_parameter_file_is_the_generated_one(node: str) -> None:
    assert (ROOT / f"config/{node}.yaml").read_text() == parameter_file(node)


@pytest.mark.parametrize("node", NODES)
def test_the_parameter_file_holds_every_parameter_with_its_default(node: str) -> None:
    defaults = {entry.name: entry.default for entry in fields(NODES[node].parameters)}
    values = yaml.safe_load(parameter_file(node))["/**"]["ros__parameters"]
    assert values == {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


def test_rviz_shows_topics_that_the_node_publishes() -> None:
    shown = yaml.safe_load((ROOT / "config/handos.rviz").read_text())["Visualization Manager"]["Displays"]
    topics = {display["Topic"]["Value"].removeprefix("/handos/") for display in shown if "Topic" in display}
    publishers = (ROOT / "handos_ros/outputs/camera_publishers.py").read_text()
    advertised = set(re.findall(r"_advertise\(\w+, f?\"(.+?)\"", publishers))
    assert topics == {"markers", "fingertips", "overlay", "left/wrist", "right/wrist"}
    assert {topic.replace("left", "{side}").replace("right", "{side}") for topic in topics} <= advertised
