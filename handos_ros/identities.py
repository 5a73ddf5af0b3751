"""Stable ids: which hand of this image was which hand of the last one."""

from collections.abc import Sequence
from dataclasses import replace

from handos_model.hand.hand import FloatArray, Hand

LEAST_OVERLAP = 0.1
"""Intersection over union of the boxes from which on two hands may be the same one."""


class HandIdentities:
    """Gives a hand the id of the hand of the last image whose box it overlaps most, or a new one."""

    def __init__(self) -> None:
        self._last: tuple[Hand, ...] = ()
        self._next_id = 1

    def assign(self, hands: Sequence[Hand]) -> tuple[Hand, ...]:
        """Copies of the hands of the next image with their `id` set, in the same order."""
        ids = self._ids_of_overlapping(hands)
        self._last = tuple(replace(hand, id=ids.get(k) or self._new_id()) for k, hand in enumerate(hands))
        return self._last

    def _ids_of_overlapping(self, hands: Sequence[Hand]) -> dict[int, int]:
        """Ids of those `hands`, by index, that continue one of the last image; the greatest overlaps choose first."""
        pairs = sorted(
            ((_overlap(hand.box, last.box), k, last.id) for k, hand in enumerate(hands) for last in self._last),
            reverse=True,
        )
        ids: dict[int, int] = {}
        for overlap, k, last_id in pairs:
            if overlap >= LEAST_OVERLAP and k not in ids and last_id is not None and last_id not in ids.values():
                ids[k] = last_id
        return ids

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


def _overlap(box: FloatArray, other: FloatArray) -> float:
    """Intersection over union of two (4,) xyxy boxes."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    intersection = width * height
    areas = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return float(intersection / (areas - intersection))
