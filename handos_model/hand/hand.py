"""`Hand`: what the pipeline says about one hand in one image."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Handedness = Literal["left", "right"]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hand:
    """One detected hand, in the pixels of the image given and in metres of the camera's optical frame.

    The optical frame is that of REP 103: x right, y down, z forward. Everything that needs the camera's intrinsics
    (`joints_3d`, `vertices`, `joint_sigma`) is ``None`` when none were given.
    """

    score: float
    """Confidence that this is a hand, 0..1."""
    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels of the image."""
    handedness: Handedness
    """Side as seen by the person whose hand it is."""
    handedness_score: float
    """Confidence in `handedness`, 0.5..1."""
    joints_2d: FloatArray
    """(21, 2) pixels of the image, in the order of `JOINT_NAMES`."""
    joint_scores: FloatArray
    """(21,) confidence of each 2D joint, 0..1."""
    joints_3d: FloatArray | None
    """(21, 3) metres, camera optical frame."""
    joint_sigma: FloatArray | None
    """(21,) metres, expected standard deviation of each joint across the image plane."""
    vertices: FloatArray | None
    """(V, 3) metres, camera optical frame; V and the faces are those of the pipeline's topology."""
    id: int | None = None
    """Stable identity over frames, given by the tracker; ``None`` straight from the pipeline."""
    coasting: bool = False
    """Not seen in this image: carried on by the tracker from earlier ones."""
    depth_residual: float | None = None
    """Metres by which a depth image moved the hand away from the camera; ``None`` where none was used."""
