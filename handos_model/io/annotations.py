"""Annotated images: the one sample type that renderers and data set readers yield and training and evaluation use."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.io.frame import CameraIntrinsics, ImageArray


@dataclass(frozen=True)
class AnnotatedHand:
    """What is known about one hand in an image; ``None`` where it is not annotated."""

    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels: bounds of the hand (wrist to fingertips) inside the image."""
    joints_2d: FloatArray
    """(21, 2) pixels; may lie outside of the image."""
    handedness: Handedness
    visibility: npt.NDArray[np.bool_] | None = None
    """(21,) whether the joint's surface is seen."""
    joints_3d: FloatArray | None = None
    """(21, 3) metres, camera optical frame."""
    vertices: FloatArray | None = None
    """(V, 3) metres, camera optical frame."""


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its hands."""

    image: ImageArray
    """(H, W, 3) BGR."""
    hands: tuple[AnnotatedHand, ...]
    camera: CameraIntrinsics | None = None
    complete: bool = True
    """False where hands may be visible that are not annotated: the rest is then no certain background."""
    part_ids: npt.NDArray[np.uint8] | None = None
    """(H, W) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky; for auxiliary losses."""
