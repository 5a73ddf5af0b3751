"""Exact annotations of the hands in a drawing."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology
from handos_model.io.annotations import AnnotatedHand, box_around_joints
from handos_model.io.frame import CameraIntrinsics
from handos_model.synthesis.shading import Rendering

LEAST_JOINTS = 0.35
"""A hand is labelled if this share of its joints lies in the frame."""
LEAST_SEEN = 0.08
"""... and if it is seen on at least this share of its box."""
LEAST_SIDE = 10
"""... and if its box has at least this longer side, in pixels."""


@dataclass(frozen=True)
class SceneHand:
    """A hand in the scene, labelled or not."""

    vertices: FloatArray
    """(Vh, 3) of the hand asset, camera coordinates, metres."""
    side: Handedness


class Labeller:
    """Carries the full-resolution hand's geometry over to the mesh and joints that models learn."""

    def __init__(self, topology: HandTopology) -> None:
        self._topology = topology

    def label(self, hand: SceneHand, owner: int, camera: CameraIntrinsics, drawing: Rendering) -> AnnotatedHand | None:
        """The annotation, or ``None`` if too little of the hand is seen."""
        vertices = self._mesh_of(hand.vertices)
        joints = self._topology.joint_regressor @ vertices
        pixels = project(joints, camera)
        height, width = drawing.depth.shape
        inside = ((pixels >= -0.5) & (pixels < [width - 0.5, height - 0.5])).all(axis=1)
        box = box_around_joints(pixels, width, height)
        if vertices[:, 2].min() < 0.05 or inside.mean() < LEAST_JOINTS or max(box[2:] - box[:2]) < LEAST_SIDE:
            return None
        seen = (drawing.owners == owner) & (drawing.part_ids > 0)
        if seen.sum() < LEAST_SEEN * np.prod(box[2:] - box[:2]):
            return None
        return AnnotatedHand(
            box=box,
            joints_2d=pixels,
            handedness=hand.side,
            visibility=inside & self._unhidden(joints, pixels, owner, drawing),
            joints_3d=joints.astype(np.float32),
            vertices=vertices,
        )

    def _mesh_of(self, vertices: FloatArray) -> FloatArray:
        corners = vertices[self._topology.source_vertices]
        return np.asarray((corners * self._topology.source_weights[..., None]).sum(axis=1), np.float32)

    def _unhidden(
        self, joints: FloatArray, pixels: FloatArray, owner: int, drawing: Rendering
    ) -> npt.NDArray[np.bool_]:
        """(21,) whether the skin over each joint is what the camera sees there."""
        height, width = drawing.depth.shape
        at = pixels.round().astype(int).clip(0, [width - 1, height - 1])
        depth = drawing.depth[at[:, 1], at[:, 0]]
        same = drawing.owners[at[:, 1], at[:, 0]] == owner
        # At a fingertip's edge the pixel may be the background's: that hides nothing.
        return (same & (depth > joints[:, 2] - self._skin_depth)) | (depth > joints[:, 2] + 0.01)

    @cached_property
    def _skin_depth(self) -> FloatArray:
        """(21,) metres by which a joint may lie below the skin in front of it."""
        depth = np.full(JOINT_COUNT, 0.016, np.float32)
        depth[0] = 0.035
        depth[[1, 2, 5, 9, 13, 17]] = 0.024
        return depth


def project(points: FloatArray, camera: CameraIntrinsics) -> FloatArray:
    """(n, 2) pixels of points (n, 3) in camera coordinates."""
    depth = np.maximum(points[:, 2], 1e-3)
    u = camera.fx * points[:, 0] / depth + camera.cx
    v = camera.fy * points[:, 1] / depth + camera.cy
    return np.stack([u, v], axis=1).astype(np.float32)
