"""`Dataset`: what every benchmark's reader is, and what readers share."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from handos_model.io.annotations import AnnotatedHand, AnnotatedImage
from handos_model.io.frame import CameraIntrinsics, ImageArray
from handos_model.io.source import read_image


class Dataset(Protocol):
    """The images of one split of a benchmark, in its official order.

    Units, axes and joint orders are those of `AnnotatedHand`, whatever the files say.
    """

    @property
    def title(self) -> str:
        """Name, version and split, as in "HO3D v3 evaluation"."""

    @property
    def annotates_every_hand(self) -> bool:
        """Whether what is not annotated is no hand; else an image may show hands that are not in its annotations."""

    def __len__(self) -> int: ...

    def image_name(self, index: int) -> str:
        """Path of an image relative to the data set's folder."""

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        """What is annotated of an image, without reading the image: one hand, or none where it is not annotated."""

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        """Read an image with its annotations."""


def require(path: Path, remedy: str) -> Path:
    """The path, if something is there.

    Raises
    ------
    FileNotFoundError
        If not, with `remedy` in the message.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: {remedy}")
    return path


def read_sized_image(path: Path, size: tuple[int, int] | None, remedy: str) -> ImageArray:
    """Read an image of the data set's (width, height); ``None`` allows any."""
    image = read_image(require(path, remedy))
    height, width = image.shape[:2]
    if size is not None and (width, height) != size:
        raise ValueError(
            f"{path} has {width} x {height} pixels, the annotations are for {size[0]} x {size[1]}: use the images as "
            "they were published"
        )
    return image


def camera_of_matrix(matrix: npt.NDArray[np.floating]) -> CameraIntrinsics:
    """Intrinsics of a camera matrix (3, 3) without skew."""
    return CameraIntrinsics(float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2]))
