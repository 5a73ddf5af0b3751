"""Losses of the detector: boxes and scores of all its layers, and coarse joints of its queries."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.box_ops import box_cxcywh_to_xyxy, box_iou, box_longer_side, generalized_box_iou
from handos_model.architecture.dfine_detector import DFineOutput
from handos_model.architecture.presets import Preset
from handos_model.architecture.query_filtering import gather_queries
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.training.batch import Batch, masked_mean
from handos_model.training.matcher import match_predictions

_METRES_TO_LOSS = 10.0
_DUPLICATE_IOU = 0.3
"""A prediction that overlaps a hand by at least this much is of this hand, not of another beside it."""


class DetectorSupervision(nn.Module):
    """Losses of the detector; its coarse joint head, which reads the queries, exists in training only.

    Trained gently, that head and those of all layers but the last have none.

    Losses are computed for all predictions, and unmatched ones get weight 0: a step whose shapes do not depend on
    values can be captured as a CUDA graph.
    """

    def __init__(self, preset: Preset, gentle: bool = False) -> None:
        super().__init__()
        self._gentle = gentle
        width = preset.detector.width
        self.query_joints = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 5))

    def forward(self, output: DFineOutput, batch: Batch) -> dict[str, Tensor]:
        hand_corners = batch.boxes / batch.longer_side
        losses = _box_losses(output.token_logits, output.token_boxes, hand_corners, batch)
        layers = output.layer_logits.shape[1]
        for layer in range(layers - 1 if self._gentle else 0, layers):
            logits, boxes = output.layer_logits[:, layer], output.layer_boxes[:, layer]
            for name, loss in _box_losses(logits, boxes, hand_corners, batch).items():
                losses[name] = losses[name] + loss
        return losses if self._gentle else losses | self._query_losses(output, batch, hand_corners)

    def _query_losses(self, output: DFineOutput, batch: Batch, hand_corners: Tensor) -> dict[str, Tensor]:
        """Coarse 2D joints (in units of the predicted box) and 3D joints from the last queries."""
        corners = box_cxcywh_to_xyxy(output.boxes.detach())
        matches = match_predictions(output.logits, corners, hand_corners, batch.is_hand)
        hand = matches.clamp(min=0)
        image = torch.arange(len(hand), device=hand.device)[:, None]
        matched = (matches >= 0) & batch.has_joints[image, hand]
        joints = self.query_joints(output.last_queries).unflatten(-1, (JOINT_COUNT, 5))
        boxes = output.boxes.detach()[:, :, None]
        # An unmatched box may have no extent.
        side = box_longer_side(boxes).masked_fill(~matched[..., None, None], 1.0)
        target = (batch.joints_2d[image, hand] / batch.longer_side - boxes[..., :2]) / side
        error_2d = (joints[..., :2] - target).abs()
        error_3d = (joints[..., 2:] - _METRES_TO_LOSS * batch.joints_3d[image, hand]).abs()
        return {
            "query_joints": 2 * masked_mean(matched, error_2d),
            "query_joints_3d": masked_mean(matched & batch.has_3d[image, hand], error_3d),
        }


def _box_losses(logits: Tensor, boxes: Tensor, hand_corners: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Quality focal loss (Li et al., 2020), L1 and GIoU of one set of (B, Q) predictions."""
    corners = box_cxcywh_to_xyxy(boxes)
    matches = match_predictions(logits, corners, hand_corners, batch.is_hand)
    matched = matches >= 0
    target = gather_queries(hand_corners, matches.clamp(min=0))
    count = matched.sum().clamp(min=1)
    quality = box_iou(corners, target).detach() * matched
    focus = (quality - logits.sigmoid()).abs().square()
    focus = focus * (matched | _is_background(corners, hand_corners, batch))
    score = (focus * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")).sum() / count
    distance = ((corners - target).abs() * matched[..., None]).sum() / count
    overlap = ((1 - generalized_box_iou(corners, target)) * matched).sum() / count
    return {"score": 2 * score, "box": 2.5 * distance, "giou": overlap}


def _is_background(corners: Tensor, hand_corners: Tensor, batch: Batch) -> Tensor:
    """(B, Q) whether an unmatched prediction is known to be no hand of its own.

    In an image that may show hands without annotation, only the duplicates of annotated ones are: everything else could
    be a hand that nobody has marked.
    """
    overlap = box_iou(corners.detach()[:, :, None], hand_corners[:, None]) * batch.is_hand[:, None]
    is_duplicate = (overlap >= _DUPLICATE_IOU).any(dim=-1)
    return batch.is_complete[:, None] | is_duplicate
