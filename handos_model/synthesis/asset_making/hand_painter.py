"""Paints the skin of a hand: pale palm, rosy fingertips and knuckles, creases, wrinkles, veins, nails, hair."""

from typing import Final

import numpy as np
from scipy.interpolate import make_interp_spline

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import FINGERTIPS, JOINT_NAMES
from handos_model.synthesis.asset_making.complexion import Complexion, Skin
from handos_model.synthesis.asset_making.hand_regions import HandRegions, distance_to_curve
from handos_model.synthesis.asset_making.noise import bump, ramp

_PALM_TONE: Final = 0.42
"""The palm's pigment as a share of the back's."""
_KNUCKLES: Final = tuple(k for k, name in enumerate(JOINT_NAMES) if name.endswith(("_mcp", "_pip", "_dip", "_ip")))
_FINGER_CREASES: Final = {1: (-0.0005,), 2: (-0.0012, 0.0012), 3: (0.0,)}
"""Metres from the mcp, pip and dip of a finger to the lines across it; the first are at the finger's root."""
_WRINKLES: Final = {2: (0.0045, 5), 3: (0.003, 3)}
"""Metres around the pip and dip of a finger that its wrinkles cover, and their number."""
_ROOT_CREASE: Final = 0.48
"""Where a finger leaves the palm, as a share of the way from mcp to pip."""
_PALM_LINES: Final = (
    (1.0, (("pinky_mcp", -14, -13), ("ring_mcp", 0, -13), ("middle_mcp", 2, -9), ("index_mcp", -14, 4))),
    (0.9, (("index_mcp", 14, -22), ("middle_mcp", 4, -31), ("ring_mcp", 0, -42), ("pinky_mcp", -6, -50))),
    (1.0, (("index_mcp", 14, -26), ("index_mcp", -4, -37), ("middle_mcp", 6, -51), ("wrist", 4, 12))),
    (0.35, (("wrist", -2, 20), ("middle_mcp", -4, -47), ("middle_mcp", 0, -14))),
    (0.3, (("pinky_mcp", -10, -30), ("pinky_mcp", 17, -43), ("wrist", -14, 14))),
)
"""Heart, head and life line and two lesser ones: the depth of each, and its points in the palm's plane as millimetres
to the thumb's side and to the fingers from a joint."""


