"""Builds the outgoing messages. Pure functions: nothing is published here."""

import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from handos_model.hand.hand import FloatArray
from handos_model.hand.hand import Hand as ModelHand
from handos_model.hand.skeleton import WRIST
from handos_model.hand.topology import HandTopology as ModelTopology
from handos_model.io.frame import ImageArray
from handos_ros.intrinsics import ImageIntrinsics
from handos_ros.msg import Hand, HandArray, HandTopology
from handos_ros.wrist_frame import wrist_orientation

_HANDEDNESS = {"left": Hand.HANDEDNESS_LEFT, "right": Hand.HANDEDNESS_RIGHT}


@dataclass(frozen=True)
class ImageRecord:
    """What a HandArray says about its image and the way that it took through the node."""

    header: Header
    intrinsics: ImageIntrinsics
    received: Time
    started: Time
    dropped: int
    """Images skipped so far."""


def hand_array_message(
    hands: Sequence[ModelHand], image: ImageRecord, topology_id: str, *, with_meshes: bool
) -> HandArray:
    """Message for one image; `finished` is left to the publisher, who sets it last."""
    return HandArray(
        header=image.header,
        hands=[hand_message(hand, with_mesh=with_meshes) for hand in hands],
        topology_id=topology_id,
        intrinsics=int(image.intrinsics.origin),
        k=_camera_matrix(image.intrinsics),
        received=image.received,
        started=image.started,
        dropped=image.dropped,
    )


def hand_message(hand: ModelHand, *, with_mesh: bool) -> Hand:
    """Message for one hand."""
    message = Hand(
        id=hand.id or 0,
        state=Hand.STATE_COASTING if hand.coasting else Hand.STATE_TRACKED,
        handedness=_HANDEDNESS[hand.handedness],
        handedness_score=float(hand.handedness_score),
        score=float(hand.score),
        box=hand.box,
        joints_2d=hand.joints_2d.reshape(-1),
        joint_scores=hand.joint_scores,
        depth_residual=float("nan") if hand.depth_residual is None else hand.depth_residual,
    )
    if hand.joints_3d is not None and hand.joint_sigma is not None:
        message.joints_3d = _flat(hand.joints_3d)
        message.joint_sigma = _flat(hand.joint_sigma)
        message.wrist_pose = wrist_pose(hand, hand.joints_3d)
    if with_mesh and hand.vertices is not None:
        message.vertices = _flat(hand.vertices)
    return message


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


def wrist_pose(hand: ModelHand, joints_3d: FloatArray) -> Pose:
    """The wrist in the camera's frame, as `Hand.msg` describes it."""
    x, y, z = joints_3d[WRIST].tolist()
    qx, qy, qz, qw = wrist_orientation(joints_3d, hand.handedness)
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def image_message(image: ImageArray, header: Header) -> Image:
    """Message for (H, W, 3) BGR."""
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    message.data = array.array("B", image.tobytes())  # an ndarray would be checked byte by byte
    return message


def _camera_matrix(intrinsics: ImageIntrinsics) -> list[float]:
    """K row by row; zeros where there is none, as in an uncalibrated CameraInfo."""
    camera = intrinsics.camera
    if camera is None:
        return [0.0] * 9
    return [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]


def _flat(values: FloatArray) -> "array.array[float]":
    """An array.array is taken over as it is; an ndarray or a list would be checked and copied number by number."""
    flat = array.array("f")
    flat.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return flat


def _flat_indices(values: npt.NDArray[np.int32]) -> "array.array[int]":
    flat = array.array("I")
    flat.frombytes(np.ascontiguousarray(values, np.uint32).tobytes())
    return flat
