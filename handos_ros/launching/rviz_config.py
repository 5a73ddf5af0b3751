"""The configuration of RViz for one launch: topics of its node and cameras, the fixed frame, and robot hands."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import yaml

from handos_ros.topics.names import in_camera_namespace

_TEMPLATE_NODE: Final = "/handos"
"""Full name of the node in the template."""


def rviz_config(template: str, node: str, cameras: Sequence[str], fixed_frame: str) -> str:
    """Fill in the template.

    Parameters
    ----------
    template
        Text of config/handos.rviz or of a file like it: the configuration for the node /handos with one camera without
        a name. What is no topic of that node stays.
    node
        Full name of the node.
    cameras
        Their names; displays of a camera's topics are repeated for each.
    fixed_frame
        Frame in which everything is shown; empty: the template's.
    """
    config = yaml.safe_load(template)
    manager = config["Visualization Manager"]
    manager["Displays"] = [
        shown for display in manager["Displays"] for shown in _displays_of_cameras(display, node, cameras)
    ]
    if fixed_frame:
        manager["Global Options"]["Fixed Frame"] = fixed_frame
        manager["Views"]["Current"]["Target Frame"] = fixed_frame
    return yaml.safe_dump(config, sort_keys=False)


def with_robots(template: str, robots: Mapping[str, str]) -> str:
    """The template with a display for each robot hand.

    Parameters
    ----------
    template
        Text of a configuration.
    robots
        Topic of each robot's description, by the prefix of its frames, which ends in a slash.
    """
    config = yaml.safe_load(template)
    displays = config["Visualization Manager"]["Displays"]
    shown = [display.get("Description Topic", {}).get("Value") for display in displays]
    displays += [_robot_display(prefix, topic) for prefix, topic in robots.items() if topic not in shown]
    return yaml.safe_dump(config, sort_keys=False)


def _robot_display(prefix: str, topic: str) -> dict[str, Any]:
    return {
        "Class": "rviz_default_plugins/RobotModel",
        "Name": f"Robot hand {prefix.rstrip('/')}",
        "Enabled": True,
        "Description Source": "Topic",
        "Description Topic": {
            "Value": topic,
            "Depth": 1,
            "Durability Policy": "Transient Local",
            "History Policy": "Keep Last",
            "Reliability Policy": "Reliable",
        },
        "TF Prefix": prefix.rstrip("/"),  # RViz puts a slash between it and the link
        "Visual Enabled": True,
    }


def _displays_of_cameras(display: dict[str, Any], node: str, cameras: Sequence[str]) -> list[dict[str, Any]]:
    if not display.get("Topic", {}).get("Value", "").startswith(f"{_TEMPLATE_NODE}/"):
        return [display]
    name = display["Topic"]["Value"].removeprefix(f"{_TEMPLATE_NODE}/")
    displays = []
    for camera in cameras:
        shown = deepcopy(display)
        shown["Topic"]["Value"] = f"{node}/{in_camera_namespace(camera, name)}"
        shown["Name"] = f"{display['Name']} of {camera}" if camera else display["Name"]
        displays.append(shown)
    return displays
