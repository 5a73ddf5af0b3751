"""The memory of nodes over a run: it must not grow without end."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from bombarded_node import BombardedNode
from broken_promise import require

ALLOWED: Final = 80 * 2**20
"""Bytes from the second to the last quarter of a run: malloc keeps what images of many sizes leave behind."""


class MemoryGrowth:
    """Looks at the memory of nodes after every episode."""

    def __init__(self, nodes: Sequence[BombardedNode]) -> None:
        self._nodes = nodes
        self._seen: dict[str, list[int]] = {node.name: [] for node in nodes}

    def look(self) -> None:
        """Remember how much each node has now."""
        for node in self._nodes:
            self._seen[node.name].append(node.resident_memory())

    def __str__(self) -> str:
        return ", ".join(f"{name} {seen[-1] / 2**20:.0f} MiB" for name, seen in self._seen.items())

    def require_bounded(self) -> None:
        """Raise BrokenPromiseError if a node has grown after its first quarter."""
        for name, seen in self._seen.items():
            quarter = max(len(seen) // 4, 1)
            before, after = median(seen[quarter : 2 * quarter] or seen), median(seen[-quarter:])
            print(f"memory of {name}: {before / 2**20:.0f} MiB early, {after / 2**20:.0f} MiB late")
            require(after - before < ALLOWED, f"memory of {name} does not grow from {before} to {after} bytes")
