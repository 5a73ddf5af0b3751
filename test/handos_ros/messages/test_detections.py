"""Hands as vision_msgs: with the real messages where they are installed, otherwise with stand-ins."""

import importlib.util
import math
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import stand_in_vision_msgs
from any_hands import tracked_hands
from hands import hand_at
from hypothesis import given
from std_msgs.msg import Header

from handos_model.hand.hand import Hand
from handos_ros.messages.detections import DetectionMessages
from handos_ros.messages.hand_messages import wrist_pose
from handos_ros.messages.rigid_transform import PoseFrame, RigidTransform

HEADER = Header(frame_id="camera")
IN_BASE = PoseFrame(Header(frame_id="base"), RigidTransform((1.0, 2.0, 3.0), (0.5, -0.5, 0.5, 0.5)))
IS_INSTALLED = importlib.util.find_spec("vision_msgs") is not None


@pytest.fixture(scope="module")
def messages() -> DetectionMessages:
    with pytest.MonkeyPatch.context() as patch:
        if not IS_INSTALLED:
            patch.setitem(sys.modules, "vision_msgs", SimpleNamespace(msg=stand_in_vision_msgs))
        return DetectionMessages()


def corners_of(box: Any) -> np.ndarray:
    """(8, 3) corners of an oriented box; it must have a rotation of its own."""
    q = np.array([getattr(box.center.orientation, name) for name in "xyz"])
    w, centre = box.center.orientation.w, box.center.position
    sizes = np.array([box.size.x, box.size.y, box.size.z])
    signs = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T
    offsets = signs * sizes
    turned = offsets + 2 * w * np.cross(q, offsets) + 2 * np.cross(q, np.cross(q, offsets))
    return turned + np.array([centre.x, centre.y, centre.z])


def test_boxes_in_pixels_have_the_side_the_score_and_the_id_of_their_hand(messages: DetectionMessages) -> None:
    hand = replace(hand_at(200, side="left"), id=7)
    array = messages.in_2d([hand], HEADER)
    (detection,) = array.detections
    (result,) = detection.results
    assert array.header == detection.header == HEADER
    assert (detection.id, result.hypothesis.class_id) == ("7", "left_hand")
    assert result.hypothesis.score == pytest.approx(hand.score)
    centre, (left, top, right, bottom) = detection.bbox.center, hand.box.tolist()
    assert (centre.position.x, centre.position.y, centre.theta) == ((left + right) / 2, (top + bottom) / 2, 0.0)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (right - left, bottom - top)


@pytest.mark.parametrize("frame", [PoseFrame(HEADER), IN_BASE], ids=["camera", "base"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_oriented_box_is_the_smallest_along_the_wrist_that_holds_the_hand(
    messages: DetectionMessages, frame: PoseFrame, side: Any
) -> None:
    hand = replace(hand_at(200, side=side), id=3)
    assert hand.metric is not None
    array = messages.in_3d([hand], frame)
    (detection,) = array.detections
    assert array.header == detection.header == frame.header
    corners = corners_of(detection.bbox)
    vertices = np.array([frame.from_camera.position(tuple(v)) for v in hand.metric.vertices.tolist()])
    origin = corners[0]
    for k in (1, 2, 4):  # the three edges at the first corner
        edge = corners[k] - origin
        along = (vertices - origin) @ edge / (edge @ edge)
        assert along.min() == pytest.approx(0, abs=1e-4)
        assert along.max() == pytest.approx(1, abs=1e-4)
    sizes = sorted([detection.bbox.size.x, detection.bbox.size.y, detection.bbox.size.z])
    assert 0.02 < sizes[0] < sizes[2] < 0.3


def test_the_pose_of_a_detection_is_that_of_the_wrist_with_unknown_covariance(messages: DetectionMessages) -> None:
    hand = hand_at(200)
    assert hand.metric is not None
    (detection,) = messages.in_3d([hand], IN_BASE).detections
    (result,) = detection.results
    assert result.pose.pose == wrist_pose(hand.metric, "right", IN_BASE.from_camera)
    assert not np.any(result.pose.covariance)
    assert (detection.id, result.hypothesis.class_id) == ("", "right_hand")


def test_hands_that_were_not_seen_are_no_detections_and_hands_without_metres_none_in_3d(
    messages: DetectionMessages,
) -> None:
    seen, flat = replace(hand_at(100), id=1, tentative=True), replace(hand_at(300), id=2, metric=None)
    guess = replace(hand_at(500), id=3, coasting=True)
    assert [each.id for each in messages.in_2d([seen, flat, guess], HEADER).detections] == ["1", "2"]
    assert [each.id for each in messages.in_3d([seen, flat, guess], PoseFrame(HEADER)).detections] == ["1"]


def test_without_a_mesh_the_box_holds_the_joints(messages: DetectionMessages) -> None:
    hand = hand_at(200)
    assert hand.metric is not None
    bare = replace(hand, metric=replace(hand.metric, vertices=np.zeros((0, 3), np.float32)))
    with_mesh, without = (messages.in_3d([each], IN_BASE).detections[0].bbox for each in (hand, bare))
    for axis in "xyz":
        assert 0 < getattr(without.size, axis) < getattr(with_mesh.size, axis)


@given(hands=tracked_hands())
def test_detections_are_finite_and_their_orientations_rotations(
    messages: DetectionMessages, hands: tuple[Hand, ...]
) -> None:
    for detection in messages.in_3d(hands, IN_BASE).detections:
        assert np.isfinite(corners_of(detection.bbox)).all()
        for orientation in (detection.bbox.center.orientation, detection.results[0].pose.pose.orientation):
            norm = math.hypot(orientation.x, orientation.y, orientation.z, orientation.w)
            assert norm == pytest.approx(1, abs=1e-5)
    for detection in messages.in_2d(hands, HEADER).detections:
        assert min(detection.bbox.size_x, detection.bbox.size_y) >= 0
