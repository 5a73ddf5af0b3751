"""Where joints lie: as in the hand mesh, or as in MediaPipe, whose joints can be moved to where the mesh has them.

The same names mean other places: MediaPipe's wrist lies in the heel of the hand and its fingertips under the nails; the
mesh's wrist is the joint between hand and forearm, its fingertips are the ends of the fingers. A network that learns
its meshes from renders and its 2D joints from MediaPipe's labels explains the difference by palms that are too short
and fingers that bend too far.
"""

from typing import Final, Literal, get_args

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_NAMES

JointConvention = Literal["mesh", "mediapipe"]

Step = tuple[float, str, str]
"""Fraction, from, to: a joint moves by this fraction of the way between two of MediaPipe's joints."""

STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "wrist": ((0.19, "middle_mcp", "wrist"),),
    "thumb_cmc": (
        (-0.95, "wrist", "thumb_cmc"),
        (0.54, "thumb_cmc", "thumb_mcp"),
        (0.28, "pinky_mcp", "index_mcp"),
    ),
    "thumb_mcp": ((-0.25, "thumb_cmc", "thumb_mcp"),),
    "thumb_ip": ((0.15, "thumb_ip", "thumb_tip"),),
    "thumb_tip": ((0.41, "thumb_ip", "thumb_tip"),),
    "index_mcp": ((0.28, "index_mcp", "index_pip"),),
    "index_tip": ((0.45, "index_dip", "index_tip"),),
    "middle_mcp": ((0.18, "middle_mcp", "middle_pip"),),
    "middle_tip": ((0.41, "middle_dip", "middle_tip"),),
    "ring_mcp": ((0.19, "ring_mcp", "ring_pip"),),
    "ring_tip": ((0.46, "ring_dip", "ring_tip"),),
    "pinky_mcp": ((0.31, "pinky_mcp", "pinky_pip"),),
    "pinky_tip": ((0.35, "pinky_dip", "pinky_tip"),),
}
"""What `benchmarks/joint_conventions.py` fits to rendered hands whose joints are known; other joints coincide."""


def require_convention(convention: str) -> None:
    """Raise `ValueError` if there is no such convention."""
    if convention not in get_args(JointConvention):
        raise ValueError(f"joint convention {convention!r} is unknown: use {' or '.join(get_args(JointConvention))}")


def to_mesh_joints(joints: FloatArray, convention: JointConvention) -> FloatArray:
    """The joints where the hand mesh has them.

    Parameters
    ----------
    joints
        (21, 2) or (21, 3), in the order of `JOINT_NAMES`, pixels or metres: sums of differences of joints mean the same
        in any view, as long as the hand is small compared with its distance.
    convention
        Where they are now.

    Returns
    -------
    FloatArray
        Of the same shape, unit and frame.
    """
    if convention == "mesh":
        return joints
    moved = np.array(joints, np.float32)
    for name, steps in STEPS.items():
        for fraction, start, end in steps:
            moved[_INDEX[name]] += fraction * (joints[_INDEX[end]] - joints[_INDEX[start]])
    return moved


_INDEX: Final = {name: number for number, name in enumerate(JOINT_NAMES)}
