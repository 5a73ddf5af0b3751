"""Random views of annotated images: crop, rotate, mirror and scale, with their labels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.datasets.annotations import BOX_MARGIN
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.inference.preprocessing import PADDING_GREY
from handos_model.training.batch import UNKNOWN_PART, VIEW_PART_STRIDE, Batch
from handos_model.training.image_batch import IMAGE_PART_STRIDE, ImageBatch
from handos_model.training.photometric_augmentation import augment_colours

_MIN_VISIBLE_JOINTS = 0.35
"""A hand with a smaller fraction of its joints inside the view is no target."""
_IMAGE_PADDING = 0.5
"""Fraction of the views that are padded with another image; half of the others are grey, half have a random colour."""
_HALVE_BELOW_SCALE = 0.6
"""Images that are shrunk further are halved first, against aliasing."""


@dataclass(frozen=True)
class ViewRange:
    """The distribution of the views of an annotated image."""

    smallest_hand: float = 0.25
    largest_hand: float = 0.9
    """Longest side of a hand's box as a fraction of the view."""
    rotation: float = 35.0
    """Maximum rotation in the image plane, degrees, in either direction."""
    any_rotation: float = 0.1
    """Fraction of the views that are rotated by any angle."""
    blank: float = 0.06
    """Fraction of the views that are centred on a random point instead of a hand."""
    smallest_image: float = 0.8
    """Minimum scale of the image, relative to the whole image fitted into the view. Shrinking large hands makes up for
    the few small ones in photographs."""


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

    def transform_pixels(self, points: Tensor) -> Tensor:
        """(B, N, K, 2) pixels of the image -> of the view."""
        return points @ self.linear.mT[:, None] + self.translation[:, None, None]

    def transform_points(self, points: Tensor) -> Tensor:
        """(B, N, K, 3) ray-aligned points, rotated about the hand's viewing ray and mirrored like the image."""
        rotation = (self.linear / self.scale[:, None, None]).mT[:, None]
        return torch.cat([points[..., :2] @ rotation, points[..., 2:]], dim=-1)

    def to_image(self, points: Tensor) -> Tensor:
        """(K, 2) pixels of the view -> (B, K, 2) of the images."""
        # The inverse of a rotation or reflection is its transpose.
        return (points - self.translation[:, None]) @ self.linear / self.scale.square()[:, None, None]


def sample_views(images: ImageBatch, size: int, views: ViewRange, generator: torch.Generator) -> Batch:
    """Draw a random view of every image and augment its colours.

    Parameters
    ----------
    images
        B images on any device, not changed.
    size
        Side of the views in pixels, a multiple of 16.
    views
        Distribution of the views.
    generator
        Random generator on the device of the images.
    """
    similarity = _draw_similarity(images, size, views, generator)
    image = _warp_images(images, similarity, size, generator)
    joints_2d = similarity.transform_pixels(images.joints_2d)
    slots = torch.arange(images.max_hands, device=joints_2d.device)
    pixels_per_metre = similarity.scale[:, None] * images.pixels_per_metre
    root = joints_2d[:, :, ROOT_JOINT] * images.has_3d[..., None]
    return Batch(
        image=(255 * augment_colours(image / 255, generator) + 0.5).to(torch.uint8),
        is_hand=(slots < images.hand_count[:, None]) & _are_visible(joints_2d, size),
        boxes=_boxes_around_joints(joints_2d, size),
        joints_2d=joints_2d,
        is_right=images.is_right != similarity.mirrored[:, None],
        has_3d=images.has_3d,
        has_mesh=images.has_mesh,
        joints_3d=similarity.transform_points(images.joints_3d),
        vertices=similarity.transform_points(images.vertices),
        camera=torch.cat([root, pixels_per_metre[..., None]], dim=-1),
        part_ids=_warp_part_ids(images, similarity, size),
    )


def _draw_similarity(images: ImageBatch, size: int, views: ViewRange, generator: torch.Generator) -> _Similarity:
    uniform = torch.rand((11, len(images)), generator=generator, device=images.size.device)
    scale, centre, target = _draw_placement(images, size, views, uniform[:8])
    max_angle = torch.where(uniform[8] < views.any_rotation, 180.0, views.rotation)
    angle = torch.deg2rad((2 * uniform[9] - 1) * max_angle)
    mirrored = uniform[10] < 0.5
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    flip = torch.where(mirrored, -1.0, 1.0)
    linear = torch.stack([flip * cosine, -sine, flip * sine, cosine], dim=-1).reshape(-1, 2, 2)
    return _Similarity(linear, target - (linear @ centre[..., None])[..., 0], scale, mirrored)


