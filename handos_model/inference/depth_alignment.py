"""Moves hands to the distance measured by a depth camera.

A single colour camera cannot tell a small, near hand from a large, far one, but determines its shape and direction
well. So the depth image moves the whole hand along its line of sight and changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.depth_residual import DEFAULT_RANGE, DepthRange, depth_residual, visible_vertices
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand, MetricHand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology


def align_to_depth(
    hands: Sequence[Hand],
    depth: FloatArray,
    topology: HandTopology,
    camera: CameraIntrinsics,
    lens: LensDistortion | None = None,
    depth_range: DepthRange = DEFAULT_RANGE,
) -> tuple[Hand, ...]:
    """Move hands to their measured distance and set `depth_residual`, where there are enough measurements.

    Parameters
    ----------
    hands
        Hands; those without metres are returned unchanged.
    depth
        (H, W) metres along z, aligned with the hands' image.
    topology
        Topology of the hands' vertices.
    camera, lens
        Of the image and the depth image.
    depth_range
        Other depths count as not measured.
    """

    def align(hand: Hand) -> Hand:
        if hand.metric is None:
            return hand
        visible = hand.metric.vertices[visible_vertices(hand.metric.vertices, topology.faces(hand.handedness))]
        pixels = project(visible, camera) if lens is None else lens.project(visible, camera)
        residual = depth_residual(visible, pixels, depth, depth_range)
        # A measurement so near that the root would lie behind it, or behind the camera, is not one of this hand.
        if residual is None or hand.metric.joints_3d[ROOT_JOINT, 2] + residual < depth_range.nearest:
            return hand
        return replace(hand, metric=_move_along_ray(hand.metric, residual))

    return tuple(align(hand) for hand in hands)


def _move_along_ray(hand: MetricHand, residual: float) -> MetricHand:
    root = hand.joints_3d[ROOT_JOINT]
    return replace(hand.translated(root * np.float32(residual / root[2])), depth_residual=residual)
