"""A grid of frames with their labels drawn: for looking at what is rendered."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from handos_model.hand.skeleton import BONES
from handos_model.io.annotated_folder import AnnotatedFolder
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage
from handos_model.io.frame import ImageArray
from handos_model.io.overlay_files import write_image

SIDE_COLOURS = {"left": (80, 255, 80), "right": (80, 120, 255)}
"""BGR."""
FINGER_COLOURS = ((60, 200, 255), (80, 255, 80), (255, 220, 60), (255, 90, 160), (120, 80, 255))


_COLUMNS = 3
_FRAMES = 18


def write_contact_sheet(folder: Path, path: Path) -> None:
    """Draw the first frames of an annotated folder into the picture `path`."""
    write_image(path, contact_sheet(AnnotatedFolder(folder)[:_FRAMES], _COLUMNS))


def contact_sheet(frames: Sequence[AnnotatedImage], columns: int) -> ImageArray:
    """Each frame twice, without and with its labels, in a grid of `columns` pairs."""
    tiles = [np.hstack([frame.image, draw_labels(frame)]) for frame in frames]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[row : row + columns]) for row in range(0, len(tiles), columns)])


def draw_labels(frame: AnnotatedImage) -> ImageArray:
    """The frame with boxes (green: left, red: right), skeletons and part ids."""
    picture = frame.image.copy()
    if frame.part_ids is not None:
        table = np.array([(0, 0, 0), (200, 200, 200), *FINGER_COLOURS], np.uint8)
        mask = frame.part_ids > 0
        picture[mask] = picture[mask] // 4 * 3 + table[frame.part_ids][mask] // 4
    for hand in frame.hands:
        _draw_hand(picture, hand)
    return picture


def _draw_hand(picture: ImageArray, hand: AnnotatedHand) -> None:
    corners = hand.box.round().astype(int).tolist()
    cv2.rectangle(picture, corners[:2], corners[2:], SIDE_COLOURS[hand.handedness], 1)
    points = hand.joints_2d.round().astype(int).clip(-10000, 10000).tolist()
    for parent, joint in BONES:
        cv2.line(picture, points[parent], points[joint], FINGER_COLOURS[(joint - 1) // 4], 1, cv2.LINE_AA)
    for joint, point in enumerate(points):
        seen = hand.visibility is None or bool(hand.visibility[joint])
        cv2.circle(picture, point, 2, (255, 255, 255) if seen else (0, 0, 0), -1)
