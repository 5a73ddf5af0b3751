"""Losses of the decoder: 2D joints, mesh, 3D joints, handedness and camera of every layer."""

from dataclasses import replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.decoder import DecoderOutput, HandPrediction, JointPrediction
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import MatchedHands, masked_mean

_ASSUMED_FOCAL = 1.3
"""Focal length, in image sides, with which meshes are projected onto images: not every camera is known."""

HANDEDNESS_SLOPE = 2.0
"""Logit of "right" per unit of relative volume (a real hand's is 1.3 to 3.8); exported with the weights."""

OKS_SIGMAS = {"wrist": 0.08, "cmc": 0.07, "mcp": 0.06, "pip": 0.05, "ip": 0.05, "dip": 0.05, "tip": 0.05}
"""Tolerance of each kind of joint as a fraction of the hand's box side; the paper does not publish its values."""


_Prediction = TypeVar("_Prediction", bound=JointPrediction)


class DecoderLosses(nn.Module):
    """The paper's losses; their weights, which it does not publish, are chosen so that no term dominates.

    Photographs have no 3D annotations: the mesh is supervised by its projection and its handedness. Where a data set
    annotates 3D joints only, or the mesh of another topology, the vertices are not supervised. Trained gently, the mesh
    heads of all layers but the last, which exist in training only, have no losses.
    """

    def __init__(self, topology: HandTopology, gentle: bool = False) -> None:
        super().__init__()
        self._gentle = gentle
        faces = torch.from_numpy(topology.faces_right).long()
        sigmas = torch.tensor([OKS_SIGMAS[name.split("_")[-1]] for name in JOINT_NAMES])
        for name, value in (("faces", faces), ("edges", _unique_edges(faces)), ("sigmas", sigmas)):
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("wrist_loop", torch.from_numpy(topology.wrist_loop).long(), persistent=False)
        self.faces: Tensor
        self.edges: Tensor
        self.sigmas: Tensor
        self.wrist_loop: Tensor

    def forward(
        self, decoded: DecoderOutput, hands: MatchedHands, image_size: int, matched: Tensor
    ) -> dict[str, Tensor]:
        """Sum over the layers.

        Parameters
        ----------
        decoded
            Predictions for H queries.
        hands
            H hands, one for each query.
        image_size
            Longer side of the images in pixels.
        matched
            (H,) False where a query is matched to no hand; these rows of `decoded` and `hands` are ignored. A step
            whose shapes do not depend on values can be captured as a CUDA graph.
        """
        hands = replace(hands, has_3d=hands.has_3d & matched, has_mesh=hands.has_mesh & matched)
        total: dict[str, Tensor] = {}
        joint_layers = [_mask_unmatched(layer, matched) for layer in decoded.joint_layers]
        hand_layers = [_mask_unmatched(layer, matched) for layer in decoded.hand_layers]
        for losses in (
            *(self._losses_2d(layer, hands, matched, image_size) for layer in (*joint_layers, *hand_layers)),
            *(self._losses_3d(layer, hands, matched, image_size) for layer in hand_layers[-1 if self._gentle else 0 :]),
        ):
            for name, loss in losses.items():
                total[name] = total[name] + loss if name in total else loss
        return total

    def _losses_2d(
        self, layer: JointPrediction, hands: MatchedHands, matched: Tensor, image_size: int
    ) -> dict[str, Tensor]:
        side = _box_side(hands)[:, None]
        error = (layer.joints_2d * image_size - hands.joints_2d).abs() / side[..., None]
        squared = error.square().sum(dim=-1)
        similarity = torch.exp(-squared / (2 * self.sigmas.square()))
        spread = (layer.joint_spread * image_size / side).clamp(min=1e-3)
        # Detached, so that a large spread does not weaken the gradient of the joints in early, inaccurate layers.
        negative_log_likelihood = error.detach().mean(dim=-1) / spread + spread.log()
        return {
            "joints_2d": 5 * masked_mean(matched, error),
            "oks": masked_mean(matched, 1 - similarity),
            "spread": 0.1 * masked_mean(matched, negative_log_likelihood),
        }

    def _losses_3d(
        self, layer: HandPrediction, hands: MatchedHands, matched: Tensor, image_size: int
    ) -> dict[str, Tensor]:
        camera = layer.camera * image_size
        joints_error = (layer.joints_3d - hands.joints_3d).abs()
        mesh_error = (layer.vertices - hands.vertices).abs()
        edge_error = (self._edge_lengths(layer.vertices) - self._edge_lengths(hands.vertices)).abs()
        side = _box_side(hands)
        position = (camera[:, :2] - hands.camera[:, :2]).abs() / side[:, None]
        scale = (camera[:, 2:].log() - hands.camera[:, 2:].clamp(min=1).log()).abs()
        projected = project_around_root(layer.joints_3d, camera, _ASSUMED_FOCAL * image_size)
        projection = (projected - hands.joints_2d).abs() / side[:, None, None]
        shape = {
            "vertices": 20 * masked_mean(hands.has_mesh, mesh_error),
            "joints_3d": 20 * masked_mean(hands.has_3d, joints_error),
            "normals": 0.2 * masked_mean(hands.has_mesh, self._normal_error(layer.vertices, hands.vertices)),
            "edges": 50 * masked_mean(hands.has_mesh, edge_error),
            "camera": masked_mean(hands.has_3d, 2 * position) + masked_mean(hands.has_3d, 2 * scale),
        }
        right = F.binary_cross_entropy_with_logits(
            HANDEDNESS_SLOPE * self.relative_volume(layer.vertices), hands.is_right.float(), reduction="none"
        )
        return shape | {
            "projection": 2 * masked_mean(matched, projection),
            "handedness": 0.3 * masked_mean(matched, right),
        }

    def _normal_error(self, vertices: Tensor, target: Tensor) -> Tensor:
        """1 - cosine between face normals; its absolute value could not tell a left hand from a right one."""
        return 1 - F.cosine_similarity(self._normals(vertices), self._normals(target), dim=-1, eps=1e-9)

    def _normals(self, vertices: Tensor) -> Tensor:
        first, second, third = vertices[:, self.faces].unbind(dim=2)
        normals: Tensor = torch.cross(second - first, third - first, dim=-1) * 1e4
        return normals

    def _edge_lengths(self, vertices: Tensor) -> Tensor:
        lengths: Tensor = (vertices[:, self.edges[:, 0]] - vertices[:, self.edges[:, 1]]).norm(dim=-1)
        return lengths

    def relative_volume(self, vertices: Tensor) -> Tensor:
        """(H, V, 3) -> (H,) signed volume / size^3, as `handos_model.hand.handedness` defines them."""
        tip = vertices[:, self.wrist_loop].mean(dim=1, keepdim=True)
        first, second, third = (vertices - tip)[:, self.faces].unbind(dim=2)
        volume = (first * torch.cross(second, third, dim=-1)).sum(dim=(1, 2)) / 6
        size = vertices.var(dim=1, correction=0).sum(dim=-1).clamp(min=1e-4).sqrt()
        relative: Tensor = volume / size**3
        return relative


