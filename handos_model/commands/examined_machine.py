"""What `handos doctor` finds out about this machine: cameras and ROS 2."""

import os
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Final

from handos_model.commands.finding import Finding

DEVICES: Final = Path("/dev")


def examine_machine() -> Iterator[Finding]:
    """Cameras and ROS 2."""
    yield _cameras()
    yield _ros()


def _cameras() -> Finding:
    devices = sorted(DEVICES.glob("video*"))
    if not devices:
        return Finding("cameras", f"none: there is no {DEVICES}/video* (containers: `docker run --device`)", "-")
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        remedy = "sudo usermod --append --groups video $USER    # then log in again"
        return Finding("cameras", f"you have no permission to use {', '.join(closed)}", "warn", remedy)
    return Finding("cameras", ", ".join(map(str, devices)))


def _ros() -> Finding:
    if util.find_spec("rclpy") is None:
        state = "rclpy cannot be imported; only the node needs it: source a ROS 2 installation"
        return Finding("ROS 2", state, "-")
    if util.find_spec("handos_ros") is None or util.find_spec("handos_ros.msg") is None:
        state = "rclpy can be imported, but not handos_ros.msg: build the workspace and source install/setup.bash"
        return Finding("ROS 2", state, "-")
    return Finding("ROS 2", "rclpy and the messages can be imported")
