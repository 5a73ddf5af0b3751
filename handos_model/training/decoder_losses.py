"""What the decoder is trained on: 2D joints, mesh, 3D joints, side and camera of every layer."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.decoder import HandPrediction
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.training.known_mean import mean_over
from handos_model.training.sample import AssignedHands

_ASSUMED_FOCAL = 1.3
"""Focal length, in image sides, with which meshes are projected onto pictures taken with an unknown camera."""

HANDEDNESS_SLOPE = 2.0
"""Logit of "right" per unit of relative volume (a real hand's is 1.3 to 3.8); exported with the weights."""

OKS_SIGMAS = {"wrist": 0.08, "cmc": 0.07, "mcp": 0.06, "pip": 0.05, "ip": 0.05, "dip": 0.05, "tip": 0.05}
"""Tolerance of each kind of joint as a fraction of the hand's box side; the paper's values are not published."""


class DecoderLosses(nn.Module):
    """The paper's losses; its weights are not published, these were chosen so that no term dominates.

    Photographs have no 3D annotation: there the mesh is supervised by its projection and by its side. Where a data set
    annotates 3D joints, or the mesh of another topology, only the joints are compared.
    """

    def __init__(self, topology: HandTopology) -> None:
        super().__init__()
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
        self, layers: list[HandPrediction], hands: AssignedHands, image_size: int, answers: Tensor
    ) -> dict[str, Tensor]:
        """Sum over the layers.

        Parameters
        ----------
        layers
            Predictions of H queries.
        hands
            H hands, one for each query.
        image_size
            Side of the images in pixels.
        answers
            (H,) False where a query answers for no hand, so that what `layers` and `hands` hold there counts nothing:
            shapes that do not depend on values let a step be captured as one CUDA graph.
        """
        hands = replace(hands, has_3d=hands.has_3d & answers, has_mesh=hands.has_mesh & answers)
        total: dict[str, Tensor] = {}
        for layer in layers:
            used = _without_idle(layer, answers)
            losses = self._losses_2d(used, hands, answers, image_size)
            if used.vertices is not None:
                losses |= self._losses_3d(used, hands, answers, image_size)
            for name, loss in losses.items():
                total[name] = total[name] + loss if name in total else loss
        return total

    def _losses_2d(
        self, layer: HandPrediction, hands: AssignedHands, answers: Tensor, image_size: int
    ) -> dict[str, Tensor]:
        side = _box_side(hands)[:, None]
        error = (layer.joints_2d * image_size - hands.joints_2d).abs() / side[..., None]
        squared = error.square().sum(dim=-1)
        similarity = torch.exp(-squared / (2 * self.sigmas.square()))
        spread = (layer.joint_spread * image_size / side).clamp(min=1e-3)
        # The spread learns from the error without pulling the joints: an early, vague layer would stop moving them.
        surprise = error.detach().mean(dim=-1) / spread + spread.log()
        return {
            "joints_2d": 5 * mean_over(answers, error),
            "oks": mean_over(answers, 1 - similarity),
            "spread": 0.1 * mean_over(answers, surprise),
        }

    def _losses_3d(
        self, layer: HandPrediction, hands: AssignedHands, answers: Tensor, image_size: int
    ) -> dict[str, Tensor]:
        assert layer.vertices is not None
        assert layer.joints_3d is not None
        assert layer.camera is not None
        camera = layer.camera * image_size
        joints_error = (layer.joints_3d - hands.joints_3d).abs()
        mesh_error = (layer.vertices - hands.vertices).abs()
        edge_error = (self._lengths(layer.vertices) - self._lengths(hands.vertices)).abs()
        side = _box_side(hands)
        place = (camera[:, :2] - hands.camera[:, :2]).abs() / side[:, None]
        scale = (camera[:, 2:].log() - hands.camera[:, 2:].clamp(min=1).log()).abs()
        projected = project(layer.joints_3d, camera, _ASSUMED_FOCAL * image_size)
        projection = (projected - hands.joints_2d).abs() / side[:, None, None]
        shape = {
            "vertices": 20 * mean_over(hands.has_mesh, mesh_error),
            "joints_3d": 20 * mean_over(hands.has_3d, joints_error),
            "normals": 0.2 * mean_over(hands.has_mesh, self._normal_error(layer.vertices, hands.vertices)),
            "edges": 50 * mean_over(hands.has_mesh, edge_error),
            "camera": mean_over(hands.has_3d, 2 * place) + mean_over(hands.has_3d, 2 * scale),
        }
        right = F.binary_cross_entropy_with_logits(
            HANDEDNESS_SLOPE * self.relative_volume(layer.vertices), hands.is_right.float(), reduction="none"
        )
        return shape | {
            "projection": 2 * mean_over(answers, projection),
            "side": 0.3 * mean_over(answers, right),
        }

    def _normal_error(self, vertices: Tensor, wanted: Tensor) -> Tensor:
        """1 - cosine between face normals, signed: the unsigned one cannot tell a left hand from a right one."""
        return 1 - F.cosine_similarity(self._normals(vertices), self._normals(wanted), dim=-1, eps=1e-9)

    def _normals(self, vertices: Tensor) -> Tensor:
        first, second, third = vertices[:, self.faces].unbind(dim=2)
        normals: Tensor = torch.cross(second - first, third - first, dim=-1) * 1e4
        return normals

    def _lengths(self, vertices: Tensor) -> Tensor:
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


def project(points: Tensor, camera: Tensor, focal: float) -> Tensor:
    """Project root-relative points (H, N, 3), ray-aligned frame, to pixels (H, N, 2).

    `camera` (H, 3) holds the root's u, v and pixels per metre s; with the root at z = f / s a point (x, y, d) beside
    it appears at (u, v) + s (x, y) / (1 + d s / f).
    """
    density = camera[:, None, 2:]
    return camera[:, None, :2] + density * points[..., :2] / (1 + points[..., 2:] * density / focal).clamp(min=0.3)


def _without_idle(layer: HandPrediction, answers: Tensor) -> HandPrediction:
    """The same with constants where no hand is answered for: a zero weight alone would make NaN of infinite slopes."""

    def masked(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.masked_fill(~answers.view(-1, *[1] * (values.ndim - 1)), 1.0)

    return HandPrediction(**{name: masked(values) for name, values in vars(layer).items()})  # type: ignore[arg-type]


def _box_side(hands: AssignedHands) -> Tensor:
    """(H,) unit of length of a hand: the longest side of the bounds of its joints, inside the image or not."""
    bounds = hands.joints_2d.amax(dim=1) - hands.joints_2d.amin(dim=1)
    return bounds.amax(dim=-1).clamp(min=4.0)


def _unique_edges(faces: Tensor) -> Tensor:
    """(F, 3) -> (E, 2)."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    unique: Tensor = edges.sort(dim=1).values.unique(dim=0)  # type: ignore[no-untyped-call]
    return unique
