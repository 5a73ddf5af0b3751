"""Random hand poses within anatomical limits: gestures, blends of them, correlated and independent finger curls."""

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.assets import HandAsset
from handos_model.synthesis.gestures import GESTURES, Gesture
from handos_model.synthesis.rotations import rotation_matrices
from handos_model.synthesis.skinning import bone_transforms

FINGER_MIN = np.array([-30.0, -4.0])
FINGER_MAX = np.array([90.0, 108.0])
"""Degrees of flexion (mcp, pip)."""
THUMB_MIN = np.array([-35.0, -25.0, -15.0, -20.0, -25.0])
THUMB_MAX = np.array([35.0, 38.0, 38.0, 50.0, 75.0])
"""Degrees, as in `Gesture.thumb`."""
MAX_SEPARATION_STEPS = 13
"""A pose whose fingers intersect is opened a little, up to this many times."""
CONTACT_RATIO = 0.62
"""Spheres closer than this fraction of the sum of their radii intersect: flesh is soft."""
THUMB, PALM = 0, 5
"""Indices in contact matrices; the fingers are 1..4."""


@dataclass(frozen=True)
class HandAngles:
    """Joint angles of one hand in degrees, as in `Gesture`."""

    fingers: np.ndarray
    """(4, 4) mcp, pip and dip flexion, mcp abduction of index..pinky."""
    thumb: np.ndarray
    """(5,) as in `Gesture.thumb`."""
    wrist: np.ndarray
    """(3,) flexion, radial deviation (towards the thumb), forearm twist."""


