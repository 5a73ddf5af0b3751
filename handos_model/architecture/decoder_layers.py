"""The decoder's layers: 2D layers with joint queries, interactive layers with joint, vertex and camera queries."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.attention import Attention, DeformableAttention
from handos_model.architecture.presets import Preset


class _CrossAttention(nn.Module):
    """Deformable cross-attention to the memory, then a feed-forward network, each with residual and normalisation."""

    def __init__(self, preset: Preset, levels: int) -> None:
        super().__init__()
        self.attention = DeformableAttention(preset.width, preset.attention_heads, levels, preset.sampling_points)
        self.after_attention = nn.LayerNorm(preset.width)
        self.widen = nn.Linear(preset.width, preset.feedforward_width)
        self.narrow = nn.Linear(preset.feedforward_width, preset.width)
        self.after_feedforward = nn.LayerNorm(preset.width)

    def forward(self, queries: Tensor, positions: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        """(H, N, d) queries with (H, N, 4) reference boxes attend to maps of B images; H is a multiple of B."""
        images, count = memory[0].shape[0], queries.shape[1]
        by_image = (queries + positions).reshape(images, -1, queries.shape[-1])
        attended = self.attention(by_image, references.reshape(images, -1, 4), memory)
        queries = self.after_attention(queries + attended.reshape(-1, count, queries.shape[-1]))
        return self.after_feedforward(queries + self.narrow(F.relu(self.widen(queries))))


class JointLayer(nn.Module):
    """A 2D layer: self-attention among the joints of one hand, then cross-attention to the memory."""

    def __init__(self, preset: Preset, levels: int) -> None:
        super().__init__()
        self.attention = Attention(preset.width, preset.attention_heads)
        self.after_attention = nn.LayerNorm(preset.width)
        self.read = _CrossAttention(preset, levels)

    def forward(self, joints: Tensor, positions: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        joints = self.after_attention(joints + self.attention(joints, positions, joints, positions))
        return self.read(joints, positions, references, memory)


class InteractiveLayer(nn.Module):
    """Joint, vertex and camera queries of one hand, with the hierarchical attention of the paper.

    Joint and vertex queries attend to each other but not to the camera query, because neither 2D nor 3D shape may
    depend on where and how large the hand is; the camera query, last in the sequence, attends to all. Two attention
    calls with the same weights replace an additive mask over all pairs.
    """

    def __init__(self, preset: Preset, levels: int) -> None:
        super().__init__()
        self.attention = Attention(preset.width, preset.attention_heads)
        self.after_attention = nn.LayerNorm(preset.width)
        self.read = _CrossAttention(preset, levels)

    def forward(self, queries: Tensor, positions: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        hand, hand_positions = queries[:, :-1], positions[:, :-1]
        hand_attended = self.attention(hand, hand_positions, hand, hand_positions)
        camera_attended = self.attention(queries[:, -1:], positions[:, -1:], queries, positions)
        queries = self.after_attention(queries + torch.cat([hand_attended, camera_attended], dim=1))
        return self.read(queries, positions, references, memory)
