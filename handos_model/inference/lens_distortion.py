"""Hands in images of lenses that bend straight lines.

The network sees the image as it is, and 2D joints stay in its pixels. Only the metres have to know about the lens: the
pipeline places a hand as a pinhole camera would, and `straightened` moves it to where the lens really looks. Around the
hand the lens is taken as a turned pinhole camera of another focal length, which is exact in the hand's middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.inference.camera_geometry import project, to_camera_frame, to_ray_frame
from handos_model.io.frame import CameraIntrinsics

Floats = npt.NDArray[np.float64]
LensModel = Literal["radial_tangential", "fisheye"]

WIDEST_TANGENT: Final = 5.0
"""Tangent of the greatest angle, 79 degrees, off the optical axis at which a hand gets metres."""
_PIXEL_STEP: Final = 2.0


@dataclass(frozen=True)
class LensDistortion:
    """How a lens departs from a pinhole camera."""

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

    def directions(self, pixels: npt.ArrayLike, camera: CameraIntrinsics) -> Floats:
        """(N, 2) x / z and y / z of the directions from which the lens lets light fall onto `pixels` (N, 2)."""
        matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
        undistort = cv2.fisheye.undistortPoints if self.model == "fisheye" else cv2.undistortPoints
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        return np.asarray(undistort(points, matrix, np.array(self.coefficients)), np.float64).reshape(-1, 2)


def straightened(hands: Sequence[Hand], camera: CameraIntrinsics, lens: LensDistortion) -> tuple[Hand, ...]:
    """The hands with their metres moved to where the lens looks; no metres beyond `WIDEST_TANGENT`.

    Parameters
    ----------
    hands
        In metres of a pinhole camera, as the pipeline returns them.
    camera
        Intrinsics that the pipeline was given.
    lens
        The real lens.
    """
    return tuple(hand if hand.joints_3d is None else _straightened(hand, camera, lens) for hand in hands)


def _straightened(hand: Hand, camera: CameraIntrinsics, lens: LensDistortion) -> Hand:
    assert hand.joints_3d is not None
    assert hand.vertices is not None
    root = hand.joints_3d[ROOT_JOINT].astype(np.float64)
    direction, magnification = _local_view(project(root, camera), camera, lens)
    if not np.isfinite(magnification) or np.abs(direction).max() > WIDEST_TANGENT:
        return replace(hand, joints_3d=None, joint_sigma=None, vertices=None)
    new_root = root[2] * magnification * np.append(direction, 1.0)

    def moved(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return to_camera_frame(to_ray_frame(points, root), new_root).astype(np.float32)

    sigma = None if hand.joint_sigma is None else (hand.joint_sigma * magnification).astype(np.float32)
    return replace(hand, joints_3d=moved(hand.joints_3d), vertices=moved(hand.vertices), joint_sigma=sigma)


def _local_view(pixel: Floats, camera: CameraIntrinsics, lens: LensDistortion) -> tuple[Floats, float]:
    """Direction (2,) seen at a pixel, and how much larger the lens shows things there than the pinhole camera would."""
    step = _PIXEL_STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    seen = lens.directions(pixel + step, camera)
    per_pixel = np.stack([seen[1] - seen[2], seen[3] - seen[4]]) / (2 * _PIXEL_STEP)
    area = abs(np.linalg.det(per_pixel)) * camera.fx * camera.fy
    return seen[0], float(1 / np.sqrt(area)) if area > 0 else float("nan")
