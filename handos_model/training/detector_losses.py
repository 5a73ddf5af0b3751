"""What the detector is trained on: boxes and scores of all its layers, and coarse joints of its queries."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.boxes import generalised_iou, intersection_over_union, to_corners
from handos_model.architecture.dfine_detector import DFineOutput
from handos_model.architecture.expansion import longest_side
from handos_model.architecture.presets import Preset
from handos_model.architecture.query_filtering import gather_queries
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.training.assignment import assign_predictions
from handos_model.training.known_mean import mean_over
from handos_model.training.sample import Batch

_METRES_TO_LOSS = 10.0


class DetectorSupervision(nn.Module):
    """Losses of the detector; its head for coarse joints, read from the queries, exists in training only.

    All predictions are computed with, and those that answer for no hand count nothing: shapes that do not depend on
    values let a step be captured as one CUDA graph.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        width = preset.detector.width
        self.query_joints = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 5))

    def forward(self, found: DFineOutput, batch: Batch) -> dict[str, Tensor]:
        size = batch.image.shape[-1]
        hand_corners = batch.boxes / size
        losses = _box_losses(found.token_logits, found.token_boxes, hand_corners, batch.is_hand)
        for layer in range(found.layer_logits.shape[1]):
            logits, boxes = found.layer_logits[:, layer], found.layer_boxes[:, layer]
            for name, loss in _box_losses(logits, boxes, hand_corners, batch.is_hand).items():
                losses[name] = losses[name] + loss
        return losses | self._query_losses(found, batch, hand_corners)

    def _query_losses(self, found: DFineOutput, batch: Batch, hand_corners: Tensor) -> dict[str, Tensor]:
        """Coarse 2D joints (in units of the predicted box) and 3D joints from the last queries."""
        corners = to_corners(found.boxes.detach())
        assigned = assign_predictions(found.logits, corners, hand_corners, batch.is_hand)
        answers, hand = assigned >= 0, assigned.clamp(min=0)
        image = torch.arange(len(hand), device=hand.device)[:, None]
        joints = self.query_joints(found.last_queries).unflatten(-1, (JOINT_COUNT, 5))
        boxes = found.boxes.detach()[:, :, None]
        # A box that answers for no hand may have no extent.
        side = longest_side(boxes).masked_fill(~answers[..., None, None], 1.0)
        target = (batch.joints_2d[image, hand] / batch.image.shape[-1] - boxes[..., :2]) / side
        error_2d = (joints[..., :2] - target).abs()
        error_3d = (joints[..., 2:] - _METRES_TO_LOSS * batch.joints_3d[image, hand]).abs()
        return {
            "query_joints": 2 * mean_over(answers, error_2d),
            "query_joints_3d": mean_over(answers & batch.has_3d[image, hand], error_3d),
        }


def _box_losses(logits: Tensor, boxes: Tensor, hand_corners: Tensor, is_hand: Tensor) -> dict[str, Tensor]:
    """Quality focal loss (Li et al., 2020), L1 and GIoU of one set of (B, Q) predictions."""
    corners = to_corners(boxes)
    assigned = assign_predictions(logits, corners, hand_corners, is_hand)
    answers = assigned >= 0
    wanted = gather_queries(hand_corners, assigned.clamp(min=0))
    count = answers.sum().clamp(min=1)
    quality = intersection_over_union(corners, wanted).detach() * answers
    focus = (quality - logits.sigmoid()).abs().square()
    score = (focus * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")).sum() / count
    distance = ((corners - wanted).abs() * answers[..., None]).sum() / count
    overlap = ((1 - generalised_iou(corners, wanted)) * answers).sum() / count
    return {"score": 2 * score, "box": 2.5 * distance, "giou": overlap}
