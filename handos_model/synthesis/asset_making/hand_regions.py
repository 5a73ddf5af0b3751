"""Where on a hand its points are: palm or back, on which finger, how far from each joint."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.asset_making.noise import ramp

_OUT_OF_PALM = np.array([0.0, 0.0, 1.0], np.float32)
_FINGER_RADIUS = 0.016
"""Metres from a finger's bones within which the skin belongs to it."""

_FAR_FROM_CURVE = 0.012
"""Metres."""


@dataclass(frozen=True)
class HandRegions:
    """N points of a hand with its forearm, in the hand's axes."""

    joints: FloatArray
    """(21, 3)"""
    points: FloatArray
    """(N, 3)"""
    normals: FloatArray
    """(N, 3)"""

    @cached_property
    def hand(self) -> FloatArray:
        """(N,) 1 on the hand, 0 on the forearm."""
        return ramp(-0.012, 0.012, self.points[:, 1])

    @cached_property
    def palmar(self) -> FloatArray:
        """(N,) 1 where the skin faces the palm's side, 0 on the back and on the forearm."""
        return ramp(-0.35, 0.55, self._facing) * self.hand

    @cached_property
    def dorsal(self) -> FloatArray:
        """(N,) 1 on the back of hand and fingers, 0 on the palm's side and on the forearm."""
        return (1 - ramp(-0.45, 0.1, self._facing)) * self.hand

    @cached_property
    def _facing(self) -> FloatArray:
        """(N,) how much the normal points the way in which palm and fingers bend: 1 fully, -1 away."""
        facing = self.normals @ _OUT_OF_PALM
        for finger in range(5):
            own = self.normals @ self.pad_direction(finger)
            share = ramp(-0.01, 0.02, self.along(4 * finger + 1)) * ramp(0.022, 0.013, self._distances[:, finger])
            facing = facing + share * (own - facing)
        return np.asarray(facing, np.float32)

    @cached_property
    def finger(self) -> IntArray:
        """(N,) 0 thumb to 4 pinky, -1 elsewhere."""
        nearest = self._distances.argmin(axis=1)
        return np.where(self._distances.min(axis=1) < _FINGER_RADIUS, nearest, -1).astype(np.int32)

    @cached_property
    def _distances(self) -> FloatArray:
        """(N, 5) metres to each finger."""
        return np.stack([self._distance_to_finger(finger) for finger in range(5)], axis=1)

    def direction(self, joint: int) -> FloatArray:
        """(3,) unit vector along the finger at a joint that is not its tip."""
        start = joint if joint % 4 == 1 else joint - 1
        along = self.joints[joint + 1] - self.joints[start]
        return np.asarray(along / np.linalg.norm(along), np.float32)

    def along(self, joint: int) -> FloatArray:
        """(N,) metres from a joint towards the fingertip, along the finger."""
        return np.asarray((self.points - self.joints[joint]) @ self.direction(joint), np.float32)

    def pad_direction(self, finger: int) -> FloatArray:
        """(3,) unit vector out of the pad of a finger: the way in which it bends."""
        first, second, third, tip = self.joints[4 * finger + 1 : 4 * finger + 5]
        if finger == 0:
            axis = np.cross(second - first, third - second) + np.cross(third - second, tip - third)
        else:
            axis = np.cross(tip - first, _OUT_OF_PALM)
        pad = np.cross(axis, tip - first)
        return np.asarray(pad / np.linalg.norm(pad), np.float32)

    def _distance_to_finger(self, finger: int) -> FloatArray:
        """(N,) metres to the nearest bone of a finger; for points before its first joint to that joint."""
        chain = self.joints[4 * finger + 1 : 4 * finger + 5]
        nearest = np.full(len(self.points), np.inf, np.float32)
        for start, end in pairwise(chain):
            bone = end - start
            share = ((self.points - start) @ bone / (bone @ bone)).clip(0, 1)
            offset = self.points - start - share[:, None] * bone
            nearest = np.minimum(nearest, np.linalg.norm(offset, axis=1))
        return nearest


def distance_to_curve(points: FloatArray, curve: FloatArray) -> FloatArray:
    """(N,) metres from points (N, 2) to a polyline through (n, 2); infinite beyond `_FAR_FROM_CURVE`."""
    samples = [np.linspace(start, end, 12, endpoint=False) for start, end in pairwise(curve)]
    tree = cKDTree(np.concatenate([*samples, curve[-1:]]))
    return np.asarray(tree.query(points, distance_upper_bound=_FAR_FROM_CURVE)[0], np.float32)
