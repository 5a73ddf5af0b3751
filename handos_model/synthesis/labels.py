"""Exact annotations of the hands in a rendering."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand, box_around_joints
from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.shading import Rendering

# A hand is labelled if it meets all of these.
MIN_JOINTS_INSIDE = 0.35
"""Fraction of its joints inside the image."""
MIN_VISIBLE_FRACTION = 0.08
"""Pixels that show the hand, as a fraction of the area of its box."""
MIN_DEPTH = 0.05
"""Metres, of all vertices."""
MIN_BOX_SIDE = 10
"""Pixels, longer side of its box."""


@dataclass(frozen=True)
class SceneHand:
    """A hand in the scene, labelled or not."""

    vertices: FloatArray
    """(Vh, 3) of the hand asset, camera coordinates, metres."""
    side: Handedness


class Labeller:
    """Converts full-resolution hands to the mesh and joints of a topology and measures what is visible of them."""

    def __init__(self, topology: HandTopology) -> None:
        self._topology = topology

    def label(
        self, hand: SceneHand, hand_id: int, camera: CameraIntrinsics, rendering: Rendering
    ) -> AnnotatedHand | None:
        """The annotation, or ``None`` if too little of the hand is visible."""
        annotated = self.annotate(hand, hand_id, camera, rendering)
        if annotated is None:
            return None
        sides = annotated.box[2:] - annotated.box[:2]
        inside = _inside(annotated.joints_2d, rendering)
        if inside.mean() < MIN_JOINTS_INSIDE or max(sides) < MIN_BOX_SIDE:
            return None
        visible = (rendering.hand_ids == hand_id) & (rendering.part_ids > 0)
        return None if visible.sum() < MIN_VISIBLE_FRACTION * np.prod(sides) else annotated

    def annotate(
        self, hand: SceneHand, hand_id: int, camera: CameraIntrinsics, rendering: Rendering
    ) -> AnnotatedHand | None:
        """The annotation of any hand in front of the camera, however little of it is visible; ``None`` of others."""
        vertices = self._topology_vertices(hand.vertices)
        if vertices[:, 2].min() < MIN_DEPTH:
            return None
        joints = self._topology.joint_regressor @ vertices
        pixels = project(joints, camera).astype(np.float32)
        height, width = rendering.depth.shape
        return AnnotatedHand(
            box=box_around_joints(pixels, width, height),
            joints_2d=pixels,
            handedness=hand.side,
            visibility=_inside(pixels, rendering) & self._visible_joints(joints, pixels, hand_id, rendering),
            joints_3d=joints.astype(np.float32),
            vertices=vertices,
        )

    def _topology_vertices(self, vertices: FloatArray) -> FloatArray:
        corners = vertices[self._topology.source_vertices]
        return np.asarray(np.einsum("vck,vc->vk", corners, self._topology.source_weights), np.float32)

    def _visible_joints(
        self, joints: FloatArray, pixels: FloatArray, hand_id: int, rendering: Rendering
    ) -> npt.NDArray[np.bool_]:
        """(21,) whether the pixel of each joint shows the skin in front of it."""
        height, width = rendering.depth.shape
        at = pixels.round().astype(int).clip(0, [width - 1, height - 1])
        depth = rendering.depth[at[:, 1], at[:, 0]]
        same_hand = rendering.hand_ids[at[:, 1], at[:, 0]] == hand_id
        # A pixel at the edge of a fingertip may show what is behind it: that does not hide the joint.
        return (same_hand & (depth > joints[:, 2] - self._skin_depth)) | (depth > joints[:, 2] + 0.01)

    @cached_property
    def _skin_depth(self) -> FloatArray:
        """(21,) maximum distance of a joint from the skin in front of it, metres."""
        depth = np.full(JOINT_COUNT, 0.016, np.float32)
        depth[0] = 0.035
        depth[[1, 2, 5, 9, 13, 17]] = 0.024
        return depth


def _inside(pixels: FloatArray, rendering: Rendering) -> npt.NDArray[np.bool_]:
    """(n,) which of (n, 2) pixels lie inside the image."""
    height, width = rendering.depth.shape
    return np.asarray(((pixels >= -0.5) & (pixels < [width - 0.5, height - 0.5])).all(axis=1))
