"""Random views of annotated images: crop, rotate, mirror and scale, with their labels."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.architecture.box_ops import box_area
from handos_model.architecture.input_size import InputSize
from handos_model.datasets.annotations import BOX_MARGIN
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.inference.preprocessing import PADDING_GREY
from handos_model.training.batch import UNKNOWN_PART, VIEW_PART_STRIDE, Batch
from handos_model.training.image_batch import IMAGE_PART_STRIDE, ImageBatch
from handos_model.training.photometric_augmentation import augment_colours

_MIN_VISIBLE_JOINTS = 0.35
"""A hand with a smaller fraction of its joints, or of its box, inside the view is no target."""
_IMAGE_PADDING = 0.5
"""Fraction of the views that are padded with another image; half of the others are grey, half have a random colour."""
_HALVE_BELOW_SCALE = 0.6
"""Images that are shrunk further are halved first, against aliasing."""


@dataclass(frozen=True)
class ViewRange:
    """The distribution of the views of an annotated image."""

    smallest_hand: float = 0.25
    largest_hand: float = 0.9
    """Longest side of a hand's box as a fraction of the view's shorter side."""
    smallest_hand_pixels: float | None = None
    """The same in pixels of the view, instead of `smallest_hand`: for views of several sizes."""
    rotation: float = 35.0
    """Maximum rotation in the image plane, degrees, in either direction."""
    any_rotation: float = 0.1
    """Fraction of the views that are rotated by any angle."""
    blank: float = 0.06
    """Fraction of the views that are centred on a random point instead of a hand."""
    smallest_image: float = 0.8
    """Minimum scale of the image, relative to the whole image fitted into the view. Shrinking large hands makes up for
    the few small ones in photographs."""
    largest_scale: float = math.inf
    """Images with small hands are not enlarged further, unless to fill the view."""
    mosaic: float = 0.0
    """Fraction of the views that consist of four smaller ones."""

    def smallest_fill(self, size: InputSize) -> float:
        """Smallest side of a hand in a view of a size, as a fraction of its shorter side."""
        if self.smallest_hand_pixels is None:
            return self.smallest_hand
        return min(self.smallest_hand_pixels / min(size.height, size.width), self.largest_hand)


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

    def transform_boxes(self, boxes: Tensor) -> Tensor:
        """(B, N, 4) of the image -> of the view, around the rotated ellipse that fills the box: hands are round."""
        centre, extent = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
        centre = self.transform_pixels(centre[:, :, None])[:, :, 0]
        extent = (extent.square() @ self.linear.square().mT).sqrt()
        return torch.cat([centre - extent, centre + extent], dim=-1)

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


def sample_views(images: ImageBatch, size: InputSize, views: ViewRange, generator: torch.Generator) -> Batch:
    """Draw a random view of every image and augment its colours.

    Parameters
    ----------
    images
        B images on any device, not changed.
    size
        Of the views; sides are multiples of 16.
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
    visible, boxes = _view_hands(images, similarity, joints_2d, size)
    return Batch(
        image=(255 * augment_colours(image / 255, generator) + 0.5).to(torch.uint8),
        is_complete=images.is_complete,
        is_hand=(slots < images.hand_count[:, None]) & visible,
        has_joints=images.has_joints,
        boxes=boxes,
        joints_2d=joints_2d,
        is_right=images.is_right != similarity.mirrored[:, None],
        has_3d=images.has_3d,
        has_mesh=images.has_mesh,
        joints_3d=similarity.transform_points(images.joints_3d),
        vertices=similarity.transform_points(images.vertices),
        camera=torch.cat([root, pixels_per_metre[..., None]], dim=-1),
        part_ids=_warp_part_ids(images, similarity, size),
    )


def _draw_similarity(images: ImageBatch, size: InputSize, views: ViewRange, generator: torch.Generator) -> _Similarity:
    uniform = torch.rand((11, len(images)), generator=generator, device=images.size.device)
    scale, centre, target = _draw_placement(images, size, views, uniform[:8])
    max_angle = torch.where(uniform[8] < views.any_rotation, 180.0, views.rotation)
    angle = torch.deg2rad((2 * uniform[9] - 1) * max_angle)
    mirrored = uniform[10] < 0.5
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    flip = torch.where(mirrored, -1.0, 1.0)
    linear = torch.stack([flip * cosine, -sine, flip * sine, cosine], dim=-1).reshape(-1, 2, 2)
    return _Similarity(linear, target - (linear @ centre[..., None])[..., 0], scale, mirrored)


