"""What markers, fingertips, transforms, overlays and diagnostics must be like."""

import re
from typing import Any, Final

import numpy as np
from broken_promise import require, require_finite, require_unit, require_within
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseArray, PoseStamped, TransformStamped
from published_hands import TOPOLOGY, SentImages
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

MESH_POINTS: Final = 3 * len(TOPOLOGY.faces_right)
POINTS: Final = {"mesh": MESH_POINTS, "bones": 40, "joints": 21, "label": 0}
UNEXPECTED: Final = re.compile(r"^[A-Za-z.]*(Error|Exception|Warning|Interrupt|Exit): ")
"""How the node counts an error that it has no words for."""


def check_markers(message: MarkerArray, sent: SentImages) -> None:
    """Check markers of all kinds."""
    for marker in message.markers:
        sent.size_of(marker.header, f"a {marker.ns} marker")
        require(marker.action in (Marker.ADD, Marker.DELETE), f"action {marker.action} is one of RViz")
        require(marker.ns in POINTS, f"namespace {marker.ns!r} is a known one")
        if marker.action == Marker.ADD:
            require(len(marker.points) == POINTS[marker.ns], f"{marker.ns} has {len(marker.points)} points")
            points = [(p.x, p.y, p.z) for p in [*marker.points, marker.pose.position, marker.scale]]
            require_finite(points, f"points of the {marker.ns} marker")
            require(marker.id > 0, "a marker has the id of its hand")


def check_fingertips(message: PoseArray, sent: SentImages) -> None:
    """Check fingertips."""
    sent.size_of(message.header, "fingertips")
    require(len(message.poses) % 5 == 0, f"five fingertips per hand, not {len(message.poses)}")
    for pose in message.poses:
        require_finite([pose.position.x, pose.position.y, pose.position.z], "a fingertip")
        require(pose.position.z > 0, "a fingertip is in front of the camera")
        require_unit(pose.orientation, "a fingertip's orientation")


def check_wrist(message: PoseStamped, sent: SentImages) -> None:
    """Check the pose of a wrist."""
    sent.size_of(message.header, "a wrist's pose")
    position = message.pose.position
    require_finite([position.x, position.y, position.z], "a wrist")
    require(position.z > 0, "a wrist is in front of the camera")
    require_unit(message.pose.orientation, "a wrist's orientation")


def check_transform(message: TransformStamped, sent: dict[str, SentImages]) -> None:
    """Check the wrist that is broadcast as a frame; images are given by the prefix of their frames."""
    prefix, _, name = message.child_frame_id.rpartition("/")
    require(prefix in sent, f"{message.child_frame_id!r} is a frame of one of {list(sent)}")
    require(re.fullmatch(r"(left|right)_wrist(_\d+)?", name), f"{message.child_frame_id!r} is a wrist")
    sent[prefix].size_of(message.header, "a transform")
    require(message.header.frame_id, "a transform has a frame")
    offset = message.transform.translation
    require_finite([offset.x, offset.y, offset.z], "a wrist")
    require(offset.z > 0, "a wrist is in front of the camera")
    require_unit(message.transform.rotation, "a wrist's orientation")


def check_overlay(message: Image, sent: SentImages) -> None:
    """Check the image that was drawn on."""
    size = sent.size_of(message.header, "an overlay")
    require(message.encoding == "bgr8", f"an overlay is bgr8, not {message.encoding}")
    require(message.step == 3 * message.width, "an overlay's rows have no padding")
    require(len(message.data) == message.height * message.step, "an overlay is complete")
    require(size in (None, (message.height, message.width)), f"an overlay has the size of its image, {size}")


def check_diagnostics(message: DiagnosticArray) -> None:
    """Check the statuses of a node, and that every error has words of its own."""
    require(message.status, "diagnostics are not empty")
    for status in message.status:
        levels = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)
        require(status.level in levels, f"level of {status.name!r} is valid: {status.level!r}")
        require(status.message, f"status {status.name!r} says something")
        values = {entry.key: entry.value for entry in status.values}
        _check_values(values, status.name)


def _check_values(values: dict[str, Any], name: str) -> None:
    error = values.get("last error", "")
    require(not UNEXPECTED.match(error), f"every error is explained, this one is bare: {error}")
    for key, value in values.items():
        if key != "last error":
            words = re.findall(r"[a-z]+", value)
            require(not {"nan", "inf"} & set(words), f"{name}: {key} is a number: {value}")
        if key == "image level [0..255]" and value != "no image yet":
            require_within(float(value), 0, 255, key)
        if key.startswith("frames ") or key.endswith(" dropped"):
            require(np.iinfo(np.int64).max > int(value) >= 0, f"{key} counts: {value}")
