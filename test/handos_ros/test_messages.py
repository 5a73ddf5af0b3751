"""Builders of messages, without a node."""

from dataclasses import replace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Quaternion
from hands import TOPOLOGY, hand_at
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand.skeleton import JOINT_NAMES
from handos_ros.counters import CameraCounters, ErrorCounters
from handos_ros.diagnostics import CameraCondition, camera_status, node_status
from handos_ros.large_images import profile_file, profile_variable
from handos_ros.lost_images import lost_images_warning, newly_lost
from handos_ros.markers import HandMarkers
from handos_ros.messages import fingertips_message
from handos_ros.rigid_transform import PoseFrame

HEADER = Header(frame_id="camera")


def turned(rotation: Quaternion, vector: tuple[float, float, float]) -> np.ndarray:
    """`vector` turned by a quaternion, by the formula of Rodrigues."""
    axis = np.array([rotation.x, rotation.y, rotation.z])
    v = np.array(vector)
    return v + 2 * rotation.w * np.cross(axis, v) + 2 * np.cross(axis, np.cross(axis, v))


def test_fingertips_are_those_of_the_joints_and_point_outwards() -> None:
    hand = hand_at(200)
    assert hand.joints_3d is not None
    message = fingertips_message([hand], PoseFrame(HEADER))
    assert len(message.poses) == 5
    for pose, finger in zip(message.poses, ("thumb", "index", "middle", "ring", "pinky"), strict=True):
        tip, before = JOINT_NAMES.index(f"{finger}_tip"), JOINT_NAMES.index(f"{finger}_tip") - 1
        position = [pose.position.x, pose.position.y, pose.position.z]
        np.testing.assert_allclose(position, hand.joints_3d[tip], atol=1e-6)
        bone = hand.joints_3d[tip] - hand.joints_3d[before]
        np.testing.assert_allclose(turned(pose.orientation, (1, 0, 0)), bone / np.linalg.norm(bone), atol=1e-5)


@pytest.mark.parametrize(
    "stamp", [Time(sec=5, nanosec=6), Time(sec=-5, nanosec=6), Time(sec=2**31 - 1, nanosec=2**32 - 1)]
)
def test_serialized_mesh_markers_are_those_of_the_vertices(stamp: Time) -> None:
    header = Header(frame_id="camera", stamp=stamp)
    markers = HandMarkers(TOPOLOGY)
    for hand in (replace(hand_at(100), id=7), replace(hand_at(140, side="left"), id=7)):
        light, mesh = markers.messages([hand], header)
        assert isinstance(mesh, bytes)
        (marker,) = deserialize_message(mesh, MarkerArray).markers
        faces = TOPOLOGY.faces_left if hand.handedness == "left" else TOPOLOGY.faces_right
        assert hand.vertices is not None
        points = np.array([(point.x, point.y, point.z) for point in marker.points])
        np.testing.assert_array_equal(points, hand.vertices[faces.reshape(-1)])
        assert (marker.header.stamp, marker.ns, marker.id) == (header.stamp, "mesh", 7)
        assert {m.ns for m in light.markers} == {"bones", "joints", "label"}


def test_mesh_templates_do_not_pile_up_where_every_image_has_a_frame_of_its_own() -> None:
    markers = HandMarkers(TOPOLOGY)
    for k in range(5):
        markers.messages([replace(hand_at(100), id=1), replace(hand_at(400), id=2)], Header(frame_id=f"camera_{k}"))
    assert len(markers._meshes) == 2


def test_markers_of_a_hand_that_leaves_are_deleted_once_and_others_are_not_touched() -> None:
    markers = HandMarkers(TOPOLOGY)
    stays, leaves = replace(hand_at(100), id=1), replace(hand_at(400), id=2)
    markers.messages([stays, leaves], HEADER)
    deleted = [(m.ns, m.id) for m in markers.messages([stays], HEADER)[0].markers if m.action == Marker.DELETE]
    assert sorted(deleted) == [("bones", 2), ("joints", 2), ("label", 2), ("mesh", 2)]
    assert not [m for m in markers.messages([stays], HEADER)[0].markers if m.action == Marker.DELETE]


