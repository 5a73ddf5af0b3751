"""The hand, the person and their skins, read from an assets folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from handos_model.files.images import read_image
from handos_model.files.npz import read_npz
from handos_model.geometry.arrays import FloatArray, ImageArray, IntArray
from handos_model.hand.hand import Handedness

SIDES: tuple[Handedness, Handedness] = ("left", "right")
HAND_FILE = Path("hand_cc0/right_hand.npz")
PERSON_FILE = Path("person_cc0/person.npz")
FORMAT_HELP = "docs/synthesis.md describes the format"


@dataclass(frozen=True)
class RiggedMesh:
    """A triangle mesh with a skeleton, skin weights and principal shape components, in metres."""

    vertices: FloatArray
    """(V, 3) mean shape at rest."""
    faces: IntArray
    """(F, 3)"""
    uv: FloatArray
    """(U, 2) texture coordinates, v down (up in the file)."""
    face_uv: IntArray
    """(F, 3) rows of `uv` for the corners of each face."""
    skin_weights: FloatArray
    """(V, B)"""
    bone_names: tuple[str, ...]
    bone_parents: IntArray
    """(B,) -1 for the root."""
    pivots: FloatArray
    """(B, 3) the point each bone rotates about, at rest."""
    shape_vertices: FloatArray
    """(S, V * 3) components of one standard deviation each."""
    shape_pivots: FloatArray
    """(S, B * 3)"""

    @cached_property
    def sparse_skin_weights(self) -> csr_array:
        """`skin_weights` as a sparse matrix: nearly all are 0, since a person has many bones."""
        return csr_array(self.skin_weights)

    def apply_shape(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Vertices (V, 3) and pivots (B, 3) at rest for shape coefficients (S,)."""
        vertices = self.vertices + (coefficients @ self.shape_vertices).reshape(-1, 3)
        pivots = self.pivots + (coefficients @ self.shape_pivots).reshape(-1, 3)
        return vertices, pivots


@dataclass(frozen=True)
class HandAsset:
    """The right hand with its forearm: origin at the wrist, +y to the middle knuckle, +z out of the palm."""

    mesh: RiggedMesh
    joints: FloatArray
    """(21, 3) at rest."""
    joint_regressor: FloatArray
    """(21, V)"""
    face_parts: npt.NDArray[np.uint8]
    """(F,) 0 = forearm, 1 = palm, 2..6 = thumb..pinky."""
    skins: tuple[ImageArray, ...]


@dataclass(frozen=True)
class PersonAsset:
    """A clothed person, y up, facing +z, with two of the hands above."""

    mesh: RiggedMesh
    face_labels: npt.NDArray[np.uint8]
    """(F,) indices into `label_names`."""
    label_names: tuple[str, ...]
    hand_vertices: dict[Handedness, IntArray]
    """(Vh,) for each side, the person's vertex for each vertex of the hand asset (mirrored for the left)."""
    face_parts: npt.NDArray[np.uint8]
    """(F,) as in `HandAsset`."""
    hand_rotation: FloatArray
    """(3, 3) from the axes of the hand asset to those of the person's right hand at rest."""
    skins: tuple[ImageArray, ...]


@dataclass(frozen=True)
class Assets:
    """The meshes and skins that scenes are built from."""

    hand: HandAsset
    person: PersonAsset

    @staticmethod
    def check(folder: Path) -> None:
        """Raise `FileNotFoundError` if `load` would miss the hand or the person, without reading them."""
        _require(folder, HAND_FILE)
        _require(folder, PERSON_FILE)

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        """Read an assets folder.

        Raises
        ------
        FileNotFoundError
            If a file is missing.
        """
        hand = _load_hand(folder)
        return cls(hand, _load_person(folder, hand))


def _require(folder: Path, name: Path) -> None:
    if not (folder / name).is_file():
        raise FileNotFoundError(
            f"{folder / name} is missing: give a folder with {HAND_FILE} and {PERSON_FILE} as --assets; {FORMAT_HELP}"
        )


def _read_arrays(folder: Path, name: Path) -> dict[str, npt.NDArray[np.generic]]:
    _require(folder, name)
    return read_npz(folder / name)


def _load_skins(folder: Path) -> tuple[ImageArray, ...]:
    paths = sorted([*folder.glob("*.png"), *folder.glob("*.jpg")])
    if not paths:
        raise FileNotFoundError(f"{folder} contains no skins (*.png, *.jpg): {FORMAT_HELP}")
    return tuple(read_image(path) for path in paths)


