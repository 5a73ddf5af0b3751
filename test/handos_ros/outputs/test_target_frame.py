"""Poses in the user's frame: with the real tf2_ros where it is installed, otherwise with a stand-in."""

import math
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hands import hand_at
from node_process import Client
from rclpy.clock import ClockType
from rclpy.time import Time
from std_msgs.msg import Header
from transforms import import_tf2_ros, stamp, transform

from handos_model.hand.skeleton import FINGERTIPS
from handos_ros.messages.hand_messages import fingertips_message, wrist_message, wrist_pose
from handos_ros.messages.rigid_transform import IDENTITY, PoseFrame, RigidTransform
from handos_ros.outputs import target_frame
from handos_ros.outputs.target_frame import MissingTransformError, TargetFrame

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
HALF = math.sqrt(0.5)
import_tf2_ros()


def matrix_of(rotation: Any) -> np.ndarray:
    """(3, 3) matrix of a quaternion message, by its angle and axis (Rodrigues)."""
    q = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
    angle, axis = 2 * math.acos(np.clip(q[3], -1, 1)), q[:3] / max(np.linalg.norm(q[:3]), 1e-12)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k


def position_of(pose: Any) -> np.ndarray:
    return np.array([pose.position.x, pose.position.y, pose.position.z])


def header(frame: str = "camera", nanoseconds: int = NOW) -> Header:
    return Header(frame_id=frame, stamp=stamp(nanoseconds))


@pytest.fixture
def target(client: Client) -> Iterator[TargetFrame]:
    target = TargetFrame(client.node, "base")
    yield target
    target.close()


@pytest.fixture
def buffer(target: TargetFrame) -> Any:
    """tf2's, to be filled as its listener does."""
    return target._buffer


