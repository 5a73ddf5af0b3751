"""Mailboxes with one slot per sender, between the thread that receives and the thread that works."""

import threading
from collections import Counter
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds the newest item of every sender: a slow worker gets fresh images and not a queue of old ones.

    Senders are served in turn, however often each of them sends.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # A dictionary keeps the order in which its keys came: the sender that has waited longest is its first.
        self._items: dict[str, Item] = {}
        self._dropped: Counter[str] = Counter()
        self._closed = False

    def dropped(self, sender: str) -> int:
        """How many items of a sender were replaced before anybody took them."""
        return self._dropped[sender]

    def put(self, sender: str, item: Item) -> None:
        """Leave an item; one of the same sender that still lies there is dropped."""
        with self._changed:
            self._dropped[sender] += sender in self._items
            self._items[sender] = item
            self._changed.notify()

    def take(self) -> Item | None:
        """Wait for an item and take it; ``None`` once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed)
            return None if self._closed else self._items.pop(next(iter(self._items)))

    def close(self) -> None:
        """Wake the waiting worker for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