def _draw_placement(images: ImageBatch, size: int, views: ViewRange, uniform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scale (B,), a point of the image (B, 2), and its position in the view (B, 2)."""
    box = _draw_box(images, uniform[0])
    side = (box[:, 2:] - box[:, :2]).amax(dim=-1).clamp(min=4)
    longest = images.size.amax(dim=-1)
    fill = views.smallest_hand * (views.largest_hand / views.smallest_hand) ** uniform[1]
    scale_at_hand = torch.maximum(fill * size / side, views.smallest_image * size / longest)
    scale_elsewhere = size / longest * torch.exp(0.7 * uniform[2])
    at_hand = (images.hand_count > 0) & (uniform[3] >= views.blank)
    scale = torch.where(at_hand, scale_at_hand, scale_elsewhere)
    random_point = (0.2 + 0.6 * uniform[4:6].T) * images.size
    centre = torch.where(at_hand[:, None], (box[:, :2] + box[:, 2:]) / 2, random_point)
    room = (1.05 - torch.where(at_hand, scale * side / size, 0.5)).clamp(min=0.1)
    return scale, centre, size / 2 + (uniform[6:8].T - 0.5) * size * room[:, None]


def _draw_box(images: ImageBatch, uniform: Tensor) -> Tensor:
    """(B, 4) of a random hand of each image; of padding if it has none."""
    drawn = (uniform * images.hand_count).long().clamp(max=images.max_hands - 1)
    return images.boxes.gather(1, drawn[:, None, None].expand(-1, 1, 4))[:, 0]


def _are_visible(joints_2d: Tensor, size: int) -> Tensor:
    inside = ((joints_2d >= 0) & (joints_2d <= size - 1)).all(dim=-1)
    return inside.float().mean(dim=-1) >= _MIN_VISIBLE_JOINTS


def _boxes_around_joints(joints_2d: Tensor, size: int) -> Tensor:
    """As `box_around_joints`, for all hands at once."""
    low, high = joints_2d.amin(dim=-2), joints_2d.amax(dim=-2)
    margin = BOX_MARGIN * (high - low).amax(dim=-1, keepdim=True)
    return torch.cat([low - margin, high + margin], dim=-1).clamp(0, size - 1)


def _warp_images(images: ImageBatch, similarity: _Similarity, size: int, generator: torch.Generator) -> Tensor:
    """(B, 3, size, size) 0..255."""
    pixels = images.image.permute(0, 3, 1, 2).float()
    positions = similarity.to_image(_grid(size, 1, pixels.device)).reshape(-1, size, size, 2)
    fine = _sample(pixels, positions, images.size)
    coarse = _sample(F.avg_pool2d(pixels, 2), (positions - 0.5) / 2, images.size / 2)
    warped = torch.where((similarity.scale < _HALVE_BELOW_SCALE)[:, None, None, None], coarse, fine)
    inside = ((positions >= -0.5) & (positions <= images.size[:, None, None] - 0.5)).all(dim=-1)
    return torch.where(inside[:, None], warped, _draw_padding(images, pixels, size, generator))


def _draw_padding(images: ImageBatch, pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """(B, 3, size, size): another image of the batch without hands, grey, or a random colour."""
    count = len(images)
    uniform = torch.rand((6 + count, count), generator=generator, device=pixels.device)
    kind, colour = uniform[0, :, None, None, None], 255 * uniform[1:4].T[..., None, None]
    plain = torch.where(kind < (_IMAGE_PADDING + 1) / 2, float(PADDING_GREY), colour)
    without_hands = images.hand_count == 0
    other = (uniform[6:] * without_hands).argmax(dim=-1)
    corner = uniform[4:6].T * images.size[other] / 2
    positions = corner[:, None] + _grid(size, 1, pixels.device) / (2 * size) * images.size[other][:, None]
    sampled = _sample(pixels[other], positions.reshape(-1, size, size, 2), images.size[other])
    return torch.where((kind < _IMAGE_PADDING) & without_hands.any(), sampled, plain)


def _sample(image: Tensor, positions: Tensor, size: Tensor) -> Tensor:
    """Sample (B, 3, S, S) at pixels (B, h, w, 2), clamped to the image's `size` (B, 2)."""
    positions = torch.minimum(positions.clamp(min=0), size[:, None, None] - 1)
    return F.grid_sample(image, 2 * positions / (image.shape[-1] - 1) - 1, "bilinear", "border", align_corners=True)


def _grid(cells: int, stride: int, device: torch.device) -> Tensor:
    """(cells^2, 2) x, y in pixels of the centres of cells, row by row."""
    centres = torch.arange(cells, device=device) * stride + (stride - 1) / 2
    return torch.cartesian_prod(centres, centres).flip(-1)


def _warp_part_ids(images: ImageBatch, similarity: _Similarity, size: int) -> Tensor:
    """(B, size / 8, size / 8)"""
    cells, stored = size // VIEW_PART_STRIDE, images.part_ids.shape[-1]
    positions = similarity.to_image(_grid(cells, VIEW_PART_STRIDE, images.image.device))
    inside = ((positions >= -0.5) & (positions <= images.size[:, None] - 0.5)).all(dim=-1)
    column, row = (positions / IMAGE_PART_STRIDE).long().clamp(0, stored - 1).unbind(dim=-1)
    parts = images.part_ids.flatten(1).gather(1, row * stored + column)
    unknown = images.part_ids[:, :1, 0] == UNKNOWN_PART
    outside = torch.where(unknown, UNKNOWN_PART, 0).to(parts.dtype)
    return torch.where(inside, parts, outside).reshape(-1, cells, cells)
