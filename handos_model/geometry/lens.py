"""Lens distortion: OpenCV's polynomial and fisheye models."""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics

LensModel = Literal["radial_tangential", "fisheye"]

_PIXEL_STEP: Final = 2.0
"""Step of the finite differences in `LensDistortion.local_view`."""


@dataclass(frozen=True)
class LensDistortion:
    """Deviation of a lens from the pinhole model."""

    model: LensModel
    """OpenCV's polynomial models with 4, 5, 8, 12 or 14 coefficients, or its fisheye model with 4."""
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        allowed = (4,) if self.model == "fisheye" else (4, 5, 8, 12, 14)
        if len(self.coefficients) not in allowed or not np.isfinite(self.coefficients).all():
            raise ValueError(
                f"a {self.model} lens has {' or '.join(map(str, allowed))} finite coefficients, got "
                f"{list(self.coefficients)}: calibrate the camera again"
            )

    def undistort_points(self, pixels: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
        """Normalised image coordinates (N, 2), x / z and y / z, of the rays seen at distorted `pixels` (N, 2)."""
        undistort = cv2.fisheye.undistortPoints if self.model == "fisheye" else cv2.undistortPoints
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        return np.asarray(undistort(points, camera.matrix, np.array(self.coefficients)), np.float64).reshape(-1, 2)

    def project(self, points: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
        """Distorted pixels (N, 2) of points (N, 3) in front of the camera."""
        project_points = cv2.fisheye.projectPoints if self.model == "fisheye" else cv2.projectPoints
        shaped = np.asarray(points, np.float64).reshape(-1, 1, 3)
        pixels, _ = project_points(shaped, np.zeros(3), np.zeros(3), camera.matrix, np.array(self.coefficients))
        return np.asarray(pixels, np.float64).reshape(-1, 2)

    def local_view(self, pixel: Float64Array, camera: CameraIntrinsics) -> tuple[Float64Array, float]:
        """Approximate the lens around `pixel` (2,) by a rotated pinhole camera of another focal length.

        Returns
        -------
        direction, magnification
            (2,) x / z and y / z of the pixel's ray; size of objects there relative to their size in `camera`.
        """
        step = _PIXEL_STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        rays = self.undistort_points(pixel + step, camera)
        jacobian = np.stack([rays[1] - rays[2], rays[3] - rays[4]]) / (2 * _PIXEL_STEP)
        area = abs(np.linalg.det(jacobian)) * camera.fx * camera.fy
        return rays[0], float(1 / np.sqrt(area)) if area > 0 else float("nan")
