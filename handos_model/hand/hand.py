"""`Hand`: the pipeline's result for one hand in one image."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray

Handedness = Literal["left", "right"]


@dataclass(frozen=True)
class MetricHand:
    """A hand in metres, camera optical frame (REP 103: x right, y down, z forward)."""

    joints_3d: FloatArray
    """(21, 3) metres, in the order of `JOINT_NAMES`."""
    joint_sigma: FloatArray
    """(21,) metres, expected standard deviation of each joint parallel to the image plane, per axis."""
    vertices: FloatArray
    """(V, 3) metres, vertices of the pipeline's topology; (0, 3) if only the joints are known."""
    depth_residual: float | None = None
    """Metres by which alignment to a depth image moved the hand away from the camera; ``None`` without one."""

    def translated(self, offset: npt.ArrayLike) -> "MetricHand":
        """Return the hand translated by `offset` (3,) metres."""
        step = np.asarray(offset, np.float32)
        return replace(self, joints_3d=self.joints_3d + step, vertices=self.vertices + step)

    def transformed(self, transform: Callable[[FloatArray], npt.NDArray[np.floating]]) -> "MetricHand":
        """Return the hand with `transform` applied to joints and vertices (N, 3)."""
        return replace(
            self,
            joints_3d=transform(self.joints_3d).astype(np.float32),
            vertices=transform(self.vertices).astype(np.float32),
        )


@dataclass(frozen=True)
class Hand:
    """One detected hand, in pixels and, if the camera's intrinsics are known, in metres."""

    score: float
    """Confidence that this is a hand, 0..1."""
    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels of the image."""
    handedness: Handedness
    """The person's own left or right, not the image's."""
    handedness_score: float
    """Confidence in `handedness`, 0.5..1."""
    joints_2d: FloatArray
    """(21, 2) pixels of the image, in the order of `JOINT_NAMES`."""
    joint_scores: FloatArray
    """(21,) confidence of each 2D joint, 0..1."""
    metric: MetricHand | None = None
    """The hand in metres; ``None`` without intrinsics."""
    id: int | None = None
    """Stable identity across frames, assigned by the tracker; ``None`` without tracking."""
    coasting: bool = False
    """Not detected in this image, but predicted by the tracker from earlier ones."""
    tentative: bool = False
    """Detected in too few images so far to be certain that it is a hand; without tracking always false."""

    @property
    def joints_3d(self) -> FloatArray | None:
        """(21, 3) metres, camera optical frame; ``None`` without intrinsics."""
        return None if self.metric is None else self.metric.joints_3d

    @property
    def vertices(self) -> FloatArray | None:
        """(V, 3) metres, camera optical frame; ``None`` without intrinsics or if only the joints are known."""
        return self.metric.vertices if self.metric is not None and len(self.metric.vertices) else None
