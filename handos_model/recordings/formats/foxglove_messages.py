"""Hands as Foxglove draws them: SceneUpdate in 3D, ImageAnnotations over the image."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import BONES
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.hand_messages import TYPES, frame_id, message, pose, time
from handos_model.recordings.frame_hands import FrameHands
from handos_model.visualization.mesh_drawing import SIDE_COLOURS

_DELETE_ALL: Final = 1
_LINE_LIST_3D: Final = 2
_LINE_LOOP: Final = 2
_LINE_LIST: Final = 4
_BONE_WIDTH: Final = 0.004
"""Metres."""
_POINT: Final = TYPES.types["geometry_msgs/msg/Point"]
"""Hundreds a frame are made."""
_BONE_ENDS: Final = np.array(BONES).ravel()
_TOP_LEFT: Final = 0.5
"""Foxglove counts pixels from the corner of the first, this project from its centre."""


def scene_update(result: FrameHands, stamp: int, topology: HandTopology) -> Any:
    """Meshes and skeletons in the camera's frame, in place of those of the frame before.

    Parameters
    ----------
    stamp
        Nanoseconds.
    topology
        Of the hands' vertices.
    """
    deletion = message("foxglove_msgs/SceneEntityDeletion", timestamp=time(stamp), type=_DELETE_ALL, id="")
    hands = [hand for hand in result.hands if hand.metric is not None]
    entities = [_entity(hand, number, result, stamp, topology) for number, hand in enumerate(hands)]
    return message("foxglove_msgs/SceneUpdate", deletions=[deletion], entities=entities)


def image_annotations(result: FrameHands, stamp: int) -> Any:
    """Boxes, skeletons and labels in pixels; `stamp` in nanoseconds."""
    points = [drawn for hand in result.hands for drawn in (_box(hand, stamp), _skeleton_2d(hand, stamp))]
    texts = [_label(hand, stamp) for hand in result.hands]
    return message(
        "foxglove_msgs/ImageAnnotations", timestamp=time(stamp), circles=[], points=points, texts=texts, metadata=[]
    )


def _entity(hand: Hand, number: int, result: FrameHands, stamp: int, topology: HandTopology) -> Any:
    return message(
        "foxglove_msgs/SceneEntity",
        timestamp=time(stamp),
        frame_id=frame_id(result),
        id=f"{hand.handedness} {number if hand.id is None else hand.id}",
        lifetime=message("builtin_interfaces/Duration", sec=0, nanosec=0),
        frame_locked=False,
        metadata=[message("foxglove_msgs/KeyValuePair", key="score", value=f"{hand.score:.3f}")],
        arrows=[],
        cubes=[],
        spheres=[],
        cylinders=[],
        lines=[_skeleton_3d(hand)],
        triangles=[] if hand.vertices is None else [_mesh(hand, topology)],
        texts=[],
        models=[],
    )


def _mesh(hand: Hand, topology: HandTopology) -> Any:
    assert hand.vertices is not None
    return message(
        "foxglove_msgs/TriangleListPrimitive",
        pose=pose(),
        points=_points(hand.vertices),
        color=_colour(hand, 0.7),
        colors=[],
        indices=topology.faces(hand.handedness).astype(np.uint32).ravel(),
    )


def _skeleton_3d(hand: Hand) -> Any:
    assert hand.joints_3d is not None
    return message(
        "foxglove_msgs/LinePrimitive",
        type=_LINE_LIST_3D,
        pose=pose(),
        thickness=_BONE_WIDTH,
        scale_invariant=False,
        points=_points(hand.joints_3d[_BONE_ENDS]),
        color=_colour(hand, 1.0),
        colors=[],
        indices=np.zeros(0, np.uint32),
    )


def _skeleton_2d(hand: Hand, stamp: int) -> Any:
    return _lines(hand, stamp, _LINE_LIST, hand.joints_2d[_BONE_ENDS])


def _box(hand: Hand, stamp: int) -> Any:
    left, top, right, bottom = hand.box.tolist()
    return _lines(hand, stamp, _LINE_LOOP, [(left, top), (right, top), (right, bottom), (left, bottom)])


def _lines(hand: Hand, stamp: int, kind: int, pixels: npt.ArrayLike) -> Any:
    return message(
        "foxglove_msgs/PointsAnnotation",
        timestamp=time(stamp),
        type=kind,
        points=[_pixel(u, v) for u, v in np.asarray(pixels, np.float64).tolist()],
        outline_color=_colour(hand, 1.0),
        outline_colors=[],
        fill_color=_colour(hand, 0.0),
        thickness=2.0,
        metadata=[],
    )


def _label(hand: Hand, stamp: int) -> Any:
    identity = "" if hand.id is None else f" {hand.id}"
    return message(
        "foxglove_msgs/TextAnnotation",
        timestamp=time(stamp),
        position=_pixel(float(hand.box[0]), float(hand.box[1])),
        text=f"{hand.handedness}{identity} {hand.score:.2f}",
        font_size=12.0,
        text_color=message("foxglove_msgs/Color", r=1.0, g=1.0, b=1.0, a=1.0),
        background_color=_colour(hand, 0.8),
        metadata=[],
    )


def _pixel(u: float, v: float) -> Any:
    return message("foxglove_msgs/Point2", x=u + _TOP_LEFT, y=v + _TOP_LEFT)


def _points(values: npt.NDArray[np.float32]) -> list[Any]:
    return [_POINT(x, y, z) for x, y, z in values.astype(np.float64).tolist()]


def _colour(hand: Hand, opacity: float) -> Any:
    blue, green, red = SIDE_COLOURS[hand.handedness]
    return message("foxglove_msgs/Color", r=red / 255, g=green / 255, b=blue / 255, a=opacity)
