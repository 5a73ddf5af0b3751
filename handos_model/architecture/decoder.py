"""The interactive 2D-3D decoder: from the detector query of a hand to its joints, mesh and camera."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from handos_model.architecture.box_ops import box_longer_side
from handos_model.architecture.decoder_layers import InteractiveLayer, JointLayer
from handos_model.architecture.expansion import JointExpansion
from handos_model.architecture.heads import CameraHead, JointHead, VertexHead
from handos_model.architecture.lifting import Lifting
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import Preset
from handos_model.architecture.side_network import Memory
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology


@dataclass(frozen=True)
class JointPrediction:
    """Output of one 2D layer for H hands."""

    joints_2d: Tensor
    """(H, 21, 2) fractions of the longer side."""
    joint_spread: Tensor
    """(H, 21) scale of a Laplace distribution around `joints_2d`, fraction of the longer side."""


@dataclass(frozen=True)
class HandPrediction(JointPrediction):
    """Output of one interactive layer for H hands; 3D is relative to the root joint, in the ray-aligned frame."""

    vertices: Tensor
    """(H, V, 3) metres."""
    joints_3d: Tensor
    """(H, 21, 3) metres."""
    camera: Tensor
    """(H, 3) u, v of the root joint as fractions of the longer side, and longer sides per metre at its depth."""


@dataclass(frozen=True)
class DecoderOutput:
    """Predictions of all layers, for deep supervision; the last interactive layer's is the result."""

    joint_layers: list[JointPrediction]
    hand_layers: list[HandPrediction]


class HandDecoder(nn.Module):
    """Joint expansion, 2D layers, lifting, interactive layers.

    Parameters
    ----------
    preset
        Sizes.
    topology
        The mesh. There is a vertex query for each of its coarse vertices, or for each vertex.
    detector_width
        Channels of the detector's queries.
    levels
        Number of feature maps in the memory.
    """

    def __init__(self, preset: Preset, topology: HandTopology, detector_width: int, levels: int) -> None:
        super().__init__()
        query_vertices = slice(None) if preset.queries_all_vertices else topology.coarse_vertices
        skin_weights = torch.from_numpy(topology.skin_weights[query_vertices])
        upsampling = None if preset.queries_all_vertices else torch.from_numpy(topology.upsampling)
        joint_regressor = torch.from_numpy(topology.joint_regressor)
        self.bf16 = False
        """Whether layers run in bf16, for training."""
        self.checkpointing = False
        """Whether the backward pass recomputes activations instead of keeping them, for training."""
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

    def forward(self, instances: Tensor, boxes: Tensor, memory: Memory) -> DecoderOutput:
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
        joint_layers, hand_layers = [], []
        for layer, head in zip(self.joint_layers, self.joint_heads[: len(self.joint_layers)], strict=True):
            joints = self._run(layer, joints, self._positions(references, boxes), references, memory.maps)
            references, spread = head(joints, references, boxes)
            joint_layers.append(JointPrediction(references[..., :2], spread))
            references = references.detach()
        queries = torch.cat([joints, self.lift(joints)], dim=1) + self.part_embedding
        heads = zip(self.joint_heads[len(self.joint_layers) :], self.vertex_heads, self.camera_heads, strict=True)
        for layer, (joint_head, vertex_head, camera_head) in zip(self.interactive_layers, heads, strict=True):
            all_references = torch.cat([references, self.lift.lift_references(references, boxes)], dim=1)
            positions = self._positions(all_references, boxes) + self.part_embedding
            queries = self._run(layer, queries, positions, all_references, memory.maps)
            references, spread = joint_head(queries[:, :JOINT_COUNT], references, boxes)
            vertices, joints_3d = vertex_head(queries[:, JOINT_COUNT:-1])
            camera = camera_head(queries[:, -1], boxes)
            hand_layers.append(HandPrediction(references[..., :2], spread, vertices, joints_3d, camera))
            references = references.detach()
        return DecoderOutput(joint_layers, hand_layers)

    def _run(self, layer: nn.Module, queries: Tensor, *inputs: Tensor | list[Tensor]) -> Tensor:
        with in_bf16(self.bf16, queries):
            if self.checkpointing and torch.is_grad_enabled():
                # Layers draw no random numbers, and saving the generator's state would wait for the device.
                return checkpoint(layer, queries, *inputs, use_reentrant=False, preserve_rng_state=False)
            return layer(queries, *inputs)

    def _positions(self, references: Tensor, boxes: Tensor) -> Tensor:
        """Embed reference boxes relative to the hand's box, so that the hand's position in the image has no effect."""
        side = box_longer_side(boxes)[:, None]
        relative = torch.cat([references[..., :2] - boxes[:, None, :2], references[..., 2:]], dim=-1) / side
        return self.locate(relative)
