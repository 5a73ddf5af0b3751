"""`ImageBatch`: annotated images stacked into tensors, which views are drawn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.projection import pixels_per_metre, to_ray_frame
from handos_model.hand.skeleton import JOINT_COUNT, ROOT_JOINT
from handos_model.training.batch import UNKNOWN_PART, pad_hands

MAX_IMAGE_SIDE = 640
"""Larger images are shrunk until their longer side has this many pixels: views have no more detail than that."""
IMAGE_PART_STRIDE = 2
"""Pixels of an image per stored part id, in each direction; views have one per `VIEW_PART_STRIDE` pixels."""

_HAND_FIELDS = (
    "boxes", "has_joints", "joints_2d", "is_right", "has_3d", "has_mesh", "joints_3d", "vertices", "pixels_per_metre",
)  # fmt: skip


@dataclass(frozen=True)
class ImageBatch:
    """B images of at most S x S pixels, each at the top left of its square, with N hands, padded with zeros.

    Pixels are the image's; 3D coordinates are metres from the root joint in the ray-aligned frame.
    """

    image: Tensor
    """(B, S, S, 3) uint8 BGR."""
    part_ids: Tensor
    """(B, S / 2, S / 2) uint8 as in `AnnotatedImage`, or `UNKNOWN_PART`."""
    size: Tensor
    """(B, 2) width and height of the image."""
    is_complete: Tensor
    """(B,) whether every hand is annotated."""
    hand_count: Tensor
    """(B,) the hands of an image come before the padding."""
    boxes: Tensor
    """(B, N, 4)"""
    has_joints: Tensor
    """(B, N) whether `joints_2d` and `is_right` are annotated, not the box alone."""
    joints_2d: Tensor
    """(B, N, 21, 2)"""
    is_right: Tensor
    """(B, N)"""
    has_3d: Tensor
    """(B, N) whether `joints_3d` and `pixels_per_metre` hold annotations or zeros."""
    has_mesh: Tensor
    """(B, N) whether `vertices` holds annotations or zeros."""
    joints_3d: Tensor
    """(B, N, 21, 3)"""
    vertices: Tensor
    """(B, N, V, 3)"""
    pixels_per_metre: Tensor
    """(B, N) at the root's depth."""

    def __len__(self) -> int:
        return len(self.image)

    @property
    def max_hands(self) -> int:
        """N."""
        return self.boxes.shape[1]

    def bytes_per_image(self) -> int:
        """Memory of one image and its labels."""
        return sum(getattr(self, field.name)[0].nbytes for field in fields(self))

    def map(self, function: Callable[[Tensor], Tensor]) -> "ImageBatch":
        """Apply a function to every tensor."""
        return ImageBatch(**{field.name: function(getattr(self, field.name)) for field in fields(self)})

    def to(self, device: torch.device) -> "ImageBatch":
        """Copy to a device."""
        return self.map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> "ImageBatch":
        """Copy to page-locked memory; torch's `DataLoader` calls this."""
        return self.map(lambda values: values.pin_memory())

    def pad_to(self, side: int, hands: int) -> "ImageBatch":
        """Pad to squares of `side` pixels and to `hands` hands."""
        if (side, hands) == (self.image.shape[1], self.max_hands):
            return self
        pixels, cells = side - self.image.shape[1], side // IMAGE_PART_STRIDE - self.part_ids.shape[1]
        padded = {name: pad_hands(getattr(self, name), hands) for name in _HAND_FIELDS}
        padded["image"] = F.pad(self.image, (0, 0, 0, pixels, 0, pixels))
        padded["part_ids"] = F.pad(self.part_ids, (0, cells, 0, cells))
        return replace(self, **padded)

    def copy_rows(self, first: int, source: "ImageBatch") -> None:
        """Overwrite images, beginning with number `first`, by those of a batch with the same S and N."""
        for field in fields(self):
            getattr(self, field.name)[first : first + len(source)] = getattr(source, field.name)


