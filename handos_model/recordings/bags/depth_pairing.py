"""Brings images and depth images of the same time together."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

DEPTH_TOLERANCE: Final = 0.02
"""Maximum difference in seconds between the stamps of an image and its depth."""
_MAX_WAITING: Final = 16
"""Images, or depth images, that are kept: half a second."""

ImageType = TypeVar("ImageType")


@dataclass(frozen=True)
class _Stamped(Generic[ImageType]):
    stamp: int
    content: ImageType


class DepthPairing(Generic[ImageType]):
    """Images wait until the depth of their time, or a later one, has come: either may be recorded first."""

    def __init__(self) -> None:
        self._images: deque[_Stamped[ImageType]] = deque()
        self._depths: deque[_Stamped[Any]] = deque(maxlen=_MAX_WAITING)

    def add_image(self, stamp: int, image: ImageType) -> Iterator[tuple[ImageType, Any | None]]:
        """Add an image, stamp in nanoseconds; yield those that wait no longer, with their depth message."""
        self._images.append(_Stamped(stamp, image))
        yield from self._ready()

    def add_depth(self, stamp: int, depth: Any) -> Iterator[tuple[ImageType, Any | None]]:
        """Add a depth message, stamp in nanoseconds; as `add_image`."""
        self._depths.append(_Stamped(stamp, depth))
        yield from self._ready()

    def rest(self) -> Iterator[tuple[ImageType, Any | None]]:
        """The images that still wait."""
        while self._images:
            yield self._pop()

    def _ready(self) -> Iterator[tuple[ImageType, Any | None]]:
        while self._images and (
            len(self._images) > _MAX_WAITING or any(depth.stamp >= self._images[0].stamp for depth in self._depths)
        ):
            yield self._pop()

    def _pop(self) -> tuple[ImageType, Any | None]:
        image = self._images.popleft()
        nearest = min(self._depths, key=lambda depth: abs(depth.stamp - image.stamp), default=None)
        if nearest is None or abs(nearest.stamp - image.stamp) > DEPTH_TOLERANCE * 1e9:
            return image.content, None
        return image.content, nearest.content
