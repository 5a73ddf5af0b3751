"""Annotated images side by side in tensors: what views are drawn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.hand.hand import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT, ROOT_JOINT
from handos_model.inference.camera_geometry import pixels_per_metre, to_ray_frame
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage
from handos_model.io.frame import ImageArray
from handos_model.training.sample import UNKNOWN_PART, pad_hands

LARGEST_SIDE = 640
"""Larger images are shrunk to so many pixels: a view shows them at the size of the network's input."""
PART_STRIDE = 2
"""Pixels of the image per part id: a view has one for eight of its pixels."""


@dataclass(frozen=True)
class Originals:
    """B images of at most S x S pixels, each at the top left of its square, with N hands, padded with zeros.

    Pixels are the image's; 3D coordinates are metres from the root joint in the ray-aligned frame.
    """

    image: Tensor
    """(B, S, S, 3) uint8 BGR."""
    part_ids: Tensor
    """(B, S / 2, S / 2) uint8 as in `AnnotatedImage`, or `UNKNOWN_PART`."""
    size: Tensor
    """(B, 2) width and height of the image."""
    hand_count: Tensor
    """(B,) the hands of an image come before the padding."""
    boxes: Tensor
    """(B, N, 4)"""
    joints_2d: Tensor
    """(B, N, 21, 2)"""
    is_right: Tensor
    """(B, N)"""
    has_3d: Tensor
    """(B, N) whether `joints_3d` and `pixels_per_metre` hold annotations or zeros."""
    has_mesh: Tensor
    """(B, N) whether `vertices` do."""
    joints_3d: Tensor
    """(B, N, 21, 3)"""
    vertices: Tensor
    """(B, N, V, 3)"""
    pixels_per_metre: Tensor
    """(B, N) at the root's depth."""

    def __len__(self) -> int:
        return len(self.image)

    @property
    def most_hands(self) -> int:
        """N."""
        return self.boxes.shape[1]

    def bytes_per_image(self) -> int:
        """What an image and its labels take."""
        return sum(getattr(self, field.name)[0].nbytes for field in fields(self))

    def map(self, change: Callable[[Tensor], Tensor]) -> "Originals":
        """The same with another tensor for every one."""
        return Originals(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

    def to(self, device: torch.device) -> "Originals":
        """The same on another device."""
        return self.map(lambda values: values.to(device, non_blocking=True))

    def pin_memory(self) -> "Originals":
        """The same in memory that a GPU reads by itself; torch's `DataLoader` calls this."""
        return self.map(lambda values: values.pin_memory())

    def with_room(self, side: int, hands: int) -> "Originals":
        """The same, padded to squares of `side` pixels and to `hands` hands."""
        if (side, hands) == (self.image.shape[1], self.most_hands):
            return self
        pixels, cells = side - self.image.shape[1], side // PART_STRIDE - self.part_ids.shape[1]
        padded = {name: pad_hands(getattr(self, name), hands) for name in _OF_HANDS}
        padded["image"] = F.pad(self.image, (0, 0, 0, pixels, 0, pixels))
        padded["part_ids"] = F.pad(self.part_ids, (0, cells, 0, cells))
        return replace(self, **padded)

    def copy_rows(self, first: int, others: "Originals") -> None:
        """Put other images, of the same sizes, in the place of the ones from number `first`."""
        for field in fields(self):
            getattr(self, field.name)[first : first + len(others)] = getattr(others, field.name)


_OF_HANDS = ("boxes", "joints_2d", "is_right", "has_3d", "has_mesh", "joints_3d", "vertices", "pixels_per_metre")


def stack_images(images: Sequence[AnnotatedImage], vertices: int) -> Originals:
    """Put annotated images into tensors; `vertices` is the topology's number of them."""
    pictures = [_shrunk(image.image) for image in images]
    side = max(max(picture.shape[:2]) for picture in pictures)
    side += -side % PART_STRIDE
    most = max(1, *(len(image.hands) for image in images))
    hands: dict[str, FloatArray] = {
        name: np.zeros((len(images), most, *shape), np.float32) for name, shape in _shapes(vertices).items()
    }
    for row, (image, picture) in enumerate(zip(images, pictures, strict=True)):
        for slot, hand in enumerate(image.hands):
            for name, value in _label(hand, image, picture.shape[0] / image.image.shape[0]).items():
                hands[name][row, slot] = value
    flags = {name: torch.from_numpy(hands.pop(name)).bool() for name in ("is_right", "has_3d", "has_mesh")}
    return Originals(
        image=torch.from_numpy(np.stack([_in_square(picture, side) for picture in pictures])),
        part_ids=torch.from_numpy(np.stack([_parts(*each, side) for each in zip(images, pictures, strict=True)])),
        size=torch.tensor([picture.shape[1::-1] for picture in pictures], dtype=torch.float32),
        hand_count=torch.tensor([len(image.hands) for image in images]),
        **{name: torch.from_numpy(values) for name, values in hands.items()},
        **flags,
    )


def _shapes(vertices: int) -> dict[str, tuple[int, ...]]:
    joints = {"joints_2d": (JOINT_COUNT, 2), "joints_3d": (JOINT_COUNT, 3), "vertices": (vertices, 3), "boxes": (4,)}
    return {name: joints.get(name, ()) for name in _OF_HANDS}


def _label(hand: AnnotatedHand, image: AnnotatedImage, scale: float) -> dict[str, FloatArray | float]:
    """What is known of one hand in an image that is shown at another scale."""
    label: dict[str, FloatArray | float] = {
        "boxes": scale * (hand.box + 0.5) - 0.5,
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


def _shrunk(image: ImageArray) -> ImageArray:
    scale = LARGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _in_square(image: ImageArray, side: int) -> ImageArray:
    height, width = image.shape[:2]
    return np.pad(image, ((0, side - height), (0, side - width), (0, 0)))


def _parts(image: AnnotatedImage, shown: ImageArray, side: int) -> npt.NDArray[np.uint8]:
    height, width = (-(-length // PART_STRIDE) for length in shown.shape[:2])
    if image.part_ids is None:
        # A photograph without hands is background everywhere; one with hands has no part ids.
        parts = np.full((height, width), UNKNOWN_PART if image.hands else 0, np.uint8)
    else:
        parts = np.asarray(cv2.resize(image.part_ids, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    cells = side // PART_STRIDE
    return np.pad(parts, ((0, cells - height), (0, cells - width)))
