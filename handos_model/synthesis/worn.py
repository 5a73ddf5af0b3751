"""What hands wear: rings, watches and gloves, drawn as colour on the skin."""

import numpy as np

from handos_model.hand.hand import FloatArray
from handos_model.hand.skeleton import JOINT_NAMES

RING_SHARE, WATCH_SHARE, GLOVE_SHARE = 0.12, 0.12, 0.04
"""Of the hands."""
_RING_FINGERS = ("index", "middle", "ring", "ring", "pinky")
_FINGER_RADIUS = 0.014
"""Metres around a finger's bone within which the skin is that finger's."""
_METALS = ((0.5, 1.3, 1.9), (1.6, 1.5, 1.4), (0.15, 0.15, 0.15))
"""Gold, silver, black, as factors of the skin's blue, green and red."""


class Worn:
    """Chooses what a hand wears.

    Parameters
    ----------
    vertices, joints
        (V, 3) and (21, 3) of the hand asset at rest.
    """

    def __init__(self, vertices: FloatArray, joints: FloatArray) -> None:
        self._vertices, self._joints = vertices, joints

    def tint(self, rng: np.random.Generator) -> FloatArray:
        """(V, 3) factors of the skin's blue, green and red; ones where it is bare."""
        tint = np.ones_like(self._vertices)
        if rng.random() < RING_SHARE:
            tint[self._ring(rng)] = _METALS[rng.integers(len(_METALS))]
        if rng.random() < WATCH_SHARE:
            tint[self._strap(rng)] = np.exp(rng.normal(-1.0, 0.7, 3))
        if rng.random() < GLOVE_SHARE:
            tint[self._glove(rng)] = np.exp(rng.normal(-0.5, 0.8, 3))
        return tint.clip(0.05, 3.0)

    def _ring(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) which vertices lie under a ring: a band around the bone next to the knuckle."""
        finger = _RING_FINGERS[rng.integers(len(_RING_FINGERS))]
        knuckle, middle = (self._joints[JOINT_NAMES.index(f"{finger}_{joint}")] for joint in ("mcp", "pip"))
        bone = middle - knuckle
        from_knuckle = self._vertices - knuckle
        along = from_knuckle @ bone / (bone @ bone)
        distance = np.linalg.norm(from_knuckle - along[:, None] * bone, axis=1)
        half_width = rng.uniform(0.06, 0.12)
        return (np.abs(along - rng.uniform(0.4, 0.6)) < half_width) & (distance < _FINGER_RADIUS)

    def _strap(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) which vertices lie under a watch's strap, below the wrist."""
        place, half_width = rng.uniform(-0.06, -0.03), rng.uniform(0.006, 0.015)
        return np.asarray(np.abs(self._vertices[:, 1] - place) < half_width)

    def _glove(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) which vertices a glove covers: all from somewhere around the wrist on."""
        return np.asarray(self._vertices[:, 1] > rng.uniform(-0.06, 0.0))
