"""`HandTopology`: the fixed mesh topology of the model's vertices."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handos_model.files.npz import read_npz
from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, JOINT_PARENTS

_SHAPES = {
    "faces_right": ("F", 3),
    "joint_regressor": (JOINT_COUNT, "V"),
    "skin_weights": ("V", JOINT_COUNT),
    "mean_vertices": ("V", 3),
    "wrist_loop": ("b",),
    "coarse_vertices": ("C",),
    "upsampling": ("V", "C"),
    "source_vertices": ("V", 3),
    "source_weights": ("V", 3),
}
"""Shapes of the arrays in a topology file; equal letters mean equal lengths."""
_INTEGER = frozenset({"faces_right", "wrist_loop", "coarse_vertices", "source_vertices"})


@dataclass(frozen=True)
class HandTopology:
    """Faces, skeleton and fixed matrices of a hand mesh with V vertices.

    The mesh is closed except for one boundary loop at the wrist. A left hand has mirrored vertices in the same order,
    and faces with reversed winding.
    """

    id: str
    """Identifies the vertex order: results of different topologies cannot be mixed."""
    faces_right: IntArray
    """(F, 3) vertex ids, counter-clockwise seen from outside on a right hand."""
    joint_regressor: FloatArray
    """(21, V) joints = joint_regressor x vertices, in any pose; rows sum to 1."""
    skin_weights: FloatArray
    """(V, 21) how much each vertex moves with the bone that starts at a joint; rows sum to 1."""
    mean_vertices: FloatArray
    """(V, 3) metres: the mean right hand at rest; origin at the wrist, +y to the middle knuckle, +z out of the palm."""
    wrist_loop: IntArray
    """(b,) vertex ids of the open boundary, in order."""
    coarse_vertices: IntArray
    """(C,) vertex ids of the subset from which the other vertices are interpolated."""
    upsampling: FloatArray
    """(V, C) vertices = upsampling x coarse vertices; rows sum to 1."""
    source_vertices: IntArray
    """(V, 3) vertex ids in the full-resolution hand: the corners of the triangle that each vertex lies in."""
    source_weights: FloatArray
    """(V, 3) barycentric weights in that triangle; rows sum to 1."""

    @property
    def vertex_count(self) -> int:
        """V."""
        return len(self.mean_vertices)

    @property
    def faces_left(self) -> IntArray:
        """(F, 3) vertex ids, counter-clockwise seen from outside on a left hand."""
        return np.ascontiguousarray(self.faces_right[:, ::-1])

    def faces(self, handedness: Handedness) -> IntArray:
        """(F, 3) vertex ids, counter-clockwise seen from outside on a hand of this side."""
        return self.faces_left if handedness == "left" else self.faces_right

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the 21 joints."""
        return JOINT_NAMES

    @property
    def joint_parents(self) -> tuple[int, ...]:
        """Index of each joint's parent; -1 for the wrist."""
        return JOINT_PARENTS

    @classmethod
    def load(cls, path: Path | None = None) -> "HandTopology":
        """Read a topology file; by default the package's 778-vertex hand.

        Raises
        ------
        FileNotFoundError
            If the file is missing.
        ValueError
            If it is damaged or does not hold a topology.
        """
        return cls(**_read_checked(Path(__file__).with_name("hand_778.npz") if path is None else path))


def _read_checked(path: Path) -> dict[str, Any]:
    remedy = (
        "reinstall the package, or derive the file again with `python -m handos_model.hand.derivation.derive_topology`"
    )
    if not path.is_file():
        raise FileNotFoundError(f"hand topology {path} is missing: {remedy}")
    try:
        stored = read_npz(path)
        arrays = {name: stored[name] for name in (*_SHAPES, "id")}
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"hand topology {path} cannot be read ({error}): {remedy}") from error
    problem = _find_problem(arrays)
    if problem is not None:
        raise ValueError(f"hand topology {path} is damaged ({problem}): {remedy}")
    typed = {name: arrays[name].astype(np.int32 if name in _INTEGER else np.float32) for name in _SHAPES}
    return {"id": str(arrays["id"]), **typed}


def _find_problem(arrays: dict[str, npt.NDArray[np.generic]]) -> str | None:
    """Describe the first thing that is wrong with the arrays of a topology file."""
    lengths: dict[str | int, int] = {}
    for name, shape in _SHAPES.items():
        array = arrays[name]
        expected = tuple(
            lengths.setdefault(letter, size) if isinstance(letter, str) else letter
            for letter, size in zip(shape, array.shape, strict=False)
        )
        if len(shape) != array.ndim or array.shape != expected:
            return f"{name} has shape {array.shape}, expected {shape}"
        if array.dtype.kind not in "fiu":
            return f"{name} holds {array.dtype} instead of numbers"
    for name in ("faces_right", "wrist_loop", "coarse_vertices"):
        ids = arrays[name].astype(np.int64)
        if ids.min() < 0 or ids.max() >= lengths["V"]:
            return f"{name} has vertex ids outside 0..{lengths['V'] - 1}"
    return None


def boundary_loop(faces: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Vertex ids of the only boundary loop, in the direction of the faces' edges, starting with the smallest id.

    Raises
    ------
    ValueError
        If the mesh is closed or its boundary is not a single loop.
    """
    directed = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = {(int(first), int(second)) for first, second in directed}
    following = {first: second for first, second in edges if (second, first) not in edges}
    if not following:
        raise ValueError("the mesh is closed: it has no boundary loop")
    loop = [min(following)]
    # Where edges meet in a vertex, a walk along them may never return to its start, or end.
    while len(loop) <= len(following) and (vertex := following.get(loop[-1], loop[0])) != loop[0]:
        loop.append(vertex)
    if len(loop) != len(following) or loop[-1] not in following:
        raise ValueError(f"the boundary has {len(following)} vertices, but a loop closes after {len(loop)}")
    return np.array(loop)
