"""OpenXR's hand of 26 joints (extension XR_EXT_hand_tracking), from the 21 joints.

The palm and the four metacarpals, which the 21 joints lack, are inferred from wrist and knuckles and marked untracked.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.geometry.quaternions import quaternions_from_matrices
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_NAMES, WRIST
from handos_model.retargeting.hand_frame import cross, hand_frame

_FINGERS: Final = ("index", "middle", "ring", "little")
OPENXR_JOINT_NAMES: Final[tuple[str, ...]] = (
    "palm",
    "wrist",
    *(f"thumb_{part}" for part in ("metacarpal", "proximal", "distal", "tip")),
    *(
        f"{finger}_{part}"
        for finger in _FINGERS
        for part in ("metacarpal", "proximal", "intermediate", "distal", "tip")
    ),
)
"""In the order of XrHandJointEXT."""

_METACARPAL_BASES: Final = (0.36, 0.37, 0.40, 0.43)
"""Where the metacarpals of index to little finger begin, as fractions of the way from wrist to knuckle: an adult's
carpal bones make up the rest."""
_THUMB_NAIL: Final = (-0.17, 0.71, -0.68)
"""Direction in the hand frame of a right hand in which the nail of the resting thumb faces."""
_MIN_RADIUS: Final = 0.001
"""Metres: OpenXR wants positive radii, and our fingertips lie on the skin."""
_MIN_BONE: Final = 1e-6
"""Metres: shorter bones have no direction."""

OPENXR_JOINTS_TRACKED: Final[npt.NDArray[np.bool_]] = np.array(
    [name != "palm" and (name.startswith("thumb") or not name.endswith("_metacarpal")) for name in OPENXR_JOINT_NAMES]
)
"""(26,) false where a joint is inferred: the palm and the metacarpals of the four fingers."""


@dataclass(frozen=True)
class OpenXRHand:
    """The 26 joints of one hand, in the order of `OPENXR_JOINT_NAMES` and in the frame of the 21 joints.

    Axes are OpenXR's: each joint's -z points along its bone towards the fingertip, +y out of the back of hand or nail.
    """

    positions: Float64Array
    """(26, 3) metres."""
    orientations: Float64Array
    """(26, 4) quaternions x, y, z, w."""
    radii: Float64Array | None
    """(26,) metres from each joint to the skin; ``None`` without a mesh."""


def openxr_hand(
    joints_3d: FloatArray | Float64Array, handedness: Handedness, vertices: FloatArray | None = None
) -> OpenXRHand:
    """The 26 joints of a hand.

    Parameters
    ----------
    joints_3d
        (21, 3) metres, any right-handed frame, such as the camera's.
    handedness
        Side of the hand.
    vertices
        (V, 3) metres in the same frame, for the radii; ``None`` without a mesh.

    Raises
    ------
    ValueError
        If the joints are not finite or the palm has no direction.
    """
    frame = hand_frame(joints_3d, handedness)
    joints = np.asarray(joints_3d, np.float64)
    back = _axes_along(frame[:, 2], -frame[:, 0])
    wrist = joints[WRIST]
    chains = [_thumb(joints, frame, handedness)]
    chains += [_finger(joints, finger, base, back) for finger, base in enumerate(_METACARPAL_BASES, start=1)]
    middle = chains[2][0]
    palm = 0.5 * (middle[0] + middle[1])
    positions = np.vstack([palm, wrist, *(points for points, _ in chains)])
    rotations = np.concatenate([np.stack([back, back]), *(axes for _, axes in chains)])
    return OpenXRHand(positions, quaternions_from_matrices(rotations), _radii(positions, vertices))


def _thumb(joints: Float64Array, frame: Float64Array, handedness: Handedness) -> tuple[Float64Array, Float64Array]:
    """Points (4, 3) and axes (4, 3, 3) of the thumb, from the base of its metacarpal to its tip."""
    points = joints[1:5]
    mirrored = 1.0 if handedness == "right" else -1.0
    nail = frame @ (np.array(_THUMB_NAIL) * (1.0, mirrored, 1.0))
    return points, _axes_outwards(points, _axes_along(points[1] - points[0], nail))


def _finger(joints: Float64Array, finger: int, base: float, back: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Points (5, 3) and axes (5, 3, 3) of a finger, from the base of its metacarpal to its tip."""
    first = JOINT_NAMES.index("index_mcp") + 4 * (finger - 1)
    wrist, knuckle = joints[WRIST], joints[first]
    points = np.vstack([wrist + base * (knuckle - wrist), joints[first : first + 4]])
    return points, _axes_outwards(points, _axes_along(knuckle - wrist, back[:, 1]))


def _axes_outwards(points: Float64Array, first: Float64Array) -> Float64Array:
    """Axes at each point of a chain: those of the first bone, turned from bone to bone without twist.

    The tip has those of the last bone.
    """
    axes = [first]
    for bone in np.diff(points, axis=0)[1:]:
        axes.append(_turned(axes[-1], bone))
    return np.stack([*axes, axes[-1]])


def _turned(axes: Float64Array, bone: Float64Array) -> Float64Array:
    """Axes (3, 3), turned by the smallest rotation that aligns -z with a bone (3,)."""
    length = np.linalg.norm(bone)
    if length < _MIN_BONE:
        return axes
    old, new = -axes[:, 2], bone / length
    normal, cosine = cross(old, new), float(old @ new)
    if cosine < -1 + 1e-9:  # folded back onto itself: about x, as a finger bends
        return axes * (1.0, -1.0, -1.0)
    x, y, z = normal.tolist()
    turn = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + turn + turn @ turn / (1 + cosine)
    return np.asarray(rotation @ axes)


def _axes_along(forward: Float64Array, up: Float64Array) -> Float64Array:
    """Axes (3, 3), as columns, with -z along `forward` and y as close to `up` as possible."""
    z_axis = -forward / max(float(np.linalg.norm(forward)), _MIN_BONE)
    x_axis = cross(up, z_axis)
    x_axis = x_axis / max(float(np.linalg.norm(x_axis)), _MIN_BONE)
    return np.stack([x_axis, cross(z_axis, x_axis), z_axis], axis=1)


def _radii(positions: Float64Array, vertices: FloatArray | None) -> Float64Array | None:
    if vertices is None or not len(vertices):
        return None
    offsets = positions[:, None, :] - np.asarray(vertices, np.float64)[None]
    return np.asarray(np.linalg.norm(offsets, axis=2).min(axis=1).clip(min=_MIN_RADIUS))
