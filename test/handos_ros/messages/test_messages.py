"""Builders of messages, without a node."""

from dataclasses import replace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion
from hands import TOPOLOGY, hand_at
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand.skeleton import JOINT_NAMES
from handos_ros.messages.hand_messages import fingertips_message
from handos_ros.messages.markers import HandMarkers
from handos_ros.messages.rigid_transform import PoseFrame

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
