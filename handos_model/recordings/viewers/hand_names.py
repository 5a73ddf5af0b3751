"""`HandNames`: what a viewer calls the hands, so that the same hand stays the same object and the same curve."""

from collections.abc import Collection, Sequence
from itertools import count

from handos_model.hand.hand import Hand, Handedness


class HandNames:
    """Names hands by their sides: left, right, left_2, ...

    A hand with an id keeps its name while it is there; then the name is free for another. So there are never more names
    than hands at a time, however long a recording is.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[Handedness, int], str] = {}

    def of(self, hands: Sequence[Hand]) -> list[str]:
        """Names of the hands of the next frame, all different."""
        tracked = {(hand.handedness, hand.id) for hand in hands if hand.id is not None}
        self._names = {key: name for key, name in self._names.items() if key in tracked}
        taken = set(self._names.values())
        names = []
        for hand in hands:
            name = None if hand.id is None else self._names.get((hand.handedness, hand.id))
            if name is None:
                name = _free_name(hand.handedness, taken)
                taken.add(name)
                if hand.id is not None:
                    self._names[hand.handedness, hand.id] = name
            names.append(name)
        return names


def _free_name(side: Handedness, taken: Collection[str]) -> str:
    candidates = (side if number == 1 else f"{side}_{number}" for number in count(1))
    return next(name for name in candidates if name not in taken)
