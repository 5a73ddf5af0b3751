"""Pictures of training samples and of what is predicted for them."""

import cv2
import numpy as np
from torch import Tensor

from handos_model.hand.skeleton import BONES
from handos_model.io.frame import ImageArray
from handos_model.io.mesh_drawing import SIDE_COLOURS
from handos_model.training.sample import Batch

_MOST = 8
"""Samples in a picture."""


def pictures_of(batch: Batch) -> list[ImageArray]:
    """The first images (S, S, 3) BGR of a batch."""
    return list(batch.image[:_MOST].permute(0, 2, 3, 1).cpu().numpy())


def sheet_of(batch: Batch, predicted: list[ImageArray]) -> ImageArray:
    """One row per sample: its annotations on the left, on the right the picture of what is predicted."""
    rows = []
    for number, (picture, prediction) in enumerate(zip(pictures_of(batch), predicted, strict=True)):
        hands = batch.is_hand[number]
        annotations = (batch.boxes, batch.joints_2d, batch.is_right)
        truth = draw_joints(picture, *(values[number][hands] for values in annotations))
        rows.append(np.hstack([truth, prediction]))
    return np.vstack(rows)


def draw_boxes(picture: ImageArray, boxes: Tensor) -> ImageArray:
    """A copy with boxes (N, 4), corners in pixels."""
    drawn = picture.copy()
    for left, top, right, bottom in boxes.round().int().tolist():
        cv2.rectangle(drawn, (left, top), (right, bottom), (255, 255, 255), 1)
    return drawn


def draw_joints(picture: ImageArray, boxes: Tensor, joints: Tensor, is_right: Tensor) -> ImageArray:
    """A copy with the boxes (N, 4) and skeletons (N, 21, 2) of hands, pixels, in the colours of their sides (N,)."""
    drawn = draw_boxes(picture, boxes)
    for points, right in zip(joints.round().int().tolist(), is_right.tolist(), strict=True):
        for parent, joint in BONES:
            cv2.line(drawn, points[parent], points[joint], SIDE_COLOURS["right" if right else "left"], 1, cv2.LINE_AA)
    return drawn
