"""`Dataset`: the protocol of the readers of published data sets, and functions that they share."""

from pathlib import Path
from typing import Protocol

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray


class Dataset(Protocol):
    """The images of one split of a published data set, in its official order.

    Readers convert units, axes and joint order to those of `AnnotatedHand`.
    """

    @property
    def title(self) -> str:
        """Name, version and split, such as "HO3D v3 evaluation"."""

    @property
    def annotates_every_hand(self) -> bool:
        """Whether images show no other hands than the annotated ones."""

    def __len__(self) -> int: ...

    def image_name(self, index: int) -> str:
        """Path of an image, relative to the data set's folder."""

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        """Annotations of an image, without reading the image: one hand, or none if the image is not annotated."""

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        """Read an image with its annotations."""


def require(path: Path, remedy: str) -> Path:
    """Return the path if it exists.

    Raises
    ------
    FileNotFoundError
        If it does not; `remedy` is part of the message.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: {remedy}")
    return path


def read_sized_image(path: Path, size: tuple[int, int] | None, remedy: str) -> ImageArray:
    """Read an image and check its (width, height); ``None`` allows any size."""
    image = read_image(require(path, remedy))
    height, width = image.shape[:2]
    if size is not None and (width, height) != size:
        raise ValueError(
            f"{path} has {width} x {height} pixels, the annotations are for {size[0]} x {size[1]}: use the "
            "published images"
        )
    return image