def stack_images(annotated: Sequence[AnnotatedImage], vertex_count: int) -> ImageBatch:
    """Stack annotated images into tensors; `vertex_count` is the topology's."""
    images = [_shrink(each.image) for each in annotated]
    side = max(max(image.shape[:2]) for image in images)
    side += -side % IMAGE_PART_STRIDE
    part_ids = [_part_ids(*each, side) for each in zip(annotated, images, strict=True)]
    return ImageBatch(
        image=torch.from_numpy(np.stack([_pad_to_square(image, side) for image in images])),
        part_ids=torch.from_numpy(np.stack(part_ids)),
        size=torch.tensor([image.shape[1::-1] for image in images], dtype=torch.float32),
        is_complete=torch.tensor([each.is_complete for each in annotated]),
        hand_count=torch.tensor([len(each.hands) for each in annotated]),
        **_stack_hands(annotated, [image.shape[0] for image in images], vertex_count),
    )


def _stack_hands(annotated: Sequence[AnnotatedImage], heights: Sequence[int], vertex_count: int) -> dict[str, Tensor]:
    """The fields of `_HAND_FIELDS`, for images that were scaled to the given heights."""
    shapes = {
        "boxes": (4,),
        "joints_2d": (JOINT_COUNT, 2),
        "joints_3d": (JOINT_COUNT, 3),
        "vertices": (vertex_count, 3),
    }
    max_hands = max(1, *(len(each.hands) for each in annotated))
    labels: dict[str, FloatArray] = {
        name: np.zeros((len(annotated), max_hands, *shapes.get(name, ())), np.float32) for name in _HAND_FIELDS
    }
    for row, (image, height) in enumerate(zip(annotated, heights, strict=True)):
        for slot, hand in enumerate(image.hands):
            for name, value in _label(hand, image, height / image.image.shape[0]).items():
                labels[name][row, slot] = value
    tensors = {name: torch.from_numpy(values) for name, values in labels.items()}
    return tensors | {name: tensors[name].bool() for name in ("has_joints", "is_right", "has_3d", "has_mesh")}


def _label(hand: AnnotatedHand, image: AnnotatedImage, scale: float) -> dict[str, FloatArray | float]:
    """The annotations of one hand in an image that was scaled; what is not annotated is absent."""
    label: dict[str, FloatArray | float] = {
        "boxes": scale * (hand.box + 0.5) - 0.5,
        "has_joints": hand.has_joints,
        "joints_2d": scale * (hand.joints_2d + 0.5) - 0.5,
        "is_right": hand.handedness == "right",
    }
    if hand.joints_3d is None or image.camera is None:
        return label
    root = hand.joints_3d[ROOT_JOINT]
    label["has_3d"] = True
    label["joints_3d"] = to_ray_frame(hand.joints_3d, root).astype(np.float32)
    label["pixels_per_metre"] = float(scale * pixels_per_metre(root, image.camera))
    if hand.vertices is not None:
        label["has_mesh"] = True
        label["vertices"] = to_ray_frame(hand.vertices, root).astype(np.float32)
    return label


def _shrink(image: ImageArray) -> ImageArray:
    scale = MAX_IMAGE_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _pad_to_square(image: ImageArray, side: int) -> ImageArray:
    height, width = image.shape[:2]
    return np.pad(image, ((0, side - height), (0, side - width), (0, 0)))


def _part_ids(annotated: AnnotatedImage, image: ImageArray, side: int) -> npt.NDArray[np.uint8]:
    """(side / 2, side / 2) of an image that was scaled to the size of `image`."""
    height, width = (-(-length // IMAGE_PART_STRIDE) for length in image.shape[:2])
    if annotated.part_ids is None:
        # A photograph without hands is background everywhere; one with hands has no part ids.
        is_background = annotated.is_complete and not annotated.hands
        parts = np.full((height, width), 0 if is_background else UNKNOWN_PART, np.uint8)
    else:
        parts = np.asarray(cv2.resize(annotated.part_ids, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    cells = side // IMAGE_PART_STRIDE
    return np.pad(parts, ((0, cells - height), (0, cells - width)))
