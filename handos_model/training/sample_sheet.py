"""Sample sheets: training samples beside the predictions for them."""

import cv2
import numpy as np
from torch import Tensor

from handos_model.geometry.arrays import ImageArray
from handos_model.hand.skeleton import BONES
from handos_model.training.batch import Batch
from handos_model.visualization.mesh_drawing import SIDE_COLOURS

_MAX_SAMPLES = 8


def first_images(batch: Batch) -> list[ImageArray]:
    """The images (S, S, 3) BGR of a batch that its sample sheet shows: the first eight."""
    return list(batch.image[:_MAX_SAMPLES].permute(0, 2, 3, 1).cpu().numpy())


def draw_sample_sheet(batch: Batch, predictions: list[ImageArray]) -> ImageArray:
    """One row per sample: the annotations on the left, the drawn predictions on the right."""
    rows = []
    for row, (image, prediction) in enumerate(zip(first_images(batch), predictions, strict=True)):
        hands = batch.is_hand[row]
        annotations = (batch.boxes, batch.joints_2d, batch.is_right)
        target = draw_joints(image, *(values[row][hands] for values in annotations))
        rows.append(np.hstack([target, prediction]))
    return np.vstack(rows)


def draw_boxes(image: ImageArray, boxes: Tensor) -> ImageArray:
    """A copy with boxes (N, 4), corners in pixels."""
    drawn = image.copy()
    for left, top, right, bottom in boxes.round().int().tolist():
        cv2.rectangle(drawn, (left, top), (right, bottom), (255, 255, 255), 1)
    return drawn


def draw_joints(image: ImageArray, boxes: Tensor, joints: Tensor, is_right: Tensor) -> ImageArray:
    """A copy with the boxes (N, 4) and skeletons (N, 21, 2) of hands, pixels, coloured by handedness (N,)."""
    drawn = draw_boxes(image, boxes)
    for points, right in zip(joints.round().int().tolist(), is_right.tolist(), strict=True):
        for parent, joint in BONES:
            cv2.line(drawn, points[parent], points[joint], SIDE_COLOURS["right" if right else "left"], 1, cv2.LINE_AA)
    return drawn
