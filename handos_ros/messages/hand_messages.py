"""Hands as messages: the HandArray, the topology, poses of wrists and fingertips."""

import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseArray, PoseStamped, Quaternion
from std_msgs.msg import Header

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.quaternions import Quaternion as Orientation
from handos_model.hand.frames import fingertip_orientation, wrist_orientation
from handos_model.hand.hand import Hand as ModelHand
from handos_model.hand.hand import Handedness, MetricHand
from handos_model.hand.skeleton import FINGERTIPS, WRIST
from handos_model.hand.topology import HandTopology as ModelTopology
from handos_model.hand_size.operator_size import OperatorSize
from handos_ros.images.intrinsics import ImageIntrinsics
from handos_ros.messages.rigid_transform import IDENTITY, PoseFrame, RigidTransform
from handos_ros.msg import Hand, HandArray, HandTopology

_HANDEDNESS = {"left": Hand.HANDEDNESS_LEFT, "right": Hand.HANDEDNESS_RIGHT}


@dataclass(frozen=True)
class ImageRecord:
    """What a HandArray says about its image and its way through the node."""

    header: Header
    intrinsics: ImageIntrinsics
    received: Time
    started: Time
    dropped: int
    """Images skipped so far."""
    operator: OperatorSize | None = None
    """Whose size the hands have; ``None``: the network's."""


def hand_array_message(
    hands: Sequence[ModelHand], record: ImageRecord, topology_id: str, *, with_meshes: bool
) -> HandArray:
    """Message for one image; the publisher sets `finished` last."""
    return HandArray(
        header=record.header,
        hands=[hand_message(hand, with_mesh=with_meshes) for hand in hands],
        topology_id=topology_id,
        intrinsics=int(record.intrinsics.origin),
        k=_camera_matrix(record.intrinsics),
        received=record.received,
        started=record.started,
        dropped=record.dropped,
        operator_name="" if record.operator is None else record.operator.name,
        operator_scale=1.0 if record.operator is None else record.operator.scale,
    )


def hand_message(hand: ModelHand, *, with_mesh: bool) -> Hand:
    """Message for one hand."""
    message = Hand(
        id=hand.id or 0,
        state=_state(hand),
        handedness=_HANDEDNESS[hand.handedness],
        handedness_score=float(hand.handedness_score),
        score=float(hand.score),
        box=hand.box,
        joints_2d=hand.joints_2d.reshape(-1),
        joint_scores=hand.joint_scores,
        depth_residual=float("nan"),
    )
    if hand.metric is not None:
        message.joints_3d = _flat(hand.metric.joints_3d)
        message.joint_sigma = _flat(hand.metric.joint_sigma)
        message.wrist_pose = wrist_pose(hand.metric, hand.handedness)
        if hand.metric.depth_residual is not None:
            message.depth_residual = hand.metric.depth_residual
        if with_mesh:
            message.vertices = _flat(hand.metric.vertices)
    return message


def _state(hand: ModelHand) -> int:
    if hand.coasting:
        return int(Hand.STATE_COASTING)
    return int(Hand.STATE_TENTATIVE if hand.tentative else Hand.STATE_TRACKED)


def topology_message(topology: ModelTopology) -> HandTopology:
    """Message for what all hands share."""
    return HandTopology(
        id=topology.id,
        joint_names=list(topology.joint_names),
        joint_parents=list(topology.joint_parents),
        vertex_count=topology.vertex_count,
        faces_right=_flat_indices(topology.faces_right),
        faces_left=_flat_indices(topology.faces_left),
    )


def wrist_pose(hand: MetricHand, handedness: Handedness, from_camera: RigidTransform = IDENTITY) -> Pose:
    """The wrist as `Hand.msg` describes it, in the camera's frame or another."""
    return pose_message(hand.joints_3d[WRIST], wrist_orientation(hand.joints_3d, handedness), from_camera)


def wrist_message(hand: MetricHand, handedness: Handedness, frame: PoseFrame) -> PoseStamped:
    """Pose of the wrist."""
    return PoseStamped(header=frame.header, pose=wrist_pose(hand, handedness, frame.from_camera))


def fingertips_message(hands: Sequence[ModelHand], frame: PoseFrame) -> PoseArray:
    """Five poses per hand in metres, thumb to pinky, hands in the given order; x axes point out of the fingertips."""
    poses = [
        pose_message(hand.joints_3d[tip], fingertip_orientation(hand.joints_3d, tip), frame.from_camera)
        for hand in hands
        if hand.joints_3d is not None
        for tip in FINGERTIPS
    ]
    return PoseArray(header=frame.header, poses=poses)


def pose_message(
    position: npt.NDArray[np.floating], orientation: Orientation, from_camera: RigidTransform = IDENTITY
) -> Pose:
    """Message for a pose that is given in the camera's frame: (3,) metres and a quaternion."""
    x, y, z = from_camera.position(position.tolist())
    qx, qy, qz, qw = from_camera.orientation(orientation)
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def _camera_matrix(intrinsics: ImageIntrinsics) -> list[float]:
    """K row by row; zeros where there is none, as in an uncalibrated CameraInfo."""
    return [0.0] * 9 if intrinsics.camera is None else intrinsics.camera.matrix.ravel().tolist()


def _flat(values: FloatArray) -> "array.array[float]":
    """rclpy keeps an array.array as it is; an ndarray or a list would be checked and copied number by number."""
    flat = array.array("f")
    flat.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return flat


def _flat_indices(values: npt.NDArray[np.int32]) -> "array.array[int]":
    flat = array.array("I")
    flat.frombytes(np.ascontiguousarray(values, np.uint32).tobytes())
    return flat
