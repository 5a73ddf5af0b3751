"""`AnnotatedImage`: the sample type that the renderer and all readers yield and that training and evaluation use."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT

BOX_MARGIN = 0.07
"""Margin of a hand's box around its joints, as a fraction of the longest side of the joints' bounds."""


def box_around_joints(joints_2d: FloatArray, width: int, height: int) -> FloatArray:
    """Box (4,) of a hand from its joints (21, 2), inside an image of `width` x `height` pixels.

    All sources use this rule, so that boxes of photographs with 2D joints only and boxes of rendered meshes agree.
    """
    low, high = joints_2d.min(axis=0), joints_2d.max(axis=0)
    margin = BOX_MARGIN * (high - low).max()
    limit = np.array([width - 1, height - 1], np.float32)
    return np.concatenate([np.clip(low - margin, 0, limit), np.clip(high + margin, 0, limit)]).astype(np.float32)


@dataclass(frozen=True)
class AnnotatedHand:
    """Annotations of one hand in an image; ``None`` where something is not annotated."""

    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels: the data set's own box if it has one, else `box_around_joints`."""
    joints_2d: FloatArray
    """(21, 2) pixels; may lie outside the image."""
    handedness: Handedness
    visibility: npt.NDArray[np.bool_] | None = None
    """(21,) whether the joint's surface is visible."""
    joints_3d: FloatArray | None = None
    """(21, 3) metres, camera optical frame; the origin is arbitrary if the image has no `camera`."""
    vertices: FloatArray | None = None
    """(V, 3) metres, camera optical frame."""
    topology_id: str | None = None
    """`HandTopology.id` of the mesh that `vertices` belong to; ``None`` for the package's own hand."""
    annotated_joints: npt.NDArray[np.bool_] | None = None
    """(21,) which of `joints_2d` are annotated, the others mean nothing; ``None`` if all are. With none of them, only
    the box is annotated, not the handedness."""

    @property
    def has_joints(self) -> bool:
        """Whether any of the joints are annotated."""
        return self.annotated_joints is None or bool(self.annotated_joints.any())


def hand_without_joints(box: FloatArray) -> AnnotatedHand:
    """A hand of which only the box (4,) is known."""
    middle = np.tile((box[:2] + box[2:]) / 2, (JOINT_COUNT, 1)).astype(np.float32)
    return AnnotatedHand(box, middle, "right", annotated_joints=np.zeros(JOINT_COUNT, np.bool_))


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its hands."""

    image: ImageArray
    """(H, W, 3) BGR."""
    hands: tuple[AnnotatedHand, ...]
    camera: CameraIntrinsics | None = None
    part_ids: npt.NDArray[np.uint8] | None = None
    """(H, W) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky; for auxiliary losses."""
    is_complete: bool = True
    """Whether every hand is annotated; if not, only what overlaps an annotated hand is known."""
    published_box: FloatArray | None = None
    """(4,) box of the hand as `AnnotatedHand.box`, if the data set publishes it even for images without annotation."""
