"""Corrects hands in metres for lens distortion.

The network runs on the distorted image, and 2D joints stay in its pixels. Only the metres depend on the lens: the
pipeline assumes a pinhole camera, and `undistort` moves each hand to the position that the lens really sees. Around the
hand the lens is approximated by a rotated pinhole camera of another focal length, which is exact at the root joint.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import project, to_camera_frame, to_ray_frame
from handos_model.hand.hand import Hand, MetricHand
from handos_model.hand.skeleton import ROOT_JOINT

MAX_TANGENT: Final = 5.0
"""Tangent of 79 degrees, the largest horizontal or vertical angle to the optical axis at which a hand has metres."""


def undistort(hands: Sequence[Hand], camera: CameraIntrinsics, lens: LensDistortion) -> tuple[Hand, ...]:
    """Correct the metres of hands for lens distortion; beyond `MAX_TANGENT` they are removed.

    Parameters
    ----------
    hands
        Hands of the pipeline, which assumes a pinhole camera.
    camera
        Intrinsics passed to the pipeline.
    lens
        Distortion of the real lens.
    """
    return tuple(
        hand if hand.metric is None else replace(hand, metric=_undistort(hand.metric, camera, lens)) for hand in hands
    )


def _undistort(hand: MetricHand, camera: CameraIntrinsics, lens: LensDistortion) -> MetricHand | None:
    root = hand.joints_3d[ROOT_JOINT].astype(np.float64)
    direction, magnification = lens.local_view(project(root, camera), camera)
    if not np.isfinite(magnification) or np.abs(direction).max() > MAX_TANGENT:
        return None
    new_root = root[2] * magnification * np.append(direction, 1.0)
    moved = hand.transformed(lambda points: to_camera_frame(to_ray_frame(points, root), new_root))
    return replace(moved, joint_sigma=(hand.joint_sigma * magnification).astype(np.float32))
