"""Paints shaded triangles over images with the painter's algorithm: far triangles first."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project

AMBIENT: Final = 0.35
TO_LIGHT: Final = np.array([-0.35, -0.6, -0.72])
"""Unit vector of the optical frame: the light is above the camera, a little to the left."""
MIN_DEPTH: Final = 0.01
"""Metres: triangles closer to the camera are not drawn."""
MAX_PIXEL: Final = 20_000
"""Coordinates are clipped to this, which OpenCV's fixed-point drawing can hold."""

_FRACTION_BITS: Final = 4


def visible_triangles(corners: Float64Array, normals: Float64Array) -> npt.NDArray[np.bool_]:
    """(N,) whether triangles face the camera and lie before it.

    Parameters
    ----------
    corners
        (N, 3, 3) metres, camera optical frame.
    normals
        (N, 3), out of the surface.
    """
    faces_camera = (normals * corners[:, 0]).sum(axis=1) < 0
    return np.asarray(faces_camera & (corners[:, :, 2] > MIN_DEPTH).all(axis=1))


def lambert(normals: Float64Array) -> Float64Array:
    """(...) brightness 0..1 of surfaces with normals (..., 3) of any length: Lambert's law."""
    lengths = np.linalg.norm(normals, axis=-1) + 1e-15
    return np.asarray(AMBIENT + (1.0 - AMBIENT) * np.clip(normals @ TO_LIGHT / lengths, 0.0, 1.0))


def paint_triangles(
    image: ImageArray, corners: Float64Array, colours: Float64Array, camera: CameraIntrinsics, opacity: float = 1.0
) -> None:
    """Paint triangles over an image.

    Parameters
    ----------
    image
        (H, W, 3) BGR, changed in place.
    corners
        (N, 3, 3) metres, camera optical frame; all before the camera.
    colours
        (N, 3) BGR, 0..255.
    camera
        Intrinsics of `image`.
    opacity
        0..1.
    """
    far_first = np.argsort(-corners[:, :, 2].mean(axis=1))
    _blend(image, project(corners[far_first], camera), colours[far_first], opacity)


def _blend(image: ImageArray, pixels: Float64Array, colours: Float64Array, opacity: float) -> None:
    """Fill triangles in the given order and blend them into `image`."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(pixels.min(axis=(0, 1), initial=np.inf)), 0, [width, height])
    high = np.clip(np.ceil(pixels.max(axis=(0, 1), initial=-np.inf)) + 1, 0, [width, height])
    if (high <= low).any():
        return
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    region = image[top:bottom, left:right]
    layer = region.copy()
    clipped = np.clip(pixels - low, -MAX_PIXEL, MAX_PIXEL)
    fixed_point = np.round(clipped * 2**_FRACTION_BITS).astype(np.int32)
    for triangle, colour in zip(fixed_point, colours.tolist(), strict=True):
        cv2.fillConvexPoly(layer, triangle, colour, cv2.LINE_8, _FRACTION_BITS)
    # Where no triangle was filled, the layer equals the region, so blending changes only the triangles.
    cv2.addWeighted(layer, opacity, region, 1.0 - opacity, 0.0, dst=region)
