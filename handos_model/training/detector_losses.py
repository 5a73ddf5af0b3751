"""What the detector is trained on: boxes and scores of all its layers, and dense signals from the same features."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.boxes import generalised_iou, intersection_over_union, to_corners
from handos_model.architecture.dfine_detector import DFineOutput
from handos_model.architecture.efficientnet_lite import SHALLOW_CHANNELS
from handos_model.architecture.presets import Preset
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.training.assignment import assign_predictions
from handos_model.training.sample import PART_COUNT, UNKNOWN_PART, Batch

_DENSE_WIDTH = 64
_METRES_TO_LOSS = 10.0


class DetectorSupervision(nn.Module):
    """Losses of the detector, with the auxiliary heads that exist in training only.

    The detector is frozen before the decoder learns, so its features must already know about joints: joint heatmaps
    and part ids are read from the feature maps, coarse joints from the queries. Without them the decoder that is
    trained on the frozen features finds joints a third less often.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        width = preset.detector.width
        self.reduce_shallow = nn.Conv2d(SHALLOW_CHANNELS, _DENSE_WIDTH, 1)
        self.reduce_encoder = nn.Conv2d(width, _DENSE_WIDTH, 1)
        self.fuse = nn.Conv2d(_DENSE_WIDTH, _DENSE_WIDTH, 3, padding=1)
        self.heatmaps = nn.Conv2d(_DENSE_WIDTH, JOINT_COUNT, 1)
        nn.init.constant_(self.heatmaps.bias, -4.0)  # type: ignore[arg-type]
        self.parts = nn.Conv2d(_DENSE_WIDTH, PART_COUNT, 1)
        self.query_joints = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 5))

    def forward(self, found: DFineOutput, batch: Batch) -> dict[str, Tensor]:
        size = batch.image.shape[-1]
        hand_corners = batch.boxes / size
        losses = _box_losses(found.token_logits, found.token_boxes, hand_corners, batch.is_hand)
        for layer in range(found.layer_logits.shape[1]):
            logits, boxes = found.layer_logits[:, layer], found.layer_boxes[:, layer]
            for name, loss in _box_losses(logits, boxes, hand_corners, batch.is_hand).items():
                losses[name] = losses[name] + loss
        return losses | self._dense_losses(found, batch) | self._query_losses(found, batch, hand_corners)

    def _dense_losses(self, found: DFineOutput, batch: Batch) -> dict[str, Tensor]:
        coarse = F.interpolate(self.reduce_encoder(found.encoder_features[0]), scale_factor=2.0, mode="nearest")
        features = F.relu(self.fuse(F.relu(self.reduce_shallow(found.shallow_features) + coarse)))
        target = joint_heatmaps(batch, features.shape[-1])
        heat = F.binary_cross_entropy_with_logits(self.heatmaps(features), target, 1 + 10 * target, reduction="sum")
        parts = F.cross_entropy(self.parts(features), batch.part_ids.long(), ignore_index=UNKNOWN_PART, reduction="sum")
        known = (batch.part_ids != UNKNOWN_PART).sum().clamp(min=1)
        return {"heatmaps": 0.005 * heat / batch.is_hand.sum().clamp(min=1), "parts": parts / known}

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


def joint_heatmaps(batch: Batch, cells: int) -> Tensor:
    """(B, 21, cells, cells) Gaussians around the joints, as wide as a finger; the maximum over the hands."""
    stride = batch.image.shape[-1] / cells
    centres = (torch.arange(cells, device=batch.boxes.device) + 0.5) * stride
    side = (batch.boxes[..., 2:] - batch.boxes[..., :2]).amax(dim=-1)
    spread = (0.05 * side).clamp(min=0.6 * stride)[..., None, None]
    across, down = (torch.exp(-(((centres - batch.joints_2d[..., k, None]) / spread) ** 2) / 2) for k in (0, 1))
    maps = down[..., :, None] * across[..., None, :] * batch.is_hand[..., None, None, None]
    return maps.amax(dim=1)