class HandPainter:
    """Paints the points of a hand.

    Parameters
    ----------
    regions
        The points.
    nails
        (N,) 1 on nails.
    """

    def __init__(self, regions: HandRegions, nails: FloatArray) -> None:
        self._regions, self._nails = regions, nails

    def paint(self, complexion: Complexion) -> FloatArray:
        """(N, 3) BGR, linear, 0..1."""
        regions = self._regions
        rng = np.random.default_rng(complexion.seed)
        skin = Skin.plain(complexion, regions.points)
        self._pale_palm(skin, complexion)
        self._blush(skin, complexion)
        self._finger_creases(skin, complexion)
        self._palm_creases(skin, complexion, rng)
        self._knuckle_wrinkles(skin, complexion, rng)
        self._fine_lines(skin, complexion)
        self._veins(skin, complexion, rng)
        self._arm_hair(skin, complexion)
        self._paint_nails(skin, complexion)
        return skin.colours(complexion.warmth)

    def _pale_palm(self, skin: Skin, complexion: Complexion) -> None:
        """Palms have little pigment, those of light skin hardly less than the back."""
        share = 1 - self._regions.palmar * (1 - _PALM_TONE - 0.25 * (1 - complexion.tone))
        skin.tone *= share

    def _blush(self, skin: Skin, complexion: Complexion) -> None:
        """Rosy palm with pale blotches, fingertips and knuckles; knuckles have more pigment too."""
        regions = self._regions
        mottled = complexion.noise.octaves(regions.points, 0.006, 3)
        skin.blood += complexion.blood * regions.palmar * (0.22 + 0.08 * mottled)
        joints = regions.joints
        # The balls of thumb and little finger.
        heel = np.minimum(*(np.linalg.norm(regions.points - joints[k] * 0.55, axis=1) for k in (2, 17)))
        skin.blood += 0.22 * complexion.blood * regions.palmar * bump(heel, 0.02)
        for tip in FINGERTIPS:
            distance = np.linalg.norm(regions.points - joints[tip], axis=1)
            skin.blood += complexion.blood * bump(distance, 0.013) * (0.16 + 0.36 * regions.palmar)
        for joint in _KNUCKLES:
            distance = np.linalg.norm(regions.points - joints[joint], axis=1)
            strength = regions.dorsal * bump(distance, 0.016 if joint % 4 == 1 else 0.011)
            skin.blood += 0.38 * complexion.blood * strength
            skin.tone += (0.05 + 0.05 * complexion.tone) * strength

    def _finger_creases(self, skin: Skin, complexion: Complexion) -> None:
        regions = self._regions
        wobble = 0.0007 * complexion.noise(regions.points, 0.012)
        for finger in range(5):
            on_finger = (regions.finger == finger) * regions.palmar**1.5
            for number, offsets in _FINGER_CREASES.items():
                joint = 4 * finger + number
                length = float(np.linalg.norm(regions.joints[joint + 1] - regions.joints[joint]))
                root = _ROOT_CREASE * length if number == 1 and finger > 0 else 0.0
                for offset in offsets:
                    self._line(skin, complexion, regions.along(joint) - root - offset + wobble, on_finger)
        for offset in (0.0, 0.004):
            at_wrist = regions.points[:, 1] + 0.004 + offset + 3 * wobble
            self._line(skin, complexion, at_wrist, ramp(0.2, 0.8, regions.normals[:, 2]) * 0.3)

    def _line(self, skin: Skin, complexion: Complexion, distance: FloatArray, where: FloatArray) -> None:
        """A crease: a thin dark line in a soft, reddish one, deeper here and there."""
        where = (
            where * complexion.creases * (0.75 + 0.35 * complexion.noise(self._regions.points, 0.007)).clip(0.1, 1.2)
        )
        thin, soft = where * bump(distance, 0.0007), where * bump(distance, 0.0022)
        skin.shade += 0.11 * thin + 0.05 * soft
        skin.blood += 0.22 * thin + 0.14 * soft
        skin.tone += 0.10 * complexion.tone * (thin + 0.8 * soft)

    def _palm_creases(self, skin: Skin, complexion: Complexion, rng: np.random.Generator) -> None:
        regions = self._regions
        in_palm = regions.palmar * (regions.finger < 1)
        flat = (regions.points + 0.001 * complexion.noise(regions.points, 0.01)[:, None])[:, :2]
        for points, strength in _palm_lines(regions.joints, rng):
            self._line(skin, complexion, distance_to_curve(flat, _smooth(points)), in_palm * strength)

    def _knuckle_wrinkles(self, skin: Skin, complexion: Complexion, rng: np.random.Generator) -> None:
        """Lines across the back of the two outer joints of each finger."""
        regions = self._regions
        for joint, width, count in [(4 * f + k, *_WRINKLES[k]) for f in range(5) for k in _WRINKLES]:
            along = regions.along(joint)
            where = (regions.finger == (joint - 1) // 4) * regions.dorsal**2 * bump(along, width)
            wobble = 0.0006 * complexion.noise(regions.points, 0.005)
            for offset in np.linspace(-width, width, count) + rng.normal(0, 0.0003, count):
                skin.shade += 0.16 * complexion.creases * where * bump(along - offset + wobble, 0.00045)

    def _fine_lines(self, skin: Skin, complexion: Complexion) -> None:
        """A net of fine lines, deeper on the back of old hands."""
        regions = self._regions
        net = np.minimum(
            np.abs(complexion.noise(regions.points, (0.002, 0.005, 0.002))),
            np.abs(complexion.noise(regions.points + np.float32(0.5), (0.005, 0.002, 0.005))),
        )
        skin.shade += bump(net, 0.12) * (0.03 + 0.09 * complexion.age) * (0.35 + 0.65 * regions.dorsal)

    def _veins(self, skin: Skin, complexion: Complexion, rng: np.random.Generator) -> None:
        regions = self._regions
        flat = (regions.points + 0.0016 * complexion.noise(regions.points, 0.014)[:, None])[:, :2]
        on_back = 1 - ramp(-0.6, -0.1, regions.normals[:, 2])
        for curve in _vein_curves(regions.joints, rng):
            distance = distance_to_curve(flat, _smooth(curve))
            strength = complexion.veins * on_back * (regions.finger < 0) * rng.uniform(0.5, 1.0)
            skin.vein = np.maximum(skin.vein, strength * bump(distance, 0.0021))

    def _arm_hair(self, skin: Skin, complexion: Complexion) -> None:
        regions = self._regions
        strands = complexion.noise(regions.points, (0.0009, 0.006, 0.0009)) - 1.1
        on_arm = (1 - ramp(-0.2, 0.4, regions.normals[:, 2])) * ramp(0.02, -0.05, regions.points[:, 1])
        skin.shade += 0.28 * complexion.hair * on_arm * strands.clip(0, 1)

    def _paint_nails(self, skin: Skin, complexion: Complexion) -> None:
        """Nails show the blood below, a pale free edge, and a dark rim."""
        nails = self._nails
        rim = 4 * nails * (1 - nails)
        free_edge = np.zeros(len(nails), np.float32)
        for finger in range(5):
            tip = self._regions.along(4 * finger + 3)
            length = float(np.linalg.norm(self._regions.joints[4 * finger + 4] - self._regions.joints[4 * finger + 3]))
            free_edge = np.maximum(free_edge, (self._regions.finger == finger) * ramp(0.86, 0.94, tip / length))
        skin.tone += nails * (0.45 * complexion.tone - 0.1 - skin.tone)
        skin.blood += nails * (0.35 * complexion.blood - 0.35 * free_edge - skin.blood)
        skin.shade += 0.22 * rim - nails * (skin.shade + 0.05 + 0.15 * free_edge)


def _palm_lines(joints: FloatArray, rng: np.random.Generator) -> list[tuple[FloatArray, float]]:
    """Points (n, 2) in the palm's plane of each line, metres, and how deep it is."""
    lines = []
    for depth, waypoints in _PALM_LINES:
        points = [joints[JOINT_NAMES.index(joint), :2] + np.array([x, y]) / 1000 for joint, x, y in waypoints]
        jittered = np.array(points) + rng.normal(0, 0.0018, (len(points), 2))
        lines.append((jittered.astype(np.float32), depth * float(rng.uniform(0.6, 1.1))))
    return lines


def _vein_curves(joints: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Curves in the palm's plane (n, 2) from between the knuckles over the wrist to the forearm, with branches."""
    curves = []
    ends = [np.array([x, -0.2], np.float32) + rng.normal(0, 0.006, 2) for x in (0.018, 0.0, -0.018)]
    for first, second in ((5, 9), (9, 13), (13, 17)):
        start = (joints[first, :2] + joints[second, :2]) / 2 + rng.normal(0, 0.003, 2)
        wrist = np.array([0.45 * start[0], 0.0]) + rng.normal(0, 0.006, 2)
        middle = (start + wrist) / 2 + rng.normal(0, (0.008, 0.004), 2)
        end = ends[int(rng.integers(len(ends)))]
        curves.append(np.array([start, middle, wrist, (wrist + end) / 2 + rng.normal(0, (0.007, 0), 2), end]))
        knuckle = joints[first, :2] + (0, -0.02)
        curves.append(np.array([knuckle, (knuckle + middle) / 2 + rng.normal(0, 0.003, 2), middle]))
    return [curve.astype(np.float32) for curve in curves]


def _smooth(points: FloatArray) -> FloatArray:
    """(32, 2) points of a smooth curve through the given ones."""
    at = np.arange(len(points))
    spline = make_interp_spline(at, points, k=min(3, len(points) - 1))
    return np.asarray(spline(np.linspace(0, len(points) - 1, 32)), np.float32)