class HandPoser:
    """Samples bone rotations of the hand asset."""

    def __init__(self, asset: HandAsset) -> None:
        self._asset = asset
        self._bones = {name: bone for bone, name in enumerate(asset.mesh.bone_names)}

    def sample(self, rng: np.random.Generator) -> FloatArray:
        """(B, 3, 3) local rotations of the bones of a right hand."""
        return self.rotations(self.separated(sample_angles(rng)))

    def separated(self, angles: HandAngles) -> HandAngles:
        """The pose, opened until its fingers no longer intersect."""
        for _ in range(MAX_SEPARATION_STEPS):
            contacts = self.contacts(self.rotations(angles))
            if not contacts.any():
                break
            angles = _separate(angles, contacts)
        return angles

    def rotations(self, angles: HandAngles) -> FloatArray:
        """(B, 3, 3) local rotations for joint angles."""
        fingers, count = angles.fingers, len(self._bones)
        # The bones' rotations, then the abductions of the fingers and the five rotations of the thumb.
        vectors = np.zeros((count + 9, 3))
        flexion = np.radians(fingers[:, :3] - self._rest_flexion)
        vectors[self._finger_bones[1:]] = flexion[..., None] * self._flexion_axes[:, None]
        # The two outer metacarpals move with the flexion of ring finger and pinky: the palm cups.
        cupping = np.radians((0.06, 0.14) * np.maximum(fingers[2:, 0], 0.0))
        vectors[self._outer_metacarpals] = cupping[:, None] * (1.0, 0.25, 0.0)
        flexion, deviation, twist = np.radians(angles.wrist).tolist()
        vectors[self._bones["wrist.R"]] = flexion, twist * 0.5, -deviation
        vectors[self._bones["lowerarm02.R"], 1] = twist * 0.5
        # Abduction is about the palm's normal; its effect fades as the mcp joint flexes.
        fade = np.cos(np.radians(np.clip(fingers[:, 0], 0, 90)))
        vectors[count : count + 4, 2] = np.radians(-fingers[:, 3] * fade)
        vectors[count + 4 :] = self._thumb_rotation_axes * np.radians(angles.thumb)[:, None]
        matrices = rotation_matrices(vectors)
        first_bones = self._finger_bones[1:, 0]
        matrices[first_bones] = matrices[count : count + 4] @ matrices[first_bones]
        cmc, abduction, thumb_twist, mcp, ip = matrices[count + 4 :]
        matrices[self._finger_bones[0]] = cmc @ abduction @ thumb_twist, mcp, ip
        return matrices[:count].astype(np.float32)

    @cached_property
    def _finger_bones(self) -> np.ndarray:
        """(5, 3) bones of each finger, thumb first."""
        return np.array([[self._bones[f"finger{finger}-{k}.R"] for k in (1, 2, 3)] for finger in range(1, 6)])

    @cached_property
    def _outer_metacarpals(self) -> list[int]:
        """Bones of ring finger and pinky."""
        return [self._bones["metacarpal3.R"], self._bones["metacarpal4.R"]]

    @cached_property
    def _chains(self) -> np.ndarray:
        """(5, 4, 3) pivots of the three bones and the tip of each finger at rest, thumb first."""
        pivots, joints = self._asset.mesh.pivots, self._asset.joints
        chains = []
        for finger in range(5):
            chains.append(np.vstack([pivots[self._finger_bones[finger]], joints[4 * finger + 4]]))
        return np.array(chains, np.float64)

    @cached_property
    def _flexion_axes(self) -> np.ndarray:
        """(4, 3) axes about which positive rotations bend the fingers towards the palm."""
        directions = self._chains[1:, 3] - self._chains[1:, 0]
        axes = np.cross(directions, [0.0, 0.0, 1.0])
        return axes / np.linalg.norm(axes, axis=1, keepdims=True)

    @cached_property
    def _rest_flexion(self) -> np.ndarray:
        """(4, 3) degrees of flexion at rest (mcp, pip, dip), from the slopes of the bones."""
        bones = np.diff(self._chains[1:], axis=1)
        slope = np.degrees(np.arctan2(bones[..., 2], np.linalg.norm(bones[..., :2], axis=-1)))
        slope[:, 1:] -= slope[:, :-1].copy()
        # The last pivot lies near the back of the finger and the tip on its skin, which exaggerates the slope.
        slope[:, 2] = np.clip(slope[:, 2], -4, 4)
        return slope

    @cached_property
    def _thumb_rotation_axes(self) -> np.ndarray:
        """(5, 3) of the thumb's rotations, as in `Gesture.thumb`: cmc across, away from and along itself, mcp, ip."""
        along = self._chains[0, 1] - self._chains[0, 0]
        along /= np.linalg.norm(along)
        flexion = self._thumb_flexion_axis
        away = np.cross(along, flexion)
        return np.stack([flexion, away / np.linalg.norm(away), along, flexion, flexion])

    @cached_property
    def _thumb_flexion_axis(self) -> np.ndarray:
        bones = np.diff(self._chains[0], axis=0)
        axis = np.cross(bones[0], bones[1]) + np.cross(bones[1], bones[2])
        return axis / np.linalg.norm(axis)

    def contacts(self, rotations: FloatArray) -> np.ndarray:
        """(6, 6) which of thumb..pinky and palm, approximated by spheres, intersect.

        An intersection is in the row of the one that lies further out from the palm there: the thumb's if it lies on
        the fingers of a fist, a finger's if the thumb is tucked in under it.
        """
        transforms = bone_transforms(self._asset.mesh.bone_parents, self._asset.mesh.pivots, rotations)
        outward = transforms[self._bones["wrist.R"], :, 2].astype(np.float64)
        return np.asarray(_sphere_contacts(transforms, *self._spheres, outward))

    @cached_property
    def _spheres(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Centres (n, 3) at rest of spheres for fingers and palm, with the bone, radius (metres) and finger of each."""
        joints = self._asset.joints.astype(np.float64)
        # (centre, bone, radius, finger); the thumb's metacarpal is part of the palm and has none.
        spheres: list[tuple[np.ndarray, int, float, int]] = []
        for finger, segment in [(f, s) for f in range(5) for s in range(3) if (f, s) != (0, 0)]:
            start, end = joints[4 * finger + 1 + segment], joints[4 * finger + 2 + segment]
            bone = self._bones[f"finger{finger + 1}-{segment + 1}.R"]
            radius = (0.0105 if finger == 0 else 0.0085) - 0.001 * segment
            spheres += [(start + t * (end - start), bone, radius, finger) for t in (0.35, 0.65, 0.95)]
        wrist = self._bones["wrist.R"]
        for mcp, neighbour in ((5, 9), (9, 13), (13, 17)):
            for t in (0.45, 0.65, 0.85):
                centre = t * joints[mcp] + 0.5 * t * (joints[neighbour] - joints[mcp])
                spheres.append((centre, wrist, 0.013, PALM))
        centres, bones, radii, fingers = zip(*spheres, strict=True)
        return np.array(centres), np.array(bones), np.array(radii), np.array(fingers)


@numba.njit(cache=True)
def _sphere_contacts(transforms, centres, bones, radii, fingers, outward):  # type: ignore[no-untyped-def]
    """(6, 6) which fingers have intersecting spheres, in the row of the one farther out: see `HandPoser.contacts`."""
    posed = np.empty_like(centres)
    heights = np.zeros(len(centres))
    for n in range(len(centres)):
        for i in range(3):
            posed[n, i] = transforms[bones[n], i, 3]
            for j in range(3):
                posed[n, i] += transforms[bones[n], i, j] * centres[n, j]
            heights[n] += posed[n, i] * outward[i]
    contacts = np.zeros((6, 6), np.bool_)
    for a in range(len(centres)):
        for b in range(len(centres)):
            if fingers[a] == fingers[b] or heights[a] < heights[b]:
                continue
            x, y, z = posed[a, 0] - posed[b, 0], posed[a, 1] - posed[b, 1], posed[a, 2] - posed[b, 2]
            if np.sqrt(x * x + y * y + z * z) < CONTACT_RATIO * (radii[a] + radii[b]):
                contacts[fingers[a], fingers[b]] = True
    return contacts


def _separate(angles: HandAngles, contacts: np.ndarray) -> HandAngles:
    """Open a pose a little: uncurl fingers off palm and thumb, lift the thumb, spread neighbouring fingers."""
    fingers, thumb = angles.fingers.copy(), angles.thumb.copy()
    # Which one lies further out matters between thumb and fingers only: a finger can be deep inside the palm.
    touching = contacts | contacts.T
    for finger in range(1, 5):
        if touching[finger, PALM] or contacts[finger, THUMB]:
            fingers[finger - 1, 1:3] -= (6.0, 5.0)
        for other in range(finger + 1, 5):
            if touching[finger, other]:
                fingers[finger - 1, 3] += 2.0
                fingers[other - 1, 3] -= 2.0
    if contacts[THUMB].any() or touching[THUMB, PALM]:
        thumb += (-4.0, 5.0, 0.0, -1.0, -3.0)
    return HandAngles(fingers, thumb.clip(THUMB_MIN, THUMB_MAX), angles.wrist)


def sample_angles(rng: np.random.Generator) -> HandAngles:
    """Joint angles of a random pose."""
    kind = rng.random()
    if kind < 0.4:
        fingers, thumb = _noisy_gesture(rng, 7.0)
    elif kind < 0.6:
        fingers, thumb = _blend(rng)
    elif kind < 0.8:
        fingers, thumb = _from_curls(rng, _correlated_curls(rng))
    else:
        fingers, thumb = _from_curls(rng, _independent_curls(rng))
    wrist = rng.normal(0, [20, 9, 8]).clip([-55, -20, -20], [55, 25, 20])
    return HandAngles(_add_dip_flexion(rng, fingers), thumb.clip(THUMB_MIN, THUMB_MAX), wrist)


def gesture_angles(gesture: Gesture) -> HandAngles:
    """The joint angles of a gesture, with the usual dip flexion and a straight wrist."""
    fingers, thumb = _template(gesture)
    return HandAngles(np.column_stack([fingers[:, :2], 0.6 * fingers[:, 1], fingers[:, 2]]), thumb, np.zeros(3))


def _template(gesture: Gesture) -> tuple[np.ndarray, np.ndarray]:
    fingers = np.stack([gesture.mcp_flexion, gesture.pip_flexion, gesture.abduction], axis=1)
    return fingers.astype(np.float64), np.array(gesture.thumb, np.float64)


def _random_gesture(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    names = list(GESTURES)
    return _template(GESTURES[names[rng.integers(len(names))]])


def _noisy_gesture(rng: np.random.Generator, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    fingers, thumb = _random_gesture(rng)
    common = rng.normal(0, degrees, 3) * [1, 1, 0.3]
    fingers = fingers + common + rng.normal(0, degrees * 0.6, (4, 3)) * [1, 1, 0.4]
    return fingers, thumb + rng.normal(0, degrees * 0.7, 5)


def _blend(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    (fingers, thumb), (other_fingers, other_thumb) = _noisy_gesture(rng, 5.0), _noisy_gesture(rng, 5.0)
    t = rng.random()
    return fingers + t * (other_fingers - fingers), thumb + t * (other_thumb - thumb)


def _correlated_curls(rng: np.random.Generator) -> np.ndarray:
    """(4,) curl of each finger, 0..1, similar to that of its neighbours."""
    curl = np.empty(4)
    curl[0] = rng.random()
    for finger in range(1, 4):
        curl[finger] = np.clip(curl[finger - 1] + rng.normal(0, 0.28), 0, 1)
    return curl


def _independent_curls(rng: np.random.Generator) -> np.ndarray:
    """(4,) curl of each finger, 0..1: all independent, or one finger unlike the others.

    Operators of robot hands bend one finger after the other, which no gesture contains: a network that has never seen
    a middle finger bent alone mistakes the hand for the opposite one.
    """
    if rng.random() < 0.5:
        return rng.beta(0.4, 0.4, 4)
    curl = np.full(4, rng.choice([0.0, 0.0, 0.9])) + np.abs(rng.normal(0, 0.06, 4))
    odd = rng.integers(4)
    curl[odd] = np.abs(rng.choice([0.0, 1.0]) - curl[odd]) if rng.random() < 0.5 else rng.random()
    # Tendons couple neighbouring fingers a little.
    for neighbour in {max(odd - 1, 0), min(odd + 1, 3)} - {odd}:
        curl[neighbour] += rng.uniform(0, 0.25) * (curl[odd] - curl[neighbour])
    return curl.clip(0, 1)


def _from_curls(rng: np.random.Generator, curl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finger angles for curls (4,) of both joints, and the thumb of a random gesture."""
    mcp = curl * rng.uniform(30, 90) + rng.uniform(-15, 10) + rng.normal(0, 6, 4)
    pip = curl * rng.uniform(50, 105) + rng.normal(0, 5, 4)
    abduction = rng.uniform(-0.1, 1.2) * np.array([11.0, 1.0, -9.0, -18.0]) + rng.normal(0, 2.0, 4)
    return np.stack([mcp, pip, abduction], axis=1), _noisy_gesture(rng, 9.0)[1]


def _add_dip_flexion(rng: np.random.Generator, fingers: np.ndarray) -> np.ndarray:
    """Clip (4, 3) angles to the limits and add dip flexion, which tendons couple to pip flexion."""
    flexion = fingers[:, :2].clip(FINGER_MIN, FINGER_MAX)
    dip = (flexion[:, 1] * rng.uniform(0.5, 0.75) + rng.normal(0, 4, 4)).clip(-12, 80)
    return np.column_stack([flexion, dip, fingers[:, 2].clip(-26, 20)])