def project_around_root(points: Tensor, camera: Tensor, focal: float) -> Tensor:
    """Project root-relative points (H, N, 3), ray-aligned frame, to pixels (H, N, 2).

    `camera` (H, 3) holds the root's u, v and pixels per metre s. The root is at z = f / s, and a point (x, y, d)
    relative to it appears at (u, v) + s (x, y) / (1 + d s / f).
    """
    scale = camera[:, None, 2:]
    return camera[:, None, :2] + scale * points[..., :2] / (1 + points[..., 2:] * scale / focal).clamp(min=0.3)


def _mask_unmatched(layer: _Prediction, matched: Tensor) -> _Prediction:
    """Fill unmatched rows with a constant: zero times an infinite gradient would be NaN."""

    def masked(values: Tensor) -> Tensor:
        return values.masked_fill(~matched.view(-1, *[1] * (values.ndim - 1)), 1.0)

    return replace(layer, **{name: masked(values) for name, values in vars(layer).items()})


def _box_side(hands: MatchedHands) -> Tensor:
    """(H,) longest side of the bounds of a hand's joints, inside the image or not: its unit of length in pixels."""
    bounds = hands.joints_2d.amax(dim=1) - hands.joints_2d.amin(dim=1)
    return bounds.amax(dim=-1).clamp(min=4.0)


def _unique_edges(faces: Tensor) -> Tensor:
    """Faces (F, 3) -> edges (E, 2), each once."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    unique: Tensor = edges.sort(dim=1).values.unique(dim=0)  # type: ignore[no-untyped-call]
    return unique
