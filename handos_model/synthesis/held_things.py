"""Things that hands hold: handles, cups, phones, papers and plates, as large as a hand's pose leaves room for."""

from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.occluders import box_mesh, cylinder_mesh
from handos_model.synthesis.scene import Scene

HELD_PROBABILITY: Final = 0.75
"""Of each hand, if there are held things in a scene."""
TIGHT_GRASP, WIDE_GRASP = 0.035, 0.075
"""Metres between palm and fingertips: of a hand around a handle, and of one that is too open for a cup."""
PINCH: Final = 0.035
"""Metres between the tips of thumb and index finger that hold a sheet of paper."""
SKIN: Final = 0.009
"""Metres from a finger's bones to its skin."""
_KNUCKLES: Final = [JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "ring", "pinky")]
_TIPS: Final = [JOINT_NAMES.index(f"{finger}_tip") for finger in ("index", "middle", "ring")]
_THUMB_TIP, _INDEX_TIP = JOINT_NAMES.index("thumb_tip"), JOINT_NAMES.index("index_tip")


class HeldThings:
    """Puts things into the hands of scenes.

    Parameters
    ----------
    joint_regressor
        (21, V) of the scene's hands.
    materials
        What things are made of.
    """

    def __init__(self, joint_regressor: FloatArray, materials: MaterialLibrary) -> None:
        self._regressor, self._materials = joint_regressor, materials

    def put_in(self, rng: np.random.Generator, scene: Scene) -> None:
        """Give most of the scene's hands something to hold that suits their pose."""
        for hand in scene.hands:
            if rng.random() >= HELD_PROBABILITY:
                continue
            joints = np.asarray(self._regressor @ hand.vertices, np.float64)
            material = scene.add_material(self._materials.sample_occluder(rng))
            across, outwards, grasp = grasp_frame(joints, is_right=hand.side == "right")
            if np.linalg.norm(joints[_THUMB_TIP] - joints[_INDEX_TIP]) < PINCH and rng.random() < 0.7:
                scene.meshes.append(box_mesh(*_sheet(rng, joints), material))
            elif grasp < WIDE_GRASP:
                scene.meshes.append(cylinder_mesh(*_handle_or_cup(rng, joints, across, outwards, grasp), material))
            else:
                scene.meshes.append(box_mesh(*_slab(rng, joints, across, outwards), material))


def grasp_frame(joints: Float64Array, *, is_right: bool) -> tuple[Float64Array, Float64Array, float]:
    """Two unit vectors (3,), across the palm and out of it, and the distance in metres from palm to fingertips.

    Parameters
    ----------
    joints
        (21, 3) metres, camera coordinates.
    is_right
        Whether it is a right hand.
    """
    knuckles = joints[_KNUCKLES]
    across = _unit(knuckles[0] - knuckles[-1])
    along = knuckles.mean(axis=0) - joints[0]
    outwards = _unit(np.cross(across, along)) * (1 if is_right else -1)
    grasp = float(np.linalg.norm(joints[_TIPS].mean(axis=0) - _palm(joints)))
    return across, outwards, grasp


_Placed = tuple[Float64Array, Float64Array, Float64Array]
"""Centre (3,), axes (3, 3) as columns, and extents (3,) along them, metres."""


def _handle_or_cup(
    rng: np.random.Generator, joints: Float64Array, across: Float64Array, outwards: Float64Array, grasp: float
) -> _Placed:
    """A cylinder through the grasp: long and thin in a tight one, a cup or bottle in a wider one."""
    tight = grasp < TIGHT_GRASP
    radius = rng.uniform(0.004, 0.016) if tight else max(0.012, grasp / 2 - SKIN) * rng.uniform(0.8, 1.1)
    length = rng.uniform(0.12, 0.5) if tight else rng.uniform(0.08, 0.22)
    centre = _palm(joints) + (SKIN + radius) * outwards
    axis = _unit(across + rng.normal(0, 0.12, 3))
    centre = centre + rng.uniform(-0.3, 0.3) * (length - 0.08) * axis
    return centre, _axes_around(axis, outwards), np.array([2 * radius, 2 * radius, length])


def _slab(rng: np.random.Generator, joints: Float64Array, across: Float64Array, outwards: Float64Array) -> _Placed:
    """A phone, book or plate that lies on palm and fingers."""
    extents = rng.uniform([0.004, 0.06, 0.1], [0.03, 0.2, 0.28])
    centre = 0.5 * joints[_KNUCKLES].mean(axis=0) + 0.5 * joints[_TIPS].mean(axis=0)
    centre = centre + (SKIN + extents[0] / 2) * outwards + rng.normal(0, 0.015, 3)
    angle = rng.normal(0 if rng.random() < 0.5 else np.pi / 2, 0.4)
    longest = np.cos(angle) * across + np.sin(angle) * np.cross(across, outwards)
    return centre, _axes_around(longest, outwards), extents


def _sheet(rng: np.random.Generator, joints: Float64Array) -> _Placed:
    """A paper or card that thumb and index finger hold at its edge."""
    between = (joints[_THUMB_TIP] + joints[_INDEX_TIP]) / 2
    normal = _unit(joints[_INDEX_TIP] - joints[_THUMB_TIP] + rng.normal(0, 0.004, 3))
    finger = joints[_INDEX_TIP] - joints[_KNUCKLES[0]]
    away = _unit(finger - (finger @ normal) * normal)
    extents = np.array([0.001, *rng.uniform([0.06, 0.08], [0.22, 0.3])])
    centre = between + (extents[1] / 2 - 0.015) * away + rng.uniform(-0.4, 0.4) * extents[2] * np.cross(normal, away)
    return centre, np.stack([normal, away, np.cross(normal, away)], axis=1), extents


def _palm(joints: Float64Array) -> Float64Array:
    """(3,) a point in the palm, nearer to the knuckles than to the wrist."""
    return np.asarray(0.7 * joints[_KNUCKLES].mean(axis=0) + 0.3 * joints[0], np.float64)


def _axes_around(axis: Float64Array, near: Float64Array) -> Float64Array:
    """(3, 3) columns: `near` made perpendicular to `axis`, a third one, and `axis` itself."""
    first = _unit(near - (near @ axis) * axis)
    return np.stack([first, np.cross(axis, first), axis], axis=1)


def _unit(vector: Float64Array) -> Float64Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float64)
