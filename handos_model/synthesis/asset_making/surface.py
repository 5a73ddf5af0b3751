"""Parts of the base mesh that the renderer shows, as triangles."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.asset_making.makehuman import BaseMesh
from handos_model.synthesis.asset_making.skeleton import Skeleton

LABELS: Final = (
    "head", "neck", "torso", "upperarm.L", "upperarm.R", "forearm.L", "forearm.R", "hand.L", "hand.R", "leg",
    "clothes", "eye", "skirt",
)  # fmt: skip
_HELPERS: Final = {"helper-tights": "clothes", "helper-skirt": "skirt", "helper-l-eye": "eye", "helper-r-eye": "eye"}
_BODY: Final = {
    "head": "head", "neck": "neck", "upperarm": "upperarm", "lowerarm": "forearm", "wrist": "hand",
    "metacarpal": "hand", "finger": "hand",
}  # fmt: skip
"""Labels of the skin by the beginning of the bone that moves it; clothes cover the rest of the body."""


@dataclass(frozen=True)
class Surface:
    """Triangles of a part of the base mesh, with vertices of their own."""

    vertices: IntArray
    """(V,) vertices of the base mesh, ascending."""
    faces: IntArray
    """(F, 3) rows of `vertices`."""
    uv: FloatArray
    """(U, 2) texture coordinates, v up."""
    face_uv: IntArray
    """(F, 3) rows of `uv`."""
    labels: npt.NDArray[np.uint8]
    """(F,) indices into `LABELS`."""


def person_surface(mesh: BaseMesh, skeleton: Skeleton) -> Surface:
    """Skin that clothes leave bare, clothes and eyes."""
    labels = quad_labels(mesh, skeleton)
    return _triangles(mesh, labels, labels >= 0)


def hand_surface(mesh: BaseMesh, skeleton: Skeleton) -> Surface:
    """The right hand with its forearm: the quads of which no corner moves with the upper arm."""
    corner_bones = skeleton.skin_weights.argmax(axis=1)[mesh.quads]
    of_hand = np.isin(corner_bones, skeleton.numbers("R")).all(axis=1) & (mesh.groups == "body")
    return _triangles(mesh, quad_labels(mesh, skeleton), of_hand)


def quad_labels(mesh: BaseMesh, skeleton: Skeleton) -> npt.NDArray[np.int8]:
    """(Q,) index into `LABELS` of each quad of the base mesh, -1 for those that are never visible."""
    bones = skeleton.skin_weights[mesh.quads].sum(axis=1).argmax(axis=1)
    of_bone = np.array([_label_of_bone(name) for name in skeleton.names], np.int8)
    labels = np.where(mesh.groups == "body", of_bone[bones], -1).astype(np.int8)
    for group, label in _HELPERS.items():
        labels[mesh.groups == group] = LABELS.index(label)
    return labels


def _label_of_bone(name: str) -> int:
    for beginning, label in _BODY.items():
        if name.startswith(beginning):
            return LABELS.index(label if label in LABELS else f"{label}.{name[-1]}")
    return -1


def _triangles(mesh: BaseMesh, labels: npt.NDArray[np.int8], kept: npt.NDArray[np.bool_]) -> Surface:
    triangles = mesh.quads[kept][:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    corners = mesh.quad_uv[kept][:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    vertices, faces = np.unique(triangles, return_inverse=True)
    rows, face_uv = np.unique(corners, return_inverse=True)
    return Surface(
        vertices=vertices.astype(np.int32),
        faces=faces.reshape(-1, 3).astype(np.int32),
        uv=mesh.uv[rows],
        face_uv=face_uv.reshape(-1, 3).astype(np.int32),
        labels=np.repeat(labels[kept], 2).astype(np.uint8),
    )
