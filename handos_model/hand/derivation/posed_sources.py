"""Random shapes and poses of the full-resolution hand, on which the matrices are fitted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from handos_model.files.npz import read_npz
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import FINGERTIPS

FINGERTIP_JOINTS = {f"finger{number}": joint for number, joint in enumerate(FINGERTIPS, start=1)}
PALM_CENTRE = np.array([-0.01, 0.07, 0.03])
"""Metres, in front of the palm: the thumb bends towards it."""

FINGER_FLEXION = (-0.2, 1.5)
THUMB_FLEXION = (-0.3, 0.8)
"""Radians, range for each joint."""
ROTATION_SIGMA = 0.12
"""Radians, standard deviation of every bone's rotation about each axis, in addition to flexion."""
WRIST_ROTATION_SIGMA = 0.4
"""The same for the wrist."""

_FLOAT_ARRAYS = (
    "vertices", "joints", "joint_regressor", "skin_weights", "pivots", "shape_vertices", "shape_pivots",
)  # fmt: skip


@dataclass(frozen=True)
class SourceHand:
    """The full-resolution right hand: mean shape, skinning and shape components, in metres."""

    vertices: Float64Array
    """(S, 3) mean shape."""
    faces: npt.NDArray[np.int64]
    """(T, 3)."""
    joints: Float64Array
    """(21, 3) annotated joints of the mean shape."""
    joint_regressor: Float64Array
    """(21, S)."""
    skin_weights: Float64Array
    """(S, B)."""
    pivots: Float64Array
    """(B, 3) the point each bone rotates about."""
    shape_vertices: Float64Array
    """(P, S, 3) principal components, scaled to one standard deviation."""
    shape_pivots: Float64Array
    """(P, B, 3)."""
    bone_names: tuple[str, ...]
    bone_parents: tuple[int, ...]

    @classmethod
    def read(cls, assets: Path) -> "SourceHand":
        """Read ``right_hand.npz`` from the folder of the hand assets.

        Raises
        ------
        FileNotFoundError
            If it is missing.
        """
        path = assets / "right_hand.npz"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: give the folder of the hand assets as --assets")
        arrays = read_npz(path)
        floats = {name: arrays[name].astype(np.float64) for name in _FLOAT_ARRAYS}
        return cls(
            faces=arrays["faces"].astype(np.int64),
            bone_names=tuple(arrays["bone_names"].tolist()),
            bone_parents=tuple(arrays["bone_parents"].tolist()),
            **floats,
        )


def random_hands(source: SourceHand, count: int, seed: int) -> Float64Array:
    """(count, S, 3) vertices of hands of random shape and pose, metres."""
    rng = np.random.default_rng(seed)
    return np.stack([_random_hand(source, rng) for _ in range(count)])


def _random_hand(source: SourceHand, rng: np.random.Generator) -> Float64Array:
    shape = rng.standard_normal(len(source.shape_vertices))
    vertices = source.vertices + np.tensordot(shape, source.shape_vertices, axes=1)
    pivots = source.pivots + np.tensordot(shape, source.shape_pivots, axes=1)
    return _skin(source, vertices, pivots, _random_rotations(source, rng))


def _random_rotations(source: SourceHand, rng: np.random.Generator) -> Float64Array:
    """(B, 3, 3) rotation of each bone relative to its parent."""
    vectors = ROTATION_SIGMA * rng.standard_normal((len(source.bone_names), 3))
    for bone, name in enumerate(source.bone_names):
        if name.startswith("finger"):
            limits = THUMB_FLEXION if name.startswith("finger1") else FINGER_FLEXION
            vectors[bone] += rng.uniform(*limits) * _flexion_axis(source, bone)
        elif name.startswith("wrist"):
            vectors[bone] *= WRIST_ROTATION_SIGMA / ROTATION_SIGMA
    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())


def _flexion_axis(source: SourceHand, bone: int) -> Float64Array:
    name = source.bone_names[bone]
    along = source.joints[FINGERTIP_JOINTS[name.split("-")[0]]] - source.pivots[bone]
    towards = PALM_CENTRE - source.pivots[bone] if name.startswith("finger1") else np.array([0.0, 0.0, 1.0])
    axis = np.cross(along, towards)
    return np.asarray(axis / np.linalg.norm(axis))


def _skin(source: SourceHand, vertices: Float64Array, pivots: Float64Array, rotations: Float64Array) -> Float64Array:
    """Linear blend skinning: (S, 3) posed vertices."""
    transforms = np.tile(np.eye(4), (len(pivots), 1, 1))
    for bone, parent in enumerate(source.bone_parents):
        transforms[bone, :3, :3] = rotations[bone]
        transforms[bone, :3, 3] = pivots[bone] - rotations[bone] @ pivots[bone]
        if parent >= 0:
            transforms[bone] = transforms[parent] @ transforms[bone]
    blended = np.tensordot(source.skin_weights, transforms[:, :3], axes=1)
    return np.asarray(np.einsum("sij,sj->si", blended[:, :, :3], vertices) + blended[:, :, 3])
