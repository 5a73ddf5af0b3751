"""Lens distortion: OpenCV's polynomial and fisheye models."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics

LensModel = Literal["radial_tangential", "fisheye"]

MAX_ANGLE: Final = np.radians(82.0)
"""Largest angle to the optical axis of which a ray is computed. Nearer to 90 degrees x / z and y / z lose meaning."""
_PIXEL_STEP: Final = 2.0
"""Step of the finite differences in `LensDistortion.local_view`."""
_ROUND_TRIP: Final = 0.5
"""Maximum distance in pixels between a pixel and the projection of its ray: the inversion of the lens has converged."""
_CRITERIA: Final = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-10)
_MAX_MAGNIFICATION: Final = 5.0
"""No real lens magnifies by more, or by less than the inverse, an eighth of the image away from its axis."""


@dataclass(frozen=True)
class LensDistortion:
    """Deviation of a lens from the pinhole model.

    A lens has limits. Beyond 90 degrees, and where a fitted polynomial turns back towards the centre, a pixel has no
    ray: it is NaN there, never a wrong one.
    """

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
        """Normalised image coordinates (N, 2), x / z and y / z, of the rays seen at distorted `pixels` (N, 2).

        NaN where the lens sees nothing: beyond `MAX_ANGLE`, or beyond the range of its polynomial.
        """
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if self.model == "fisheye":
            rays = cv2.fisheye.undistortPoints(points, camera.matrix, self._vector, criteria=_CRITERIA)
        else:
            rays = cv2.undistortPointsIter(points, camera.matrix, self._vector, np.eye(3), np.eye(3), _CRITERIA)
        rays = np.asarray(rays, np.float64).reshape(-1, 2)
        # OpenCV returns its last guess where it did not converge, and clamps angles beyond 90 degrees.
        error = self.project(np.column_stack([rays, np.ones(len(rays))]), camera) - points[:, 0]
        return np.where(np.hypot(*error.T)[:, None] <= _ROUND_TRIP, rays, np.nan)

    def project(self, points: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
        """Distorted pixels (N, 2) of points (N, 3); NaN behind the camera and where the lens sees nothing."""
        shaped = np.asarray(points, np.float64).reshape(-1, 3)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            tangent = np.hypot(shaped[:, 0], shaped[:, 1]) / shaped[:, 2]
        is_seen = (shaped[:, 2] > 0) & (tangent < _largest_tangent(self))
        pixels = np.full((len(shaped), 2), np.nan)
        if is_seen.any():
            project_points = cv2.fisheye.projectPoints if self.model == "fisheye" else cv2.projectPoints
            seen = shaped[is_seen].reshape(-1, 1, 3)
            projected, _ = project_points(seen, np.zeros(3), np.zeros(3), camera.matrix, self._vector)
            pixels[is_seen] = np.asarray(projected, np.float64).reshape(-1, 2)
        return pixels

    def local_view(self, pixel: Float64Array, camera: CameraIntrinsics) -> tuple[Float64Array, float]:
        """Approximate the lens around `pixel` (2,) by a rotated pinhole camera of another focal length.

        Returns
        -------
        direction, magnification
            (2,) x / z and y / z of the pixel's ray; size of objects there relative to their size in `camera`. NaN where
            the lens sees nothing.
        """
        step = _PIXEL_STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        rays = self.undistort_points(pixel + step, camera)
        (x_u, y_u), (x_v, y_v) = np.array([rays[1] - rays[2], rays[3] - rays[4]]) / (2 * _PIXEL_STEP)
        area = (x_u * y_v - y_u * x_v) * camera.fx * camera.fy
        return rays[0], float(1 / np.sqrt(area)) if area > 0 else float("nan")

    def require_plausible(self, camera: CameraIntrinsics, width: int, height: int) -> None:
        """Raise ValueError if no real lens on `camera` has these coefficients.

        Tested near the optical axis, where every lens works; with a long focal length large coefficients are normal.

        Parameters
        ----------
        camera
            Intrinsics of images of this size.
        width, height
            In pixels.
        """
        centre = np.array([camera.cx, camera.cy])
        for offset in ((width / 8, 0), (-width / 8, 0), (0, height / 8), (0, -height / 8)):
            _, magnification = self.local_view(centre + offset, camera)
            if not 1 / _MAX_MAGNIFICATION < magnification < _MAX_MAGNIFICATION:
                raise ValueError(
                    f"the coefficients {list(self.coefficients)} of its {self.model} lens distort even the middle of "
                    f"the image beyond recognition (magnification {magnification:.3g}): calibrate the camera again"
                )

    @property
    def _vector(self) -> Float64Array:
        # OpenCV refuses integers.
        return np.array(self.coefficients, np.float64)


@lru_cache(maxsize=16)
def _largest_tangent(lens: LensDistortion) -> float:
    """Tangent of the angle to the optical axis up to which a larger angle is seen further from the centre."""
    angles = np.linspace(0.0, MAX_ANGLE, 1000)
    tangents = np.tan(angles)
    with np.errstate(all="ignore"):
        is_rising = np.diff(_distance_from_centre(lens, angles, tangents)) > 0
    return float(tangents[-1] if is_rising.all() else tangents[np.argmin(is_rising)])


def _distance_from_centre(lens: LensDistortion, angles: Float64Array, tangents: Float64Array) -> Float64Array:
    """Distances in focal lengths at which rays at `angles` are seen, without the tangential terms."""
    if lens.model == "fisheye":
        k1, k2, k3, k4 = lens.coefficients
        return angles * _polynomial(angles**2, k1, k2, k3, k4)
    k1, k2, _, _, k3, k4, k5, k6 = (*lens.coefficients, *[0.0] * 8)[:8]
    square = tangents**2
    return tangents * _polynomial(square, k1, k2, k3) / _polynomial(square, k4, k5, k6)


def _polynomial(x: Float64Array, *coefficients: float) -> Float64Array:
    """1 + c1 x + c2 x^2 + ..."""
    return np.asarray(np.polynomial.polynomial.polyval(x, (1.0, *coefficients)), np.float64)