@pytest.mark.parametrize("seed", range(5))
def test_poses_in_the_target_frame_are_those_of_the_camera_moved(target: TargetFrame, buffer: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, t = rng.normal(size=4), rng.normal(size=3)
    q /= np.linalg.norm(q)
    moved = transform("base", "camera", tuple(t.tolist()), tuple(q.tolist()))
    buffer.set_transform_static(moved, "test")
    frame = target.pose_frame(header())
    hand = hand_at(200, side="left")
    assert hand.metric is not None
    rotation = matrix_of(moved.transform.rotation)
    in_camera, in_base = wrist_pose(hand.metric, "left"), wrist_message(hand.metric, "left", frame)
    np.testing.assert_allclose(position_of(in_base.pose), rotation @ position_of(in_camera) + t, atol=1e-9)
    np.testing.assert_allclose(
        matrix_of(in_base.pose.orientation), rotation @ matrix_of(in_camera.orientation), atol=1e-6
    )
    tips = fingertips_message([hand], frame)
    for pose, tip in zip(tips.poses, FINGERTIPS, strict=True):
        np.testing.assert_allclose(position_of(pose), rotation @ hand.metric.joints_3d[tip] + t, atol=1e-6)
    assert {message.header.frame_id for message in (in_base, tips)} == {"base"}
    assert {message.header.stamp.sec for message in (in_base, tips)} == {NOW // SECOND}


def test_without_a_target_frame_poses_are_the_camera_s_to_the_last_bit() -> None:
    assert IDENTITY.position((0.1, -0.2, 0.3)) == (0.1, -0.2, 0.3)
    assert IDENTITY.orientation((0.5, -0.5, 0.5, 0.5)) == (0.5, -0.5, 0.5, 0.5)
    assert PoseFrame(header()).header.frame_id == "camera"


def test_a_moving_camera_is_where_it_was_when_the_image_was_taken(target: TargetFrame, buffer: Any) -> None:
    buffer.set_transform_static(transform("arm", "camera", (0.0, 0.0, 0.5)), "test")
    buffer.set_transform(transform("base", "arm", (1.0, 0.0, 0.0), nanoseconds=NOW), "test")
    turned = transform("base", "arm", (2.0, 0.0, 0.0), (0.0, HALF, 0.0, HALF), NOW + SECOND)
    buffer.set_transform(turned, "test")
    place = target.pose_frame(header(nanoseconds=NOW + SECOND // 2)).from_camera
    # Half way, and turned by 45 degrees about y: the camera's z is between base's z and x.
    np.testing.assert_allclose(place.translation, (1.5 + 0.5 * HALF, 0, 0.5 * HALF), atol=1e-9)
    np.testing.assert_allclose(place.position((0, 0, 1)), (1.5 + 1.5 * HALF, 0, 1.5 * HALF), atol=1e-9)


def test_images_without_a_stamp_get_the_newest_transform(target: TargetFrame, buffer: Any) -> None:
    for k in range(3):
        buffer.set_transform(transform("base", "camera", (float(k), 0.0, 0.0), nanoseconds=NOW + k), "test")
    assert target.pose_frame(header(nanoseconds=0)).from_camera.translation == (2.0, 0.0, 0.0)


def test_frames_of_images_may_start_with_a_slash_as_in_transforms(target: TargetFrame, buffer: Any) -> None:
    buffer.set_transform_static(transform("/base", "/camera", (1.0, 2.0, 3.0)), "test")
    assert target.pose_frame(header("/camera")).from_camera.translation == (1.0, 2.0, 3.0)


def test_images_that_are_in_the_target_frame_need_no_transform(target: TargetFrame) -> None:
    for frame in ("base", "/base"):
        assert target.pose_frame(header(frame)) == PoseFrame(header("base"))


@pytest.mark.parametrize(
    ("frame", "nanoseconds", "reason"),
    [
        ("unknown", NOW, "does not exist"),
        ("island", NOW, "connect"),
        ("camera", NOW - SECOND, "into the past"),
        ("camera", NOW + 3 * SECOND, "into the future"),
        ("", NOW, "empty"),
        ("//camera", NOW, "start with"),
    ],
)
def test_a_missing_transform_is_told_with_both_frames_and_the_reason_of_tf2(
    target: TargetFrame, buffer: Any, frame: str, nanoseconds: int, reason: str
) -> None:
    buffer.set_transform_static(transform("sea", "island"), "test")
    for k in range(2):
        buffer.set_transform(transform("base", "camera", nanoseconds=NOW + k * SECOND), "test")
    with pytest.raises(MissingTransformError) as raised:
        target.pose_frame(header(frame, nanoseconds))
    message = str(raised.value)
    assert repr(frame) in message
    assert "'base'" in message
    assert reason in message


def test_a_transform_that_is_about_to_come_is_waited_for(client: Client) -> None:
    target = TargetFrame(client.node, "base", patience=20.0)
    buffer = target._buffer
    buffer.set_transform(transform("base", "camera", nanoseconds=NOW), "test")
    later = transform("base", "camera", (0.0, 0.0, 7.0), nanoseconds=NOW + SECOND // 5)
    timer = threading.Timer(0.1, buffer.set_transform, (later, "test"))
    timer.start()
    assert target.pose_frame(header(nanoseconds=NOW + SECOND // 5)).from_camera.translation == (0.0, 0.0, 7.0)
    target.close()


@pytest.mark.parametrize("nanoseconds", [NOW - SECOND, NOW, NOW + SECOND // 2, 0, -SECOND])
def test_nobody_waits_for_a_transform_that_is_there_or_will_not_come(
    target: TargetFrame, buffer: Any, monkeypatch: pytest.MonkeyPatch, nanoseconds: int
) -> None:
    buffer.set_transform(transform("base", "camera", nanoseconds=NOW), "test")
    slept: list[float] = []
    monkeypatch.setattr(target_frame.time, "sleep", slept.append)
    try:
        target.pose_frame(header(nanoseconds=nanoseconds))
    except MissingTransformError:
        assert nanoseconds not in (NOW, 0)
    assert slept == []


def test_without_patience_nobody_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(target_frame.time, "sleep", slept.append)
    target = TargetFrame(client.node, "base", patience=0.0)
    target._buffer.set_transform(transform("base", "camera", nanoseconds=NOW), "test")
    with pytest.raises(MissingTransformError):
        target.pose_frame(header(nanoseconds=NOW + SECOND // 10))
    assert slept == []
    target.close()


def test_a_transform_that_is_not_finite_is_no_transform(target: TargetFrame, buffer: Any) -> None:
    buffer.set_transform_static(transform("base", "camera", (math.inf, 0.0, 0.0)), "test")
    with pytest.raises(MissingTransformError, match="no rigid transform"):
        target.pose_frame(header())


def test_transforms_are_forgotten_when_the_clock_is_set_back(client: Client, buffer: Any, target: TargetFrame) -> None:
    buffer.set_transform(transform("base", "camera", nanoseconds=NOW), "test")
    clock = client.node.get_clock()
    clock._set_ros_time_is_active(True)
    try:
        for seconds in (100, 50):
            clock.set_ros_time_override(Time(seconds=seconds, clock_type=ClockType.ROS_TIME))
        with pytest.raises(MissingTransformError):
            target.pose_frame(header())
    finally:
        clock._set_ros_time_is_active(False)


def test_without_tf2_a_target_frame_is_refused_by_its_name(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    with pytest.raises(ValueError, match=r"target_frame is 'base', but tf2_ros is not installed: .*tf2-ros-py"):
        TargetFrame(client.node, "base")


def test_quaternions_that_are_nearly_of_unit_length_are_made_so() -> None:
    message = transform("base", "camera", rotation=(0.0, 0.0, 0.0, 1.004)).transform
    assert RigidTransform.from_message(message).rotation == (0.0, 0.0, 0.0, 1.0)
