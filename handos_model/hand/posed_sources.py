"""Random shapes and poses of the full-resolution hand, to fit matrices that must hold in all of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Floats = npt.NDArray[np.float64]

FINGERTIP_JOINTS = {"finger1": 4, "finger2": 8, "finger3": 12, "finger4": 16, "finger5": 20}
PALM_CENTRE = np.array([-0.01, 0.07, 0.03])
"""Metres, in front of the palm: where the thumb bends to."""

FINGER_FLEXION = (-0.2, 1.5)
THUMB_FLEXION = (-0.3, 0.8)
LOOSENESS = 0.12
"""Radians, standard deviation of every bone's turn about any axis, on top of flexion."""
WRIST_LOOSENESS = 0.4


@dataclass(frozen=True)
class SourceHand:
    """The full-resolution right hand: mean shape, skinning and shape components, in metres."""

    vertices: Floats
    """(S, 3) mean shape."""
    faces: npt.NDArray[np.int64]
    """(T, 3)."""
    joints: Floats
    """(21, 3) annotated joints of the mean shape."""
    joint_regressor: Floats
    """(21, S)."""
    skin_weights: Floats
    """(S, B)."""
    pivots: Floats
    """(B, 3) the point each bone turns about."""
    shape_vertices: Floats
    """(P, S, 3) principal components, scaled to one standard deviation."""
    shape_pivots: Floats
    """(P, B, 3)."""
    bone_names: tuple[str, ...]
    bone_parents: tuple[int, ...]

    @classmethod
    def read(cls, assets: Path) -> "SourceHand":
        """Read ``right_hand.npz`` of the folder of training assets.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        path = assets / "right_hand.npz"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: give the folder of the hand assets with --assets")
        with np.load(path) as file:
            floats = {
                name: file[name].astype(np.float64)
                for name in (
                    "vertices",
                    "joints",
                    "joint_regressor",
                    "skin_weights",
                    "pivots",
                    "shape_vertices",
                    "shape_pivots",
                )
            }
            return cls(
                faces=file["faces"].astype(np.int64),
                bone_names=tuple(file["bone_names"].tolist()),
                bone_parents=tuple(file["bone_parents"].tolist()),
                **floats,
            )


def random_hands(source: SourceHand, count: int, seed: int) -> Floats:
    """(count, S, 3) vertices of random people's hands in random poses, metres."""
    random = np.random.default_rng(seed)
    return np.stack([_random_hand(source, random) for _ in range(count)])


def _random_hand(source: SourceHand, random: np.random.Generator) -> Floats:
    shape = random.standard_normal(len(source.shape_vertices))
    vertices = source.vertices + np.tensordot(shape, source.shape_vertices, axes=1)
    pivots = source.pivots + np.tensordot(shape, source.shape_pivots, axes=1)
    return _skinned(source, vertices, pivots, _random_rotations(source, random))


def _random_rotations(source: SourceHand, random: np.random.Generator) -> Floats:
    """(B, 3, 3) turn of each bone relative to its parent."""
    turns = LOOSENESS * random.standard_normal((len(source.bone_names), 3))
    for bone, name in enumerate(source.bone_names):
        if name.startswith("finger"):
            limits = THUMB_FLEXION if name.startswith("finger1") else FINGER_FLEXION
            turns[bone] += random.uniform(*limits) * _flexion_axis(source, bone)
        elif name.startswith("wrist"):
            turns[bone] *= WRIST_LOOSENESS / LOOSENESS
    return np.asarray(Rotation.from_rotvec(turns).as_matrix())


def _flexion_axis(source: SourceHand, bone: int) -> Floats:
    name = source.bone_names[bone]
    along = source.joints[FINGERTIP_JOINTS[name.split("-")[0]]] - source.pivots[bone]
    towards = PALM_CENTRE - source.pivots[bone] if name.startswith("finger1") else np.array([0.0, 0.0, 1.0])
    axis = np.cross(along, towards)
    return np.asarray(axis / np.linalg.norm(axis))


def _skinned(source: SourceHand, vertices: Floats, pivots: Floats, rotations: Floats) -> Floats:
    """Linear blend skinning."""
    transforms = np.tile(np.eye(4), (len(pivots), 1, 1))
    for bone, parent in enumerate(source.bone_parents):
        transforms[bone, :3, :3] = rotations[bone]
        transforms[bone, :3, 3] = pivots[bone] - rotations[bone] @ pivots[bone]
        if parent >= 0:
            transforms[bone] = transforms[parent] @ transforms[bone]
    blended = np.tensordot(source.skin_weights, transforms[:, :3], axes=1)
    return np.asarray(np.einsum("sij,sj->si", blended[:, :, :3], vertices) + blended[:, :, 3])
