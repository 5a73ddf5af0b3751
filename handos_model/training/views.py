"""Random views of annotated images: crop, turn, mirror and scale, with the labels that belong to them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.io.annotations import FLESH
from handos_model.training.colour_variation import vary_colours
from handos_model.training.originals import PART_STRIDE, Originals
from handos_model.training.sample import PART_STRIDE as VIEW_PART_STRIDE
from handos_model.training.sample import UNKNOWN_PART, Batch

_SEEN_JOINTS = 0.35
"""A hand with a smaller share of its joints inside of the view is not asked for."""
_WITH_IMAGE = 0.5
"""Share of the views around which another image goes on; one half of the others is grey, one has a random colour."""
_GREY = 114.0
_COARSE_BELOW = 0.6
"""Images that are shrunk further are halved first: points that lie far apart would miss what is between them."""


@dataclass(frozen=True)
class ViewRange:
    """How a view is drawn from an annotated image."""

    smallest_hand: float = 0.25
    largest_hand: float = 0.9
    """Longest side of a hand's box as a fraction of the view."""
    rotation: float = 35.0
    """Degrees either way in the image plane."""
    any_rotation: float = 0.1
    """Share of views turned by any angle at all."""
    blank: float = 0.06
    """Share of views that look at a random place instead of a hand."""
    smallest_image: float = 0.8
    """A view shows the image no smaller than this, relative to the whole image fitted into the view: small hands are
    rare in photographs, and shrinking makes them of large ones."""


@dataclass(frozen=True)
class _Similarity:
    """B similarities of the image plane, mirrored or not: view = linear @ (x, y) + translation."""

    linear: Tensor
    """(B, 2, 2) scale times a rotation or reflection."""
    translation: Tensor
    """(B, 2)"""
    scale: Tensor
    """(B,)"""
    mirrored: Tensor
    """(B,)"""

    def of_pixels(self, points: Tensor) -> Tensor:
        """(B, N, K, 2) pixels of the image -> of the view."""
        return points @ self.linear.mT[:, None] + self.translation[:, None, None]

    def of_points(self, points: Tensor) -> Tensor:
        """(B, N, K, 3) ray-aligned points: turning the picture turns the hand about its ray, mirroring mirrors it."""
        turn = (self.linear / self.scale[:, None, None]).mT[:, None]
        return torch.cat([points[..., :2] @ turn, points[..., 2:]], dim=-1)

    def to_image(self, points: Tensor) -> Tensor:
        """(K, 2) pixels of the view -> (B, K, 2) of the images."""
        # The inverse of a rotation or reflection is its transpose.
        return (points - self.translation[:, None]) @ self.linear / self.scale.square()[:, None, None]


def draw_views(originals: Originals, size: int, views: ViewRange, generator: torch.Generator) -> Batch:
    """Draw a view of every image and change its colours.

    Parameters
    ----------
    originals
        B images on any device, not changed.
    size
        Side of the views in pixels, a multiple of 16.
    views
        What is random.
    generator
        The source of randomness, on the same device.
    """
    similarity = _draw_similarity(originals, size, views, generator)
    image = _view_image(originals, similarity, size, generator)
    joints_2d = similarity.of_pixels(originals.joints_2d)
    slots = torch.arange(originals.most_hands, device=joints_2d.device)
    density = similarity.scale[:, None] * originals.pixels_per_metre
    root = joints_2d[:, :, ROOT_JOINT] * originals.has_3d[..., None]
    return Batch(
        image=(255 * vary_colours(image / 255, generator) + 0.5).to(torch.uint8),
        is_hand=(slots < originals.hand_count[:, None]) & _are_seen(joints_2d, size),
        boxes=_boxes(joints_2d, size),
        joints_2d=joints_2d,
        is_right=originals.is_right != similarity.mirrored[:, None],
        has_3d=originals.has_3d,
        has_mesh=originals.has_mesh,
        joints_3d=similarity.of_points(originals.joints_3d),
        vertices=similarity.of_points(originals.vertices),
        camera=torch.cat([root, density[..., None]], dim=-1),
        part_ids=_view_parts(originals, similarity, size),
    )


def _draw_similarity(originals: Originals, size: int, views: ViewRange, generator: torch.Generator) -> _Similarity:
    uniform = torch.rand((11, len(originals)), generator=generator, device=originals.size.device)
    scale, centre, target = _draw_place(originals, size, views, uniform[:8])
    reach = torch.where(uniform[8] < views.any_rotation, 180.0, views.rotation)
    angle = torch.deg2rad((2 * uniform[9] - 1) * reach)
    mirrored = uniform[10] < 0.5
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    flip = torch.where(mirrored, -1.0, 1.0)
    linear = torch.stack([flip * cosine, -sine, flip * sine, cosine], dim=-1).reshape(-1, 2, 2)
    return _Similarity(linear, target - (linear @ centre[..., None])[..., 0], scale, mirrored)


