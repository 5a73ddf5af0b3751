"""Paints the skin of a head: rosy cheeks, nose and ears, lips, lids, eyebrows, beard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.asset_making.complexion import Complexion, Skin
from handos_model.synthesis.asset_making.hand_regions import distance_to_curve
from handos_model.synthesis.asset_making.noise import bump, ramp

MASKS: Final = ("lips", "eyelids", "ears", "inside-mouth")
_BROW: Final = ((0.011, 0.0115), (0.025, 0.0155), (0.038, 0.0150), (0.049, 0.0090))
"""Metres from between the eyes, to the side and up, from the root of an eyebrow to its end."""


@dataclass(frozen=True)
class FacePoints:
    """N points of a head in the person's axes, with the share of each mask, and the height of the eyes in metres."""

    points: FloatArray
    """(N, 3)"""
    masks: Mapping[str, FloatArray]
    """(N,) for each of `MASKS`."""
    eye_height: float

    @property
    def mouth(self) -> FloatArray:
        """(3,) the middle of the lips."""
        return np.asarray(self.points[self.masks["lips"] > 0.5].mean(axis=0))


def paint_face(face: FacePoints, complexion: Complexion) -> FloatArray:
    """(N, 3) BGR, linear, 0..1."""
    rng = np.random.default_rng(complexion.seed + 1)
    skin = Skin.plain(complexion, face.points)
    front = ramp(0.02, 0.07, face.points[:, 2])
    _blush(skin, face, complexion, front)
    _brows(skin, face, complexion, rng, front)
    _beard(skin, face, complexion)
    _lines(skin, complexion, face.points, front * (1 - face.masks["lips"]))
    _mouth(skin, face, complexion)
    return skin.colours(complexion.warmth)


def _blush(skin: Skin, face: FacePoints, complexion: Complexion, front: FloatArray) -> None:
    """Rosy cheeks, nose and ears; darker around the eyes."""
    points = face.points
    beside = np.abs(points[:, 0])
    between = points[:, 1] - (face.eye_height + face.mouth[1]) / 2
    for x, y, width, strength in ((0.038, -0.004, 0.017, 0.26), (0.0, -0.006, 0.012, 0.24)):
        distance = np.hypot(beside - x, between - y)
        skin.blood += strength * complexion.blood * front * bump(distance, width)
    skin.blood += 0.25 * complexion.blood * face.masks["ears"]
    socket = np.hypot((beside - 0.032) / 1.5, points[:, 1] - face.eye_height)
    skin.tone += 0.05 * front * bump(socket, 0.013)
    skin.blood += 0.12 * face.masks["eyelids"] + 0.2 * front * bump(socket, 0.01)


def _brows(skin: Skin, face: FacePoints, complexion: Complexion, rng: np.random.Generator, front: FloatArray) -> None:
    points = face.points
    flat = np.stack([np.abs(points[:, 0]), points[:, 1] - face.eye_height - rng.uniform(-0.001, 0.003)], axis=1)
    distance = distance_to_curve(flat.astype(np.float32), np.array(_BROW, np.float32))
    strands = 0.75 + 0.25 * complexion.noise(points, (0.0025, 0.0012, 0.003))
    skin.shade += rng.uniform(0.5, 1.4) * front * bump(distance, rng.uniform(0.003, 0.0048)) * strands.clip(0, 1.5)


def _beard(skin: Skin, face: FacePoints, complexion: Complexion) -> None:
    points = face.points
    above_mouth = points[:, 1] - face.mouth[1]
    front = ramp(-0.005, 0.03, points[:, 2]) * (1 - face.masks["lips"])
    # Cheeks are bare above a line from the corner of the mouth to the ear.
    outside = np.abs(points[:, 0]) - np.float32(0.03)
    bare = ramp(0.0, 0.012, above_mouth - np.float32(0.6) * outside) * ramp(-0.002, 0.008, outside)
    below_nose, on_jaw = ramp(0.026, 0.012, above_mouth), ramp(-0.085, -0.06, above_mouth)
    stubble = (0.6 + 0.4 * complexion.noise(points, 0.0014)).clip(0, 1.6)
    skin.shade += 1.1 * complexion.beard**2 * below_nose * on_jaw * front * (1 - bare) * stubble


def _lines(skin: Skin, complexion: Complexion, points: FloatArray, where: FloatArray) -> None:
    """Fine lines, across on the forehead."""
    net = np.abs(complexion.noise(points, (0.012, 0.003, 0.012)))
    skin.shade += bump(net, 0.1) * where * (0.015 + 0.07 * complexion.age)


def _mouth(skin: Skin, face: FacePoints, complexion: Complexion) -> None:
    lips, inside = face.masks["lips"], face.masks["inside-mouth"]
    skin.tone += lips * (0.8 * complexion.tone + 0.08 - skin.tone)
    skin.blood += lips * (0.75 - 0.35 * complexion.tone) * complexion.lip + 0.9 * inside
    skin.shade += 0.2 * inside
