"""`NewestImages`: where images, or what was found in them, wait for a thread; only the newest of each camera does."""

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Camera = TypeVar("Camera", bound=Hashable)
Item = TypeVar("Item")


class NewestImages(Generic[Camera, Item]):
    """The newest item of each camera; cameras are served in turn, however fast each is.

    Items come from any thread, and one thread takes them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[Camera, Item] = {}
        """In the order in which the cameras began to wait."""
        self._is_taker_idle = False
        self._is_closed = False

    def offer(self, camera: Camera, item: Item) -> bool:
        """Let an item wait; return True if it takes the place of an older one of its camera."""
        with self._changed:
            replaces = camera in self._waiting
            self._waiting[camera] = item
            self._changed.notify_all()
        return replaces

    def wait_for_any(self) -> None:
        """Wait until an item waits, or nothing is taken any more."""
        with self._changed:
            self._is_taker_idle = not self._waiting
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._is_taker_idle = False

    def take(self) -> tuple[Camera, Item] | None:
        """Wait for the item of the camera that has waited longest; ``None`` once closed."""
        self.wait_for_any()
        with self._changed:
            if self._is_closed:
                return None
            camera = next(iter(self._waiting))
            return camera, self._waiting.pop(camera)

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until the thread that takes the items has nothing to do, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: (self._is_taker_idle and not self._waiting) or self._is_closed, seconds)

    def close(self) -> None:
        """Wake who waits; nothing is taken any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
