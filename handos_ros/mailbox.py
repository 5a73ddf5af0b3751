"""A mailbox with one slot between the thread that receives and the thread that works."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds the newest item only: a slow worker gets a fresh image and not a queue of old ones."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """How many items were replaced before anybody took them."""
        return self._dropped

    def put(self, item: Item) -> None:
        """Leave an item; one that still lies there is dropped."""
        with self._changed:
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._changed.notify()

    def take(self) -> Item | None:
        """Wait for an item and take it; ``None`` once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake the waiting worker for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