def _draw_placement(
    images: ImageBatch, size: InputSize, views: ViewRange, uniform: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scale (B,), a point of the image (B, 2), and its position in the view (B, 2)."""
    box = _draw_box(images, uniform[0])
    side = (box[:, 2:] - box[:, :2]).amax(dim=-1).clamp(min=4)
    extent = _extent(size, side.device)
    fitted = (extent / images.size).amin(dim=-1)
    smallest = views.smallest_fill(size)
    fill = smallest * (views.largest_hand / smallest) ** uniform[1]
    scale_at_hand = torch.minimum(fill * extent.min() / side, fitted.clamp(min=views.largest_scale))
    scale_at_hand = torch.maximum(scale_at_hand, views.smallest_image * fitted)
    scale_elsewhere = fitted * torch.exp(0.7 * uniform[2])
    at_hand = (images.hand_count > 0) & (uniform[3] >= views.blank)
    scale = torch.where(at_hand, scale_at_hand, scale_elsewhere)
    random_point = (0.2 + 0.6 * uniform[4:6].T) * images.size
    centre = torch.where(at_hand[:, None], (box[:, :2] + box[:, 2:]) / 2, random_point)
    room = (1.05 - torch.where(at_hand[:, None], (scale * side)[:, None] / extent, 0.5)).clamp(min=0.1)
    return scale, centre, extent / 2 + (uniform[6:8].T - 0.5) * extent * room


def _extent(size: InputSize, device: torch.device) -> Tensor:
    """(2,) width and height."""
    return torch.tensor([size.width, size.height], dtype=torch.float32, device=device)


def _draw_box(images: ImageBatch, uniform: Tensor) -> Tensor:
    """(B, 4) of a random hand of each image; of padding if it has none."""
    drawn = (uniform * images.hand_count).long().clamp(max=images.max_hands - 1)
    return images.boxes.gather(1, drawn[:, None, None].expand(-1, 1, 4))[:, 0]


def _view_hands(
    images: ImageBatch, similarity: _Similarity, joints_2d: Tensor, size: InputSize
) -> tuple[Tensor, Tensor]:
    """(B, N) which hands are targets, and their (B, N, 4) boxes inside the view."""
    last = _extent(size, joints_2d.device) - 1
    inside = ((joints_2d >= 0) & (joints_2d <= last)).all(dim=-1).float().mean(dim=-1)
    whole = similarity.transform_boxes(images.boxes)
    seen = torch.minimum(whole.clamp(min=0), last.repeat(2))
    visible = torch.where(images.has_joints, inside, box_area(seen) / box_area(whole).clamp(min=1e-6))
    around = torch.minimum(_boxes_around_joints(joints_2d).clamp(min=0), last.repeat(2))
    return visible >= _MIN_VISIBLE_JOINTS, torch.where(images.has_joints[..., None], around, seen)


def _boxes_around_joints(joints_2d: Tensor) -> Tensor:
    """As `box_around_joints`, for all hands at once and without the image's borders."""
    low, high = joints_2d.amin(dim=-2), joints_2d.amax(dim=-2)
    margin = BOX_MARGIN * (high - low).amax(dim=-1, keepdim=True)
    return torch.cat([low - margin, high + margin], dim=-1)


def _warp_images(images: ImageBatch, similarity: _Similarity, size: InputSize, generator: torch.Generator) -> Tensor:
    """(B, 3, height, width) 0..255."""
    pixels = images.image.permute(0, 3, 1, 2).float()
    positions = similarity.to_image(_grid(size, 1, pixels.device)).reshape(-1, size.height, size.width, 2)
    fine = _sample(pixels, positions, images.size)
    coarse = _sample(F.avg_pool2d(pixels, 2), (positions - 0.5) / 2, images.size / 2)
    warped = torch.where((similarity.scale < _HALVE_BELOW_SCALE)[:, None, None, None], coarse, fine)
    inside = ((positions >= -0.5) & (positions <= images.size[:, None, None] - 0.5)).all(dim=-1)
    return torch.where(inside[:, None], warped, _draw_padding(images, pixels, size, generator))


def _draw_padding(images: ImageBatch, pixels: Tensor, size: InputSize, generator: torch.Generator) -> Tensor:
    """(B, 3, height, width): another image of the batch without hands, grey, or a random colour."""
    count = len(images)
    uniform = torch.rand((6 + count, count), generator=generator, device=pixels.device)
    kind, colour = uniform[0, :, None, None, None], 255 * uniform[1:4].T[..., None, None]
    plain = torch.where(kind < (_IMAGE_PADDING + 1) / 2, float(PADDING_GREY), colour)
    without_hands = (images.hand_count == 0) & images.is_complete
    other = (uniform[6:] * without_hands).argmax(dim=-1)
    corner = uniform[4:6].T * images.size[other] / 2
    halves = _grid(size, 1, pixels.device) / (2 * _extent(size, pixels.device))
    positions = (corner[:, None] + halves * images.size[other][:, None]).reshape(-1, size.height, size.width, 2)
    sampled = _sample(pixels[other], positions, images.size[other])
    return torch.where((kind < _IMAGE_PADDING) & without_hands.any(), sampled, plain)


def _sample(image: Tensor, positions: Tensor, size: Tensor) -> Tensor:
    """Sample (B, 3, S, S) at pixels (B, h, w, 2), clamped to the image's `size` (B, 2)."""
    positions = torch.minimum(positions.clamp(min=0), size[:, None, None] - 1)
    return F.grid_sample(image, 2 * positions / (image.shape[-1] - 1) - 1, "bilinear", "border", align_corners=True)


def _grid(size: InputSize, stride: int, device: torch.device) -> Tensor:
    """(cells, 2) x, y in pixels of the centres of cells of `stride` pixels, row by row."""
    rows, columns = (
        torch.arange(length // stride, device=device) * stride + (stride - 1) / 2
        for length in (size.height, size.width)
    )
    return torch.cartesian_prod(rows, columns).flip(-1)


def _warp_part_ids(images: ImageBatch, similarity: _Similarity, size: InputSize) -> Tensor:
    """(B, height / 8, width / 8)"""
    stored = images.part_ids.shape[-1]
    positions = similarity.to_image(_grid(size, VIEW_PART_STRIDE, images.image.device))
    inside = ((positions >= -0.5) & (positions <= images.size[:, None] - 0.5)).all(dim=-1)
    column, row = (positions / IMAGE_PART_STRIDE).long().clamp(0, stored - 1).unbind(dim=-1)
    parts = images.part_ids.flatten(1).gather(1, row * stored + column)
    unknown = images.part_ids[:, :1, 0] == UNKNOWN_PART
    outside = torch.where(unknown, UNKNOWN_PART, 0).to(parts.dtype)
    return torch.where(inside, parts, outside).reshape(
        -1, size.height // VIEW_PART_STRIDE, size.width // VIEW_PART_STRIDE
    )
