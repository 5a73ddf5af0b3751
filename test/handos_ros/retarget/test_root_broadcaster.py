"""Where robot hands are broadcast on /tf: at the hand that they follow."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from generic_hands import SIDES, generic_hand
from hands import hand_at
from std_msgs.msg import Header
from transforms import import_tf2_ros

from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Handedness
from handos_model.retargeting.hand_frame import hand_frame
from handos_model.teleoperation.wrist_motion import WristPose
from handos_ros.messages.rigid_transform import RigidTransform
from handos_ros.retarget.root_broadcaster import RootBroadcaster, robot_frame_prefix, root_transform

HEADER = Header(frame_id="camera")
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""A root link whose frame is a quarter turn about the fingers away from the hand frame."""


class RecordingNode:
    """A node that keeps what is published and logged."""

    def __init__(self) -> None:
        self.published: list[Any] = []
        self.logged: list[str] = []

    def get_fully_qualified_name(self) -> str:
        return "/arm/retarget"

    def get_logger(self) -> Any:
        return SimpleNamespace(warning=lambda text, **_: self.logged.append(text))

    def create_publisher(self, *_: Any) -> Any:
        return SimpleNamespace(publish=self.published.append)

    def destroy_publisher(self, _: Any) -> None:
        self.logged.append("withdrawn")


def wrist_of_a_hand(side: Handedness) -> tuple[WristPose, np.ndarray]:
    """Its wrist, and the axes of its hand frame as columns, both in the camera's frame."""
    hand = hand_at(320, side=side)
    assert hand.joints_3d is not None
    joints = hand.joints_3d.astype(np.float64)
    return WristPose(joints[0], wrist_orientation(hand.joints_3d, side)), hand_frame(joints, side)


@pytest.mark.parametrize("side", SIDES)
def test_the_root_is_at_the_wrist_and_points_where_the_hand_points(side: Handedness) -> None:
    wrist, frame = wrist_of_a_hand(side)
    message = root_transform(generic_hand(side), wrist, HEADER, "retarget/")
    found = RigidTransform.from_message(message.transform)
    assert message.header.frame_id == "camera"
    assert message.child_frame_id == f"retarget/{side}_palm"
    np.testing.assert_allclose(found.translation, wrist.position)
    cosines = np.einsum("ij,ij->j", found.rotation_matrix, frame)
    assert (cosines > 0.98).all()  # the wrist's x axis ends between index and pinky, the hand frame's z at the middle


def test_the_root_is_turned_as_the_robot_file_says() -> None:
    wrist, _ = wrist_of_a_hand("right")
    robot = generic_hand("right")
    straight = RigidTransform.from_message(root_transform(robot, wrist, HEADER, "").transform).rotation_matrix
    turned = root_transform(replace(robot, hand_rotation=TURN), wrist, HEADER, "")
    np.testing.assert_allclose(
        RigidTransform.from_message(turned.transform).rotation_matrix @ TURN, straight, atol=1e-9
    )


def test_two_equal_robots_share_no_frame() -> None:
    assert robot_frame_prefix("/retarget", "left") == "retarget/left/"
    assert robot_frame_prefix("/arm/retarget", "right") == "arm/retarget/right/"


def test_it_is_broadcast_where_tf2_is_there() -> None:
    import_tf2_ros()
    node = RecordingNode()
    root = RootBroadcaster(node, generic_hand("left"))  # type: ignore[arg-type]
    root.broadcast(wrist_of_a_hand("left")[0], HEADER)
    (message,) = node.published
    (transform,) = getattr(message, "transforms", [message])  # of the real tf2, of the stand-in
    assert transform.child_frame_id == "arm/retarget/left/left_palm"
    root.close()
    assert node.logged == ["withdrawn"]


def test_hands_without_a_frame_are_told_and_never_sent() -> None:
    import_tf2_ros()
    node = RecordingNode()
    RootBroadcaster(node, generic_hand("left")).broadcast(wrist_of_a_hand("left")[0], Header())  # type: ignore[arg-type]
    assert node.published == []
    (line,) = node.logged
    assert "frame_id" in line


def test_without_tf2_nothing_is_broadcast_which_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    node = RecordingNode()
    root = RootBroadcaster(node, generic_hand("left"))  # type: ignore[arg-type]
    root.broadcast(wrist_of_a_hand("left")[0], HEADER)
    root.close()
    (line,) = node.logged
    assert "tf2_ros" in line
