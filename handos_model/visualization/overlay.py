"""Draws boxes, skeletons, labels and meshes over images."""

from collections.abc import Sequence

import cv2
import numpy as np

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import BONES, JOINT_NAMES, WRIST
from handos_model.hand.topology import HandTopology
from handos_model.visualization.mesh_drawing import SIDE_COLOURS, draw_meshes
from handos_model.visualization.triangle_painting import MAX_PIXEL

FINGER_COLOURS = {
    "wrist": (200, 200, 200),
    "thumb": (60, 60, 230),
    "index": (40, 190, 240),
    "middle": (70, 200, 70),
    "ring": (220, 190, 40),
    "pinky": (220, 80, 190),
}
"""BGR of each finger's bones and joints."""

_JOINT_COLOURS = tuple(FINGER_COLOURS[name.split("_")[0]] for name in JOINT_NAMES)
_GAP = 6
"""White pixels between the panels of `draw_result`."""


def draw_hands(
    image: ImageArray,
    hands: Sequence[Hand],
    topology: HandTopology,
    camera: CameraIntrinsics | None = None,
    meshes: bool = True,
) -> ImageArray:
    """Draw box, skeleton, label and, if known, mesh of every hand over a copy of an image.

    Parameters
    ----------
    image
        (H, W, 3) BGR.
    topology
        Topology of the hands' vertices.
    camera
        Intrinsics of `image`; without them no meshes are drawn.
    meshes
        Whether to draw meshes; much faster without.
    """
    drawn = draw_meshes(image, hands, topology, camera) if meshes and camera is not None else image.copy()
    scale = max(image.shape[:2]) / 640
    for hand in hands:
        _draw_box(drawn, hand, scale)
        _draw_skeleton(drawn, hand, scale)
        _draw_label(drawn, hand, scale)
    return drawn


def draw_result(
    image: ImageArray, hands: Sequence[Hand], topology: HandTopology, camera: CameraIntrinsics | None
) -> ImageArray:
    """Image, image with skeletons and image with meshes, side by side."""
    skeletons = draw_hands(image, hands, topology, meshes=False)
    meshes = image if camera is None else draw_meshes(image, hands, topology, camera)
    gap = np.full((len(image), _GAP, 3), 255, dtype=np.uint8)
    return np.hstack([image, gap, skeletons, gap, meshes])


def _draw_box(image: ImageArray, hand: Hand, scale: float) -> None:
    left, top, right, bottom = _integer_pixels(hand.box)
    cv2.rectangle(image, (left, top), (right, bottom), SIDE_COLOURS[hand.handedness], max(1, round(1.6 * scale)))


def _draw_skeleton(image: ImageArray, hand: Hand, scale: float) -> None:
    joints = [_integer_pixels(joint) for joint in hand.joints_2d]
    width = max(1, round(2 * scale))
    for parent, joint in BONES:
        cv2.line(image, joints[parent], joints[joint], _JOINT_COLOURS[joint], width, cv2.LINE_AA)
    for centre, colour in zip(joints, _JOINT_COLOURS, strict=True):
        cv2.circle(image, centre, width + 1, colour, cv2.FILLED)
    # The wrist has the side's colour, in case box and label are out of view.
    cv2.circle(image, joints[WRIST], 2 * width + 1, SIDE_COLOURS[hand.handedness], cv2.FILLED)


def _draw_label(image: ImageArray, hand: Hand, scale: float) -> None:
    text = ("" if hand.id is None else f"#{hand.id} ") + f"{hand.handedness} {hand.score:.2f}"
    size, thickness = 0.45 * max(scale, 0.7), max(1, round(scale))
    (width, height), baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    left, top, _, _ = _integer_pixels(hand.box)
    left = int(np.clip(left, 0, max(0, image.shape[1] - width)))
    bottom = int(np.clip(top, height + baseline, image.shape[0]))
    cv2.rectangle(
        image, (left, bottom - height - baseline), (left + width, bottom), SIDE_COLOURS[hand.handedness], cv2.FILLED
    )
    origin = (left, bottom - baseline // 2 - 1)
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), thickness, cv2.LINE_AA)


def _integer_pixels(coordinates: FloatArray) -> list[int]:
    """Round pixel coordinates and clip them to what OpenCV can hold."""
    clipped: list[int] = np.clip(np.round(coordinates), -MAX_PIXEL, MAX_PIXEL).astype(int).tolist()
    return clipped
