"""Draws what the shipped network gets wrong, for docs/accuracy.md, on frames whose truth is known.

handos assets --out ASSETS
handos synth --assets ASSETS --out FRAMES --count 500 --seed 100
python scripts/draw_limits.py FRAMES docs
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer

from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.evaluation.matching import match_boxes, pairwise_iou
from handos_model.files.images import write_image
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import HandPipeline
from handos_model.visualization.overlay import draw_hands

KINDS: Final = ("small", "hidden", "crossing", "side")
"""Each becomes an image limits_KIND.jpg."""
TILES: Final = 4
"""In an image."""
SIDE: Final = 240
"""Of a tile, pixels."""
MARGIN: Final = 1.8
"""Side of what is shown over that of the hand."""
SMALLEST: Final = 64.0
"""The same in pixels of the image, at least."""
MISSED: Final = (255, 255, 255)


@dataclass(frozen=True)
class Mistake:
    """What the network got wrong about one hand."""

    kind: str
    box: FloatArray
    """(4,) pixels, where the hand is."""


def main(
    frames: Annotated[Path, typer.Argument(metavar="FRAMES", help="Folder written by `handos synth`.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the images.")],
) -> None:
    """Run the shipped network over FRAMES and draw the first mistakes of each kind."""
    pipeline, tiles = HandPipeline.load(), defaultdict[str, list[ImageArray]](list)
    for frame in AnnotatedFolder(frames):
        hands = pipeline(frame.image, frame.camera)
        for mistake in mistakes(frame, hands):
            tiles[mistake.kind].append(tile(frame, hands, mistake.box, pipeline.topology))
        if all(len(tiles[kind]) >= TILES for kind in KINDS):
            break
    for kind in KINDS:
        write_image(out / f"limits_{kind}.jpg", np.hstack(tiles[kind][:TILES]))


def mistakes(frame: AnnotatedImage, hands: tuple[Hand, ...]) -> Iterator[Mistake]:
    """Those that belong to one of the kinds, at most one for each hand."""
    true_boxes = [hand.box for hand in frame.hands]
    matches = match_boxes([hand.box for hand in hands], true_boxes)
    for number in set(range(len(true_boxes))) - {target for _, target in matches}:
        kind = _why_missed(frame, number)
        if kind:
            yield Mistake(kind, true_boxes[number])
    for found, target in matches:
        if hands[found].handedness != frame.hands[target].handedness and hands[found].handedness_score > 0.8:
            yield Mistake("side", true_boxes[target])


def _why_missed(frame: AnnotatedImage, number: int) -> str:
    """The kind of a missed hand; empty: of several, or none."""
    hand, side = frame.hands[number], max(frame.image.shape)
    others = [other.box for other in frame.hands if other is not hand]
    overlap = float(pairwise_iou(hand.box, others).max()) if others else 0.0
    assert hand.visibility is not None, "rendered hands say what is visible"
    visible, size = float(hand.visibility.mean()), float((hand.box[2:] - hand.box[:2]).max()) / side
    if overlap > 0.25:
        return "crossing"
    if size < 0.1:
        return "small" if visible > 0.4 else ""
    return "hidden" if visible < 0.35 else ""


def tile(frame: AnnotatedImage, hands: tuple[Hand, ...], box: FloatArray, topology: HandTopology) -> ImageArray:
    """A square around a box: what is found is drawn as everywhere, missed hands have a white box."""
    height, width = frame.image.shape[:2]
    side = min(max(MARGIN * float((box[2:] - box[:2]).max()), SMALLEST), height, width)
    corner = np.clip((box[:2] + box[2:] - side) / 2, 0, [width - side, height - side])
    scale = SIDE / side
    to_tile = np.hstack([scale * np.eye(2), -scale * corner[:, None]])
    square = cv2.warpAffine(frame.image, to_tile, (SIDE, SIDE), flags=cv2.INTER_AREA).astype(np.uint8)
    moved = [
        replace(hand, box=scale * (hand.box - np.tile(corner, 2)), joints_2d=scale * (hand.joints_2d - corner))
        for hand in hands
    ]
    drawn = draw_hands(square, moved, topology)
    found = {target for _, target in match_boxes([hand.box for hand in hands], [hand.box for hand in frame.hands])}
    for number in set(range(len(frame.hands))) - found:
        ends = (scale * (frame.hands[number].box - np.tile(corner, 2))).round().astype(int).tolist()
        cv2.rectangle(drawn, ends[:2], ends[2:], MISSED, 2, cv2.LINE_AA)
    return drawn


if __name__ == "__main__":
    typer.run(main)
