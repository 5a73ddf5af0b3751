"""Grids of frames with their labels drawn, to inspect rendered data sets and sequences."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.datasets.hand_sequences import HandSequence, read_sequences
from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.skeleton import BONES
from handos_model.visualization.mesh_drawing import SIDE_COLOURS

FINGER_COLOURS = ((60, 200, 255), (80, 255, 80), (255, 220, 60), (255, 90, 160), (120, 80, 255))
"""BGR, thumb to pinky."""

_COLUMNS = 3
_FRAMES = 18
_SEQUENCE_FRAMES = 8


def write_contact_sheet(folder: Path, path: Path) -> None:
    """Write the first frames of an annotated folder as an image."""
    write_image(path, contact_sheet(AnnotatedFolder(folder)[:_FRAMES], _COLUMNS))


def contact_sheet(frames: Sequence[AnnotatedImage], columns: int) -> ImageArray:
    """A grid of `columns` pairs: each frame without and with its labels."""
    tiles = [np.hstack([frame.image, draw_labels(frame)]) for frame in frames]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[row : row + columns]) for row in range(0, len(tiles), columns)])


def draw_labels(frame: AnnotatedImage) -> ImageArray:
    """A copy of the frame with boxes in the colour of the side, skeletons and part ids."""
    image = frame.image.copy()
    if frame.part_ids is not None:
        table = np.array([(0, 0, 0), (200, 200, 200), *FINGER_COLOURS], np.uint8)
        mask = frame.part_ids > 0
        image[mask] = image[mask] // 4 * 3 + table[frame.part_ids][mask] // 4
    for hand in frame.hands:
        _draw_hand(image, hand)
    return image


def _draw_hand(image: ImageArray, hand: AnnotatedHand) -> None:
    corners = hand.box.round().astype(int).tolist()
    cv2.rectangle(image, corners[:2], corners[2:], SIDE_COLOURS[hand.handedness], 1)
    points = hand.joints_2d.round().astype(int).clip(-10000, 10000).tolist()
    for parent, joint in BONES:
        cv2.line(image, points[parent], points[joint], FINGER_COLOURS[(joint - 1) // 4], 1, cv2.LINE_AA)
    for joint, point in enumerate(points):
        visible = hand.visibility is None or bool(hand.visibility[joint])
        cv2.circle(image, point, 2, (255, 255, 255) if visible else (0, 0, 0), -1)


def write_sequence_sheet(folder: Path, path: Path) -> None:
    """Write images of every sequence in a folder, with their labels, as an image: a row for each."""
    write_image(path, np.vstack([_sequence_row(sequence) for sequence in read_sequences(folder)]))


def _sequence_row(sequence: HandSequence) -> ImageArray:
    shown = np.linspace(0, len(sequence.frames) - 1, _SEQUENCE_FRAMES).round().astype(int)
    tiles = []
    for number in shown.tolist():
        hands = tuple(hand.annotation for hand in sequence.frames[number])
        frame = AnnotatedImage(sequence.image(number), hands, sequence.camera)
        tiles.append(cv2.resize(draw_labels(frame), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return np.hstack(tiles)
