"""Rings, watches and gloves, rendered as colour on the skin."""

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_NAMES

RING_PROBABILITY, WATCH_PROBABILITY, GLOVE_PROBABILITY = 0.12, 0.12, 0.04
"""Per hand."""
_RING_FINGERS = ("index", "middle", "ring", "ring", "pinky")
"""Equally likely; the ring finger twice as often as each other finger."""
_FINGER_RADIUS = 0.014
"""Metres from a finger's bone within which the skin belongs to that finger."""
_METALS = ((0.5, 1.3, 1.9), (1.6, 1.5, 1.4), (0.15, 0.15, 0.15))
"""Gold, silver, black: factors of the skin's blue, green and red."""


class Accessories:
    """Samples the accessories of a hand.

    Parameters
    ----------
    vertices, joints
        (V, 3) and (21, 3) of the hand asset at rest.
    """

    def __init__(self, vertices: FloatArray, joints: FloatArray) -> None:
        self._vertices, self._joints = vertices, joints

    def sample_tint(self, rng: np.random.Generator) -> FloatArray:
        """(V, 3) factors of the skin's blue, green and red; 1 on bare skin."""
        tint = np.ones_like(self._vertices)
        if rng.random() < RING_PROBABILITY:
            tint[self._ring_mask(rng)] = _METALS[rng.integers(len(_METALS))]
        if rng.random() < WATCH_PROBABILITY:
            tint[self._watch_mask(rng)] = np.exp(rng.normal(-1.0, 0.7, 3))
        if rng.random() < GLOVE_PROBABILITY:
            tint[self._glove_mask(rng)] = np.exp(rng.normal(-0.5, 0.8, 3))
        return tint.clip(0.05, 3.0)

    def _ring_mask(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) vertices under a ring: a band around a finger's proximal bone."""
        finger = _RING_FINGERS[rng.integers(len(_RING_FINGERS))]
        mcp, pip = (self._joints[JOINT_NAMES.index(f"{finger}_{joint}")] for joint in ("mcp", "pip"))
        bone = pip - mcp
        from_mcp = self._vertices - mcp
        along = from_mcp @ bone / (bone @ bone)
        distance = np.linalg.norm(from_mcp - along[:, None] * bone, axis=1)
        half_width = rng.uniform(0.06, 0.12)
        return (np.abs(along - rng.uniform(0.4, 0.6)) < half_width) & (distance < _FINGER_RADIUS)

    def _watch_mask(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) vertices under a watch strap, on the forearm next to the wrist."""
        height, half_width = rng.uniform(-0.06, -0.03), rng.uniform(0.006, 0.015)
        return np.asarray(np.abs(self._vertices[:, 1] - height) < half_width)

    def _glove_mask(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) vertices under a glove, which ends near the wrist."""
        return np.asarray(self._vertices[:, 1] > rng.uniform(-0.06, 0.0))
