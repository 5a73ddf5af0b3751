"""The textures of hand and person: painted, or cut from photographed skins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.files.images import read_image
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.synthesis.asset_making.complexion import Complexion, Skin
from handos_model.synthesis.asset_making.face_painter import MASKS, FacePoints, paint_face
from handos_model.synthesis.asset_making.hand_atlas import ATLAS_SIZE, HandAtlas
from handos_model.synthesis.asset_making.hand_painter import HandPainter
from handos_model.synthesis.asset_making.hand_regions import HandRegions
from handos_model.synthesis.asset_making.makehuman import MakeHuman
from handos_model.synthesis.asset_making.surface import LABELS
from handos_model.synthesis.asset_making.texels import Texels

PERSON_SIZE: Final = 1024
"""Side of a person's texture, which has the layout of the base mesh's."""
_TONES: Final = (-0.08, 1.1)
"""Lightest and darkest painted skin."""
_NAILS: Final = "fingernails"


@dataclass(frozen=True)
class SkinTextures:
    """One skin."""

    name: str
    hand: ImageArray
    person: ImageArray


@dataclass(frozen=True)
class HandAxes:
    """Turns points of the mean person to the axes of their right hand: (points - origin) x rows."""

    rows: FloatArray
    origin: FloatArray


class SkinPainter:
    """Paints skins.

    Parameters
    ----------
    makehuman
        The masks of nails, lips and so on.
    atlas, hand
        The layout of the hand's texture, and its texels in the hand's axes.
    person, labels
        The texels of the person's texture, and (N,) the label of each.
    joints, axes, eye_height
        Of the mean person: (21, 3) of the right hand in its axes; these axes; the height of the eyes, metres.
    """

    def __init__(
        self,
        makehuman: MakeHuman,
        atlas: HandAtlas,
        hand: Texels,
        person: Texels,
        labels: npt.NDArray[np.uint8],
        joints: FloatArray,
        axes: HandAxes,
        eye_height: float,
    ) -> None:
        self._hand, self._person, self._labels = hand, person, labels
        nails = atlas.cut(makehuman.mask(_NAILS, ATLAS_SIZE))
        self._hand_painter = HandPainter(HandRegions(joints, hand.points, hand.normals), hand.values(nails))
        masks = {name: person.values(makehuman.mask(name, PERSON_SIZE)) for name in (*MASKS, _NAILS)}
        self._person_hands = {side: self._painter_of_side(side, joints, axes, masks[_NAILS]) for side in "LR"}
        self._of_head = self._labelled("head", "neck")
        self._face = FacePoints(
            person.points[self._of_head], {name: masks[name][self._of_head] for name in MASKS}, eye_height
        )

    def paint(self, complexion: Complexion, name: str) -> SkinTextures:
        """The textures of one person."""
        colours = Skin.plain(complexion, self._person.points).colours(complexion.warmth)
        colours[self._of_head] = paint_face(self._face, complexion)
        for side, painter in self._person_hands.items():
            colours[self._labelled(f"hand.{side}", f"forearm.{side}")] = painter.paint(complexion)
        return SkinTextures(name, self._hand.image(self._hand_painter.paint(complexion)), self._person.image(colours))

    def _labelled(self, *names: str) -> npt.NDArray[np.bool_]:
        return np.isin(self._labels, [LABELS.index(name) for name in names])

    def _painter_of_side(self, side: str, joints: FloatArray, axes: HandAxes, nails: FloatArray) -> HandPainter:
        shown = self._labelled(f"hand.{side}", f"forearm.{side}")
        # A left hand is the mirror image of a right one.
        mirror = np.array([-1 if side == "L" else 1, 1, 1], np.float32)
        points = (self._person.points[shown] * mirror - axes.origin) @ axes.rows.T
        normals = (self._person.normals[shown] * mirror) @ axes.rows.T
        regions = HandRegions(joints, points.astype(np.float32), normals.astype(np.float32))
        return HandPainter(regions, nails[shown])


def painted_skins(painter: SkinPainter, count: int, seed: int) -> Iterator[SkinTextures]:
    """Skins of all tones, from light to dark."""
    for number, tone in enumerate(np.linspace(*_TONES, count).tolist()):
        complexion = Complexion.sample(seed + number, tone)
        yield painter.paint(complexion, f"painted_{number:02d}")


def photographed_skins(paths: Sequence[Path], atlas: HandAtlas) -> Iterator[SkinTextures]:
    """Skins from images with the layout of MakeHuman's base mesh.

    Raises
    ------
    ValueError
        If an image is not square.
    """
    for path in paths:
        image = read_image(path)
        height, width = image.shape[:2]
        if height != width:
            raise ValueError(
                f"{path} is {width} x {height} pixels, but MakeHuman's skins are square: leave only such images in it"
            )
        person = cv2.resize(image, (PERSON_SIZE, PERSON_SIZE), interpolation=cv2.INTER_AREA)
        resized = cv2.resize(image, (ATLAS_SIZE, ATLAS_SIZE), interpolation=cv2.INTER_CUBIC)
        yield SkinTextures(path.stem, atlas.cut(np.asarray(resized, np.uint8)), np.asarray(person, np.uint8))