def _rigged_mesh(arrays: dict[str, npt.NDArray[np.generic]], pivots: str, shape_pivots: str) -> RiggedMesh:
    components = len(arrays["shape_vertices"])
    uv = arrays["uv"].astype(np.float32)
    return RiggedMesh(
        vertices=arrays["vertices"].astype(np.float32),
        faces=arrays["faces"].astype(np.int32),
        uv=np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1),
        face_uv=arrays["face_uv"].astype(np.int32),
        skin_weights=arrays["skin_weights"].astype(np.float32),
        bone_names=tuple(str(name) for name in arrays["bone_names"]),
        bone_parents=arrays["bone_parents"].astype(np.int32),
        pivots=arrays[pivots].astype(np.float32),
        shape_vertices=arrays["shape_vertices"].astype(np.float32).reshape(components, -1),
        shape_pivots=arrays[shape_pivots].astype(np.float32).reshape(components, -1),
    )


def _load_hand(folder: Path) -> HandAsset:
    arrays = _read_arrays(folder, HAND_FILE)
    mesh = _rigged_mesh(arrays, "pivots", "shape_pivots")
    return HandAsset(
        mesh=mesh,
        joints=arrays["joints"].astype(np.float32),
        joint_regressor=arrays["joint_regressor"].astype(np.float32),
        face_parts=_hand_parts(mesh),
        skins=_load_skins(folder / HAND_FILE.parent / "skins"),
    )


def _hand_parts(mesh: RiggedMesh) -> npt.NDArray[np.uint8]:
    """(F,) part of each face, by the bone with the largest skin weight."""
    part_of_bone = np.zeros(len(mesh.bone_names), np.uint8)
    for bone, name in enumerate(mesh.bone_names):
        if name.startswith("finger"):
            part_of_bone[bone] = 1 + int(name[len("finger")])
        elif name.startswith(("wrist", "metacarpal")):
            part_of_bone[bone] = 1
    return part_of_bone[mesh.skin_weights[mesh.faces].sum(axis=1).argmax(axis=1)]


def _load_person(folder: Path, hand: HandAsset) -> PersonAsset:
    arrays = _read_arrays(folder, PERSON_FILE)
    mesh = _rigged_mesh(arrays, "joints", "shape_joints")
    rotation, translation = _hand_alignment(mesh, hand)
    aligned = hand.mesh.vertices @ rotation.T + translation
    labels = arrays["face_label"].astype(np.uint8)
    names = tuple(str(name) for name in arrays["label_names"])
    vertices: dict[Handedness, IntArray] = {}
    for side, mirror in zip(SIDES, (-1, 1), strict=True):
        arm = [names.index(f"{part}.{side[0].upper()}") for part in ("forearm", "hand")]
        candidates = np.unique(mesh.faces[np.isin(labels, arm)])
        vertices[side] = _matching_vertices(mesh, candidates, aligned * np.array([mirror, 1, 1], np.float32))
    return PersonAsset(
        mesh=mesh,
        face_labels=labels,
        label_names=names,
        hand_vertices=vertices,
        face_parts=_person_parts(mesh, hand, vertices),
        hand_rotation=rotation,
        skins=_load_skins(folder / PERSON_FILE.parent / "skins"),
    )


def _hand_alignment(person: RiggedMesh, hand: HandAsset) -> tuple[FloatArray, FloatArray]:
    """Rotation (3, 3) and translation (3,) from the hand asset to the person's right hand, both at rest."""
    source = hand.mesh.pivots
    target = person.pivots[[person.bone_names.index(name) for name in hand.mesh.bone_names]]
    left, _, right = np.linalg.svd((target - target.mean(0)).T @ (source - source.mean(0)))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return rotation.astype(np.float32), (target.mean(0) - source.mean(0) @ rotation.T).astype(np.float32)


def _matching_vertices(mesh: RiggedMesh, candidates: IntArray, points: FloatArray) -> IntArray:
    """The vertex for each point, one-to-one: the person's mean shape is not exactly that of the hand."""
    squared = ((points[:, None, :] - mesh.vertices[candidates]) ** 2).sum(axis=2)
    return candidates[linear_sum_assignment(squared)[1]].astype(np.int32)


def _person_parts(mesh: RiggedMesh, hand: HandAsset, vertices: dict[Handedness, IntArray]) -> npt.NDArray[np.uint8]:
    """(F,) part of each of the person's faces, from the hand asset by the shared vertices."""
    parts = np.zeros(len(mesh.vertices), np.uint8)
    for side in vertices.values():
        for part in range(1, 7):
            parts[side[hand.mesh.faces[hand.face_parts == part]]] = part
    return parts[mesh.faces].min(axis=1)
