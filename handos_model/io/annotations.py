"""Annotated images: the one sample type that renderers and data set readers yield and training and evaluation use."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.io.frame import CameraIntrinsics, ImageArray

FLESH = 0.07
"""How far a hand reaches beyond its joints, as a fraction of the longest side of their bounds."""


def box_around_joints(joints_2d: FloatArray, width: int, height: int) -> FloatArray:
    """Box (4,) of a hand from its joints (21, 2), inside an image of `width` x `height` pixels.

    The same rule for every source of images, so that boxes from photographs with 2D joints only and boxes from
    rendered meshes mean the same.
    """
    low, high = joints_2d.min(axis=0), joints_2d.max(axis=0)
    margin = FLESH * (high - low).max()
    limit = np.array([width - 1, height - 1], np.float32)
    return np.concatenate([np.clip(low - margin, 0, limit), np.clip(high + margin, 0, limit)]).astype(np.float32)


@dataclass(frozen=True)
class AnnotatedHand:
    """What is known about one hand in an image; ``None`` where it is not annotated."""

    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels: a data set's own box where it states one, else `box_around_joints`."""
    joints_2d: FloatArray
    """(21, 2) pixels; may lie outside of the image."""
    handedness: Handedness
    visibility: npt.NDArray[np.bool_] | None = None
    """(21,) whether the joint's surface is seen."""
    joints_3d: FloatArray | None = None
    """(21, 3) metres, camera optical frame."""
    vertices: FloatArray | None = None
    """(V, 3) metres, camera optical frame."""
    topology_id: str | None = None
    """`HandTopology.id` of the mesh that `vertices` belong to; ``None`` is the package's own hand."""


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its hands."""

    image: ImageArray
    """(H, W, 3) BGR."""
    hands: tuple[AnnotatedHand, ...]
    camera: CameraIntrinsics | None = None
    part_ids: npt.NDArray[np.uint8] | None = None
    """(H, W) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky; for auxiliary losses."""