def status_of(
    silent_for: float = 0.1, slow_for: float = 0.0, latencies: tuple[float, ...] = (5, 6, 7)
) -> DiagnosticStatus:
    counters = CameraCounters(received=10, lost=1, replaced=2, too_old=1, published=7, hands=2)
    counters.latencies.extend(latencies)
    return camera_status(CameraCondition("", "/image", counters, silent_for, latency_limit=50.0, slow_for=slow_for))


def test_diagnostics_tell_the_counts_of_a_camera() -> None:
    status = status_of()
    values = {value.key: value.value for value in status.values}
    assert status.level == DiagnosticStatus.OK
    assert values["frames in"] == "10"
    assert values["frames out"] == "7"
    assert values["frames lost on the way"] == "1"
    assert values["frames dropped"] == "3"
    assert values["latency p50 [ms]"] == "6.0"
    assert values["hands now"] == "2"


@pytest.mark.parametrize(
    ("status", "level", "message"),
    [
        (status_of(silent_for=3), DiagnosticStatus.WARN, "no image on /image for 3 s"),
        (status_of(silent_for=30), DiagnosticStatus.ERROR, "no image on /image for 30 s"),
        (status_of(slow_for=1, latencies=(80,)), DiagnosticStatus.WARN, "latency 80.0 ms"),
        (status_of(slow_for=11, latencies=(80,)), DiagnosticStatus.ERROR, "over the limit of 50 ms"),
    ],
)
def test_diagnostics_warn_and_turn_to_errors_when_it_persists(
    status: DiagnosticStatus, level: bytes, message: str
) -> None:
    assert status.level == level
    assert message in status.message


def test_silence_is_no_fault_while_nobody_listens() -> None:
    condition = CameraCondition("", "/image", CameraCounters(received=10), 30.0, latency_limit=50.0, slow_for=0.0)
    assert camera_status(condition).level == DiagnosticStatus.ERROR
    paused = camera_status(replace(condition, is_paused=True))
    assert paused.level == DiagnosticStatus.OK
    assert paused.message.startswith("paused")


def test_a_missing_transform_is_a_warning_until_the_next_image_has_one_and_stays_counted() -> None:
    counters = CameraCounters(received=10, published=10)
    condition = CameraCondition("", "/image", counters, 0.1, latency_limit=50.0, slow_for=0.0)
    for problem in ("no transform from 'eye'", "no transform from 'eye'"):
        counters.transforms.add(problem)
    status = camera_status(condition)
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "no transform from 'eye'")
    counters.transforms.add("")
    status = camera_status(condition)
    assert status.level == DiagnosticStatus.OK
    assert {value.key: value.value for value in status.values}["missing transforms"] == "2"


def test_time_over_the_latency_limit_counts_from_when_it_was_exceeded() -> None:
    counters = CameraCounters()
    assert counters.seconds_over(50.0, now=100.0) == 0
    counters.latencies.append(80.0)
    assert [counters.seconds_over(50.0, now) for now in (101.0, 104.0)] == [0, 3]
    assert counters.seconds_over(90.0, now=105.0) == 0
    assert counters.seconds_over(50.0, now=106.0) == 0


def test_losing_images_is_reported_once_it_is_more_than_an_accident() -> None:
    counters = CameraCounters(received=1000, lost=20)
    assert lost_images_warning(counters, "/camera/image_raw") is None
    counters.lost = 200
    warning = lost_images_warning(counters, "/camera/image_raw") or ""
    assert "200 of 1200 images on /camera/image_raw" in warning
    profile = f"{profile_variable()}={profile_file()}"
    reliable = "qos_overrides./camera/image_raw.subscription.reliability:=reliable"
    assert 0 < warning.index(profile) < warning.index(reliable)


@pytest.mark.parametrize(("reported", "lost"), [(0, 0), (7, 7), (2**64 - 2**31, 0), (-(2**31), 0)])
def test_impossible_counts_of_lost_images_are_not_added(reported: int, lost: int) -> None:
    assert newly_lost(reported) == lost


BACKEND = {"backend": "ONNX Runtime"}


def test_an_error_shows_for_a_while_and_stays_counted() -> None:
    errors = ErrorCounters()
    errors.add("ValueError: something")
    assert errors.when is not None
    assert node_status("active", errors, errors.when + 1, BACKEND).level == DiagnosticStatus.ERROR
    later = node_status("active", errors, errors.when + 60, BACKEND)
    assert later.level == DiagnosticStatus.OK
    assert {value.key: value.value for value in later.values}["last error"] == "ValueError: something"
