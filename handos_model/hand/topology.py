"""`HandTopology`: the fixed mesh that the model's vertices belong to."""

import zipfile
import zlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, JOINT_PARENTS

IntArray = npt.NDArray[np.int32]

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
"""Arrays of a topology file; equal letters mean equal lengths."""
_INTEGER = frozenset({"faces_right", "wrist_loop", "coarse_vertices", "source_vertices"})


@dataclass(frozen=True)
class HandTopology:
    """Faces, skeleton and fixed matrices of a hand mesh with V vertices.

    The mesh is closed but for one loop at the wrist. A left hand has the same vertices, mirrored, and the faces turned
    round.
    """

    id: str
    """Names the vertex order: results of different topologies cannot be mixed."""
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
    """(C,) vertex ids of the subset that stands for the whole mesh."""
    upsampling: FloatArray
    """(V, C) vertices = upsampling x coarse vertices; rows sum to 1."""
    source_vertices: IntArray
    """(V, 3) vertex ids, in the full-resolution hand, of the triangle that each vertex lies in."""
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
        """Read a topology file; by default the 778-vertex hand that belongs to the package.

        Raises
        ------
        FileNotFoundError
            If the file is missing.
        ValueError
            If it is damaged or does not hold a topology.
        """
        if path is None:
            path = Path(str(resources.files("handos_model.hand") / "hand_778.npz"))
        return cls(**_read_checked(path))


def _read_checked(path: Path) -> dict[str, Any]:
    remedy = "reinstall the package, or make the file anew with `python -m handos_model.hand.derive_topology`"
    if not path.is_file():
        raise FileNotFoundError(f"hand topology {path} is missing: {remedy}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*_SHAPES, "id")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"hand topology {path} cannot be read ({error}): {remedy}") from error
    problem = _problem_of(arrays)
    if problem is not None:
        raise ValueError(f"hand topology {path} is damaged ({problem}): {remedy}")
    typed = {name: arrays[name].astype(np.int32 if name in _INTEGER else np.float32) for name in _SHAPES}
    return {"id": str(arrays["id"]), **typed}


def _problem_of(arrays: dict[str, npt.NDArray[np.generic]]) -> str | None:
    """What is wrong with the arrays of a topology file, in words."""
    lengths: dict[str | int, int] = {}
    for name, shape in _SHAPES.items():
        array = arrays[name]
        expected = tuple(
            lengths.setdefault(letter, size) if isinstance(letter, str) else letter
            for letter, size in zip(shape, array.shape, strict=False)
        )
        if len(shape) != array.ndim or array.shape != expected:
            return f"{name} has shape {array.shape}, expected {shape}"
        if not np.isfinite(array.astype(np.float64)).all():
            return f"{name} holds values that are not finite"
    for name in ("faces_right", "wrist_loop", "coarse_vertices"):
        ids = arrays[name].astype(np.int64)
        if ids.min() < 0 or ids.max() >= lengths["V"]:
            return f"{name} names vertices outside of 0..{lengths['V'] - 1}"
    return None
