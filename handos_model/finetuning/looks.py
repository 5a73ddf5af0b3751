"""Looks at one image: whole, from farther away, in parts that enlarge it, and mirrored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.preprocessing import PADDING_GREY

LOWEST_SCORE: Final = 0.1
"""A hand that one look is sure of is often seen weakly by the others."""
_PART: Final = 0.6
"""Sides of a part, of the image's."""
_FRAME: Final = 0.25
"""Width of the grey frame around an image that is seen from farther away, of its sides."""
_AROUND: Final = (1.6, 2.2, 3.2)
"""Sides of the parts around a hand whose box is known, of its longer side."""
_MARGIN: Final = 0.02
"""A hand nearer to an inner border of a part, in sides of the part, may be cut off."""


@dataclass(frozen=True)
class Look:
    """The hands that are seen in a part of an image, in pixels of the image."""

    part: FloatArray
    """(4,) x0, y0, x1, y1."""
    inner: FloatArray
    """(4,) the part without a margin along borders that are not the image's."""
    mirrored: bool
    hands: tuple[Hand, ...]
    """Sides as the image shows them, also if it was mirrored."""

    def contains(self, box: FloatArray) -> bool:
        """Whether a hand with this box is seen whole."""
        return bool((box[:2] >= self.inner[:2]).all() and (box[2:] <= self.inner[2:]).all())


def look_at(pipeline: HandPipeline, image: ImageArray) -> tuple[Look, ...]:
    """Look at the whole image, with and without a frame, and its parts; where that shows a hand, in the mirror, too.

    Parameters
    ----------
    pipeline
        With a score threshold of `LOWEST_SCORE`.
    image
        (H, W, 3) BGR.
    """
    looks = []
    for part in _parts(image):
        look = _look(pipeline, image, part, mirrored=False)
        looks.append(look)
        if look.hands:
            looks.append(_look(pipeline, image, part, mirrored=True))
    return tuple(looks)


def look_around(pipeline: HandPipeline, image: ImageArray, box: FloatArray) -> tuple[Look, ...]:
    """Look at a hand whose box is known, (4,) in pixels, from several distances, each also in the mirror.

    What lies beyond the image is grey.
    """
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    looks = []
    for factor in _AROUND:
        left, top = np.floor(centre - factor * side / 2).astype(int).tolist()
        right, bottom = (np.ceil(centre + factor * side / 2) + 1).astype(int).tolist()
        looks += [_look(pipeline, image, (left, top, right, bottom), mirrored=mirrored) for mirrored in (False, True)]
    return tuple(looks)


def _parts(image: ImageArray) -> Iterator[tuple[int, int, int, int]]:
    """The whole image, the image in a frame, and four parts that overlap."""
    height, width = image.shape[:2]
    yield 0, 0, width, height
    across, down = round(_FRAME * width), round(_FRAME * height)
    yield -across, -down, width + across, height + down
    across, down = round(_PART * width), round(_PART * height)
    for top in (0, height - down):
        for left in (0, width - across):
            yield left, top, left + across, top + down


def _look(pipeline: HandPipeline, image: ImageArray, part: tuple[int, int, int, int], *, mirrored: bool) -> Look:
    left, top, right, bottom = part
    height, width = image.shape[:2]
    shown = image[max(top, 0) : bottom, max(left, 0) : right]
    above, below, before, behind = (max(beyond, 0) for beyond in (-top, bottom - height, -left, right - width))
    framed = cv2.copyMakeBorder(shown, above, below, before, behind, cv2.BORDER_CONSTANT, value=[PADDING_GREY] * 3)
    shown = np.asarray(framed, np.uint8)
    hands = pipeline(np.ascontiguousarray(shown[:, ::-1] if mirrored else shown))
    if mirrored:
        hands = tuple(_mirrored(hand, right - left) for hand in hands)
    edges = np.array([left, top, right - 1, bottom - 1], np.float32)
    margin = _MARGIN * max(right - left, bottom - top)
    at_border = (edges * [1, 1, -1, -1]) <= np.array([0, 0, 1 - width, 1 - height])
    inner = edges + np.where(at_border, 0, margin) * np.array([1, 1, -1, -1])
    offset, last = np.array([left, top], np.float32), np.array([width - 1, height - 1], np.float32)
    moved = tuple(_moved(hand, offset, last) for hand in hands)
    look = Look(edges, inner.astype(np.float32), mirrored, moved)
    return replace(look, hands=tuple(hand for hand in moved if look.contains(hand.box)))


def _moved(hand: Hand, offset: FloatArray, last: FloatArray) -> Hand:
    box = np.clip(hand.box + np.tile(offset, 2), 0, np.tile(last, 2)).astype(np.float32)
    return replace(hand, box=box, joints_2d=hand.joints_2d + offset)


def _mirrored(hand: Hand, width: int) -> Hand:
    x0, y0, x1, y1 = hand.box.tolist()
    joints = hand.joints_2d * np.array([-1, 1], np.float32) + np.array([width - 1, 0], np.float32)
    return replace(
        hand,
        box=np.array([width - 1 - x1, y0, width - 1 - x0, y1], np.float32),
        joints_2d=joints,
        handedness="left" if hand.handedness == "right" else "right",
    )
