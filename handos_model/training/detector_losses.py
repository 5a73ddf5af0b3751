"""What the detector is trained on: boxes and scores of all its layers, and coarse joints of its queries."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.boxes import generalised_iou, intersection_over_union, to_corners
from handos_model.architecture.dfine_detector import DFineOutput
from handos_model.architecture.presets import Preset
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.training.assignment import assign_predictions
from handos_model.training.sample import Batch

_METRES_TO_LOSS = 10.0


class DetectorSupervision(nn.Module):
    """Losses of the detector; its head for coarse joints, read from the queries, exists in training only."""

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
        image_index, query = (assigned >= 0).nonzero(as_tuple=True)
        if len(query) == 0:
            return {}
        hands = batch.of_assigned(image_index, assigned[image_index, query])
        joints = self.query_joints(found.last_queries[image_index, query]).unflatten(-1, (JOINT_COUNT, 5))
        boxes = found.boxes.detach()[image_index, query, None]
        target = (hands.joints_2d / batch.image.shape[-1] - boxes[..., :2]) / boxes[..., 2:].amax(dim=-1, keepdim=True)
        error_3d = (joints[..., 2:] - _METRES_TO_LOSS * hands.joints_3d).abs().mean(dim=(1, 2))
        loss_3d = (error_3d * hands.has_3d).sum() / hands.has_3d.sum().clamp(min=1)
        return {"query_joints": 2 * (joints[..., :2] - target).abs().mean(), "query_joints_3d": loss_3d}


def _box_losses(logits: Tensor, boxes: Tensor, hand_corners: Tensor, is_hand: Tensor) -> dict[str, Tensor]:
    """Quality focal loss (Li et al., 2020), L1 and GIoU of one set of (B, Q) predictions."""
    corners = to_corners(boxes)
    assigned = assign_predictions(logits, corners, hand_corners, is_hand)
    image_index, query = (assigned >= 0).nonzero(as_tuple=True)
    wanted = hand_corners[image_index, assigned[image_index, query]]
    given = corners[image_index, query]
    count = max(len(query), 1)
    quality = torch.zeros_like(logits)
    quality[image_index, query] = intersection_over_union(given, wanted).detach()
    focus = (quality - logits.sigmoid()).abs().square()
    score = (focus * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")).sum() / count
    distance = (given - wanted).abs().sum() / count
    overlap = (1 - generalised_iou(given, wanted)).sum() / count
    return {"score": 2 * score, "box": 2.5 * distance, "giou": overlap}
