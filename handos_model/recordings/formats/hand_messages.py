"""Builds the messages of MCAP files. Pure functions: nothing is written here."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.files.images import encode_jpeg
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import WRIST
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.message_definitions import message_types
from handos_model.recordings.frame_hands import FrameHands

TYPES: Final = message_types()
OPTICAL_FRAME: Final = "camera_optical_frame"
"""Where the recording names none."""
_HANDEDNESS: Final = {"left": 1, "right": 2}
_LENS_MODELS: Final = {"radial_tangential": "rational_polynomial", "fisheye": "equidistant"}
_PLUMB_BOB: Final = 5
"""Coefficients up to which a lens is called plumb_bob."""


def message(name: str, **fields: Any) -> Any:
    """A message by its short name, such as std_msgs/Header."""
    package, kind = name.split("/")
    return TYPES.types[f"{package}/msg/{kind}"](**fields)


def time(stamp: int) -> Any:
    """Message for nanoseconds."""
    return message("builtin_interfaces/Time", sec=stamp // 10**9, nanosec=stamp % 10**9)


def header(result: FrameHands, stamp: int) -> Any:
    """The header that all messages of a frame have; `stamp` in nanoseconds."""
    return message("std_msgs/Header", stamp=time(stamp), frame_id=frame_id(result))


def frame_id(result: FrameHands) -> str:
    """The camera's optical frame."""
    recorded = result.frame.header
    return recorded.frame_id if recorded is not None and recorded.frame_id else OPTICAL_FRAME


def compressed_image(result: FrameHands, stamp: int) -> Any:
    """The image as JPEG."""
    data = np.frombuffer(encode_jpeg(result.frame.image), np.uint8)
    return message("sensor_msgs/CompressedImage", header=header(result, stamp), format="jpeg", data=data)


def camera_info(result: FrameHands, stamp: int) -> Any:
    """The camera that the metres are based on; K is 0 if there is none, as in ROS."""
    height, width = result.frame.image.shape[:2]
    camera, lens = result.camera.intrinsics, result.camera.lens
    k = np.zeros((3, 3)) if camera is None else camera.matrix
    coefficients = [0.0] * _PLUMB_BOB if lens is None else list(lens.coefficients)
    is_plumb_bob = lens is None or (lens.model == "radial_tangential" and len(coefficients) <= _PLUMB_BOB)
    region = message("sensor_msgs/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return message(
        "sensor_msgs/CameraInfo",
        header=header(result, stamp),
        height=height,
        width=width,
        distortion_model="plumb_bob" if lens is None or is_plumb_bob else _LENS_MODELS[lens.model],
        d=np.array(coefficients, np.float64),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def hand_array(
    result: FrameHands, stamp: int, topology_id: str, operator: tuple[str, float], *, with_meshes: bool
) -> Any:
    """As the node publishes it; the times at which a node works are 0."""
    camera = result.camera.intrinsics
    k = np.zeros(9) if camera is None else camera.matrix.ravel()
    name, scale = operator
    return message(
        "handos_ros/HandArray",
        header=header(result, stamp),
        hands=[_hand(hand, with_mesh=with_meshes) for hand in result.hands],
        topology_id=topology_id,
        intrinsics=0 if camera is None else 2 if result.camera.is_assumed else 1,
        k=k.astype(np.float32),
        received=time(0),
        started=time(0),
        finished=time(0),
        dropped=0,
        operator_name=name,
        operator_scale=scale,
    )


def hand_topology(topology: HandTopology) -> Any:
    """What all hands share."""
    return message(
        "handos_ros/HandTopology",
        id=topology.id,
        joint_names=list(topology.joint_names),
        joint_parents=np.array(topology.joint_parents, np.int32),
        vertex_count=topology.vertex_count,
        faces_right=topology.faces_right.astype(np.uint32).ravel(),
        faces_left=topology.faces_left.astype(np.uint32).ravel(),
    )


def pose(position: npt.ArrayLike = (0.0, 0.0, 0.0), orientation: npt.ArrayLike = (0.0, 0.0, 0.0, 1.0)) -> Any:
    """Metres and a quaternion x, y, z, w; the identity by default."""
    x, y, z = np.asarray(position, np.float64).tolist()
    qx, qy, qz, qw = np.asarray(orientation, np.float64).tolist()
    return message(
        "geometry_msgs/Pose",
        position=message("geometry_msgs/Point", x=x, y=y, z=z),
        orientation=message("geometry_msgs/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )


def _hand(hand: Hand, *, with_mesh: bool) -> Any:
    metric, nothing = hand.metric, np.zeros(0, np.float32)
    residual = None if metric is None else metric.depth_residual
    wrist = pose()
    if metric is not None:
        wrist = pose(metric.joints_3d[WRIST], wrist_orientation(metric.joints_3d, hand.handedness))
    return message(
        "handos_ros/Hand",
        id=hand.id or 0,
        state=1 if hand.coasting else 2 if hand.tentative else 0,
        handedness=_HANDEDNESS[hand.handedness],
        handedness_score=float(hand.handedness_score),
        score=float(hand.score),
        box=np.asarray(hand.box, np.float32),
        joints_2d=np.asarray(hand.joints_2d, np.float32).ravel(),
        joint_scores=np.asarray(hand.joint_scores, np.float32),
        joints_3d=nothing if metric is None else np.asarray(metric.joints_3d, np.float32).ravel(),
        joint_sigma=nothing if metric is None else np.asarray(metric.joint_sigma, np.float32),
        vertices=np.asarray(metric.vertices, np.float32).ravel() if metric is not None and with_mesh else nothing,
        depth_residual=float("nan") if residual is None else float(residual),
        wrist_pose=wrist,
    )
