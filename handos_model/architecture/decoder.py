"""The interactive 2D-3D decoder: from a hand's query to its joints, mesh and camera."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from handos_model.architecture.decoder_layers import InteractiveLayer, JointLayer
from handos_model.architecture.expansion import JointExpansion, longest_side
from handos_model.architecture.heads import CameraHead, JointHead, VertexHead
from handos_model.architecture.lifting import Lifting
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import Preset
from handos_model.architecture.side_network import Memory
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology


@dataclass(frozen=True)
class HandPrediction:
    """What one layer says about H hands: fractions of the image's longer side, metres from the root, ray-aligned."""

    joints_2d: Tensor
    """(H, 21, 2) fractions of the longer side."""
    joint_spread: Tensor
    """(H, 21) scale of a Laplace distribution around `joints_2d`, fraction of the longer side."""
    vertices: Tensor | None
    """(H, V, 3) metres; ``None`` from the 2D layers."""
    joints_3d: Tensor | None
    """(H, 21, 3) metres."""
    camera: Tensor | None
    """(H, 3) u, v as fractions of the longer side, and longer sides per metre."""


class HandDecoder(nn.Module):
    """2D layers, lifting, interactive layers; every layer's answer is returned for deep supervision, the last one last.

    Parameters
    ----------
    preset
        Sizes.
    topology
        The mesh; its coarse vertices, or all of them, are the vertex queries.
    detector_width
        Channels of the detector's queries.
    levels
        Number of feature maps in the memory.
    """

    def __init__(self, preset: Preset, topology: HandTopology, detector_width: int, levels: int) -> None:
        super().__init__()
        queried = slice(None) if preset.queries_all_vertices else topology.coarse_vertices
        skin_weights = torch.from_numpy(topology.skin_weights[queried])
        upsampling = None if preset.queries_all_vertices else torch.from_numpy(topology.upsampling)
        joint_regressor = torch.from_numpy(topology.joint_regressor)
        self.bf16 = False
        """Whether layers compute in bf16, for training."""
        self.checkpointing = False
        """Whether layers are computed again on the way back instead of being kept, for training."""
        self.expand = JointExpansion(2 * detector_width, preset.width)
        self.locate = nn.Sequential(nn.Linear(4, preset.width), nn.ReLU(), nn.Linear(preset.width, preset.width))
        self.joint_layers = nn.ModuleList(JointLayer(preset, levels) for _ in range(preset.layers_2d))
        self.lift = Lifting(skin_weights)
        self.part_embedding = nn.Parameter(0.5 * torch.randn(JOINT_COUNT + len(skin_weights) + 1, preset.width))
        self.interactive_layers = nn.ModuleList(
            InteractiveLayer(preset, levels) for _ in range(preset.interactive_layers)
        )
        layers = preset.layers_2d + preset.interactive_layers
        self.joint_heads = nn.ModuleList(JointHead(preset.width) for _ in range(layers))
        self.vertex_heads = nn.ModuleList(
            VertexHead(preset.width, upsampling, joint_regressor) for _ in range(preset.interactive_layers)
        )
        self.camera_heads = nn.ModuleList(CameraHead(preset.width) for _ in range(preset.interactive_layers))

    def forward(self, instances: Tensor, boxes: Tensor, memory: Memory) -> list[HandPrediction]:
        """Decode.

        Parameters
        ----------
        instances
            (H, 2d) joined detector queries, H = K hands for each of the B images of the memory.
        boxes
            (H, 4) cx, cy, w, h of the hands, fractions of the image's longer side.
        memory
            Of B images.
        """
        joints, references = self.expand(instances, boxes, memory.joint_heatmaps)
        predictions = []
        for layer, head in zip(self.joint_layers, self.joint_heads[: len(self.joint_layers)], strict=True):
            joints = self._run(layer, joints, self._positions(references, boxes), references, memory.maps)
            references, spread = head(joints, references, boxes)
            predictions.append(HandPrediction(references[..., :2], spread, None, None, None))
            references = references.detach()
        queries = torch.cat([joints, self.lift(joints)], dim=1) + self.part_embedding
        heads = zip(self.joint_heads[len(self.joint_layers) :], self.vertex_heads, self.camera_heads, strict=True)
        for layer, (joint_head, vertex_head, camera_head) in zip(self.interactive_layers, heads, strict=True):
            everywhere = torch.cat([references, self.lift.lift_references(references, boxes)], dim=1)
            positions = self._positions(everywhere, boxes) + self.part_embedding
            queries = self._run(layer, queries, positions, everywhere, memory.maps)
            references, spread = joint_head(queries[:, :JOINT_COUNT], references, boxes)
            vertices, joints_3d = vertex_head(queries[:, JOINT_COUNT:-1])
            camera = camera_head(queries[:, -1], boxes)
            predictions.append(HandPrediction(references[..., :2], spread, vertices, joints_3d, camera))
            references = references.detach()
        return predictions

    def _run(self, layer: nn.Module, queries: Tensor, *inputs: Tensor | list[Tensor]) -> Tensor:
        with in_bf16(self.bf16, queries):
            if self.checkpointing and torch.is_grad_enabled():
                # Layers draw no random numbers, and a state that need not be kept need not be read from the device.
                return checkpoint(layer, queries, *inputs, use_reentrant=False, preserve_rng_state=False)
            return layer(queries, *inputs)

    def _positions(self, references: Tensor, boxes: Tensor) -> Tensor:
        """Encode reference boxes relative to their hand's box: where the hand is must not matter."""
        side = longest_side(boxes)[:, None]
        relative = torch.cat([references[..., :2] - boxes[:, None, :2], references[..., 2:]], dim=-1) / side
        return self.locate(relative)