def _draw_place(originals: Originals, size: int, views: ViewRange, uniform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scale (B,), the point of the image (B, 2) that is looked at, and where in the view it appears (B, 2)."""
    box = _draw_box(originals, uniform[0])
    side = (box[:, 2:] - box[:, :2]).amax(dim=-1).clamp(min=4)
    longest = originals.size.amax(dim=-1)
    fill = views.smallest_hand * (views.largest_hand / views.smallest_hand) ** uniform[1]
    at_hand = torch.maximum(fill * size / side, views.smallest_image * size / longest)
    anywhere = size / longest * torch.exp(0.7 * uniform[2])
    looks_at_hand = (originals.hand_count > 0) & (uniform[3] >= views.blank)
    scale = torch.where(looks_at_hand, at_hand, anywhere)
    somewhere = (0.2 + 0.6 * uniform[4:6].T) * originals.size
    centre = torch.where(looks_at_hand[:, None], (box[:, :2] + box[:, 2:]) / 2, somewhere)
    room = (1.05 - torch.where(looks_at_hand, scale * side / size, 0.5)).clamp(min=0.1)
    return scale, centre, size / 2 + (uniform[6:8].T - 0.5) * size * room[:, None]


def _draw_box(originals: Originals, uniform: Tensor) -> Tensor:
    """(B, 4) of one of the hands of each image; of padding where there is none."""
    drawn = (uniform * originals.hand_count).long().clamp(max=originals.most_hands - 1)
    return originals.boxes.gather(1, drawn[:, None, None].expand(-1, 1, 4))[:, 0]


def _are_seen(joints_2d: Tensor, size: int) -> Tensor:
    inside = ((joints_2d >= 0) & (joints_2d <= size - 1)).all(dim=-1)
    return inside.float().mean(dim=-1) >= _SEEN_JOINTS


def _boxes(joints_2d: Tensor, size: int) -> Tensor:
    """As `box_around_joints`, for all hands at once."""
    low, high = joints_2d.amin(dim=-2), joints_2d.amax(dim=-2)
    margin = FLESH * (high - low).amax(dim=-1, keepdim=True)
    return torch.cat([low - margin, high + margin], dim=-1).clamp(0, size - 1)


def _view_image(originals: Originals, similarity: _Similarity, size: int, generator: torch.Generator) -> Tensor:
    """(B, 3, size, size) 0..255."""
    whole = originals.image.permute(0, 3, 1, 2).float()
    places = similarity.to_image(_grid(size, 1, whole.device)).reshape(-1, size, size, 2)
    fine = _look_at(whole, places, originals.size)
    coarse = _look_at(F.avg_pool2d(whole, 2), (places - 0.5) / 2, originals.size / 2)
    seen = torch.where((similarity.scale < _COARSE_BELOW)[:, None, None, None], coarse, fine)
    inside = ((places >= -0.5) & (places <= originals.size[:, None, None] - 0.5)).all(dim=-1)
    return torch.where(inside[:, None], seen, _draw_surroundings(originals, whole, size, generator))


def _draw_surroundings(originals: Originals, whole: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(B, 3, size, size): another image of the batch without hands, grey, or any colour."""
    count = len(originals)
    uniform = torch.rand((6 + count, count), generator=generator, device=whole.device)
    kind, colour = uniform[0, :, None, None, None], 255 * uniform[1:4].T[..., None, None]
    plain = torch.where(kind < (_WITH_IMAGE + 1) / 2, _GREY, colour)
    without_hands = originals.hand_count == 0
    other = (uniform[6:] * without_hands).argmax(dim=-1)
    corner = uniform[4:6].T * originals.size[other] / 2
    places = corner[:, None] + _grid(size, 1, whole.device) / (2 * size) * originals.size[other][:, None]
    image = _look_at(whole[other], places.reshape(-1, size, size, 2), originals.size[other])
    return torch.where((kind < _WITH_IMAGE) & without_hands.any(), image, plain)


def _look_at(image: Tensor, places: Tensor, size: Tensor) -> Tensor:
    """Values of (B, 3, S, S) at pixels (B, h, w, 2), those outside of the image's `size` (B, 2) moved to its edge."""
    places = torch.minimum(places.clamp(min=0), size[:, None, None] - 1)
    return F.grid_sample(image, 2 * places / (image.shape[-1] - 1) - 1, "bilinear", "border", align_corners=True)


def _grid(cells: int, stride: int, device: torch.device) -> Tensor:
    """(cells^2, 2) x, y in pixels of the centres of cells, row by row."""
    centres = torch.arange(cells, device=device) * stride + (stride - 1) / 2
    return torch.cartesian_prod(centres, centres).flip(-1)


def _view_parts(originals: Originals, similarity: _Similarity, size: int) -> Tensor:
    """(B, size / 8, size / 8)"""
    cells, stored = size // VIEW_PART_STRIDE, originals.part_ids.shape[-1]
    places = similarity.to_image(_grid(cells, VIEW_PART_STRIDE, originals.image.device))
    inside = ((places >= -0.5) & (places <= originals.size[:, None] - 0.5)).all(dim=-1)
    column, row = (places / PART_STRIDE).long().clamp(0, stored - 1).unbind(dim=-1)
    parts = originals.part_ids.flatten(1).gather(1, row * stored + column)
    unknown = originals.part_ids[:, :1, 0] == UNKNOWN_PART
    outside = torch.where(unknown, UNKNOWN_PART, 0).to(parts.dtype)
    return torch.where(inside, parts, outside).reshape(-1, cells, cells)
