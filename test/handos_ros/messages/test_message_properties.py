"""What holds for the messages of all plausible hands, stamps and cameras."""

import numpy as np
from any_hands import tracked_hands
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseArray
from hands import CAMERA, TOPOLOGY
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand.hand import Hand as ModelHand
from handos_ros.images.intrinsics import ImageIntrinsics, IntrinsicsOrigin
from handos_ros.messages.hand_messages import ImageRecord, fingertips_message, hand_array_message
from handos_ros.messages.markers import HandMarkers
from handos_ros.messages.message_parsing import hands_of, intrinsics_of
from handos_ros.messages.rigid_transform import PoseFrame
from handos_ros.msg import HandArray
from handos_ros.outputs.wrist_broadcaster import wrist_transforms

Hands = tuple[ModelHand, ...]

STAMPS = st.builds(Time, sec=st.integers(-(2**31), 2**31 - 1), nanosec=st.integers(0, 2**32 - 1))
FRAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
HEADERS = st.builds(Header, stamp=STAMPS, frame_id=FRAMES)
CALIBRATED = ImageIntrinsics(CAMERA, IntrinsicsOrigin.CALIBRATED)
NONE = ImageIntrinsics(None, IntrinsicsOrigin.NONE)
few = settings(max_examples=50, deadline=None)


def sent(hands: Hands, header: Header, intrinsics: ImageIntrinsics = CALIBRATED) -> HandArray:
    """The message as a subscriber receives it."""
    record = ImageRecord(header, intrinsics, Time(sec=1), Time(sec=2), dropped=2**63)
    message = hand_array_message(hands, record, TOPOLOGY.id, with_meshes=True)
    return deserialize_message(serialize_message(message), HandArray)


def length(rotation: object) -> float:
    return float(np.linalg.norm([getattr(rotation, name) for name in "xyzw"]))


def with_metres(hands: Hands) -> list[ModelHand]:
    return [hand for hand in hands if hand.metric is not None]


@few
@given(tracked_hands(), HEADERS)
def test_hands_read_back_from_their_message_are_the_same(hands: Hands, header: Header) -> None:
    message = sent(hands, header)
    assert message.header == header
    assert message.dropped == 2**63
    assert intrinsics_of(message) == CAMERA
    for got, hand in zip(hands_of(message), hands, strict=True):
        assert (got.id, got.handedness, got.coasting, got.tentative) == (
            hand.id,
            hand.handedness,
            hand.coasting,
            hand.tentative,
        )
        assert (got.score, got.handedness_score) == (np.float32(hand.score), np.float32(hand.handedness_score))
        for name in ("box", "joints_2d", "joint_scores"):
            np.testing.assert_array_equal(getattr(got, name), getattr(hand, name))
        assert (got.metric is None) == (hand.metric is None)
        if got.metric is not None and hand.metric is not None:
            assert got.metric.depth_residual == hand.metric.depth_residual
            for name in ("joints_3d", "joint_sigma", "vertices"):
                np.testing.assert_array_equal(getattr(got.metric, name), getattr(hand.metric, name))


@few
@given(tracked_hands(), HEADERS)
def test_a_message_without_intrinsics_has_an_empty_matrix(hands: Hands, header: Header) -> None:
    message = sent(hands, header, NONE)
    assert intrinsics_of(message) is None
    assert not any(message.k)


@few
@given(tracked_hands(), HEADERS)
def test_wrists_are_unit_rotations_with_names_of_their_own_at_the_images_time(hands: Hands, header: Header) -> None:
    message, transforms = sent(hands, header), wrist_transforms(hands, header, "front", "handos/")
    assert len({transform.child_frame_id for transform in transforms}) == len(transforms) == len(with_metres(hands))
    for transform in transforms:
        assert transform.header == header
        assert abs(length(transform.transform.rotation) - 1) < 1e-6
    for hand in message.hands:
        assert abs(length(hand.wrist_pose.orientation) - 1) < 1e-6


@few
@given(tracked_hands(), HEADERS)
def test_fingertips_are_five_poses_per_hand_with_unit_rotations(hands: Hands, header: Header) -> None:
    message = deserialize_message(serialize_message(fingertips_message(hands, PoseFrame(header))), PoseArray)
    assert message.header == header
    assert len(message.poses) == 5 * len(with_metres(hands))
    for pose in message.poses:
        assert abs(length(pose.orientation) - 1) < 1e-6
        assert np.isfinite([pose.position.x, pose.position.y, pose.position.z]).all()


@settings(few, max_examples=20)  # a mesh marker takes 10 ms
@given(st.lists(st.tuples(tracked_hands(), HEADERS), min_size=1, max_size=4))
def test_markers_shown_after_every_image_are_those_of_its_hands(images: list[tuple[Hands, Header]]) -> None:
    builder = HandMarkers(TOPOLOGY)
    shown: set[tuple[str, int]] = set()
    for hands, header in images:
        for array in builder.messages(hands, header):
            message = deserialize_message(array if isinstance(array, bytes) else serialize_message(array), MarkerArray)
            for marker in message.markers:
                assert marker.header == header
                assert np.isfinite([(point.x, point.y, point.z) for point in marker.points]).all()
                change = shown.discard if marker.action == Marker.DELETE else shown.add
                change((marker.ns, marker.id))
        expected = {("bones", hand.id) for hand in with_metres(hands)}
        assert {key for key in shown if key[0] == "bones"} == expected
        assert {key[1] for key in shown} == {number for _, number in expected}
