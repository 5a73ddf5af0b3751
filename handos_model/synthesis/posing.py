"""Random hand poses within anatomical limits: gestures, blends, and curls that are correlated or not."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handos_model.hand.hand import FloatArray
from handos_model.synthesis.assets import HandAsset
from handos_model.synthesis.gestures import GESTURES, Gesture
from handos_model.synthesis.rotations import rotation_matrices
from handos_model.synthesis.skinning import bone_transforms

FINGER_LOW = np.array([-30.0, -4.0])
FINGER_HIGH = np.array([90.0, 108.0])
"""Degrees, (knuckle, curl)."""
THUMB_LOW = np.array([-35.0, -25.0, -15.0, -20.0, -25.0])
THUMB_HIGH = np.array([35.0, 38.0, 38.0, 50.0, 75.0])
EASINGS = 14
"""A pose whose fingers run through one another is opened a little, this often at most."""
TOUCH = 0.62
"""Two spheres closer than this share of their radii's sum penetrate: flesh gives way a little."""
THUMB, PALM = 0, 5
"""Their numbers; the fingers' are 1..4."""


@dataclass(frozen=True)
class HandAngles:
    """Joint angles of one hand in degrees, as in `Gesture`."""

    fingers: np.ndarray
    """(4, 4) knuckle, curl, end (dip), spread of index..pinky."""
    thumb: np.ndarray
    """(5,)"""
    wrist: np.ndarray
    """(3,) flexion, deviation towards the thumb, twist."""


class HandPoser:
    """Turns random numbers into bone rotations of the hand asset."""

    def __init__(self, asset: HandAsset) -> None:
        self._asset = asset
        self._bones = {name: bone for bone, name in enumerate(asset.mesh.bone_names)}

    def sample(self, rng: np.random.Generator) -> FloatArray:
        """(B, 3, 3) local rotations of the bones of a right hand."""
        angles = sample_angles(rng)
        for _ in range(EASINGS):
            rotations = self.rotations(angles)
            contacts = self.contacts(rotations)
            if not contacts.any():
                break
            angles = _eased(angles, contacts)
        return rotations

    def rotations(self, angles: HandAngles) -> FloatArray:
        """(B, 3, 3) local rotations for joint angles."""
        vectors = np.zeros((len(self._bones), 3))
        for finger in range(4):
            knuckle, curl, end, _spread = angles.fingers[finger]
            axis = self._flexion_axes[finger]
            rest = self._rest_flexion[finger]
            flexed = [knuckle - rest[0], curl - rest[1], end - rest[2]]
            names = [f"finger{finger + 2}-{k}.R" for k in (1, 2, 3)]
            for name, angle in zip(names, flexed, strict=True):
                vectors[self._bones[name]] = np.radians(angle) * axis
        # The two outer metacarpals give way when ring finger and pinky flex: the palm cups.
        for finger, share in ((2, 0.06), (3, 0.14)):
            cupping = np.radians(share * max(angles.fingers[finger, 0], 0.0))
            vectors[self._bones[f"metacarpal{finger + 1}.R"]] = cupping * np.array([1.0, 0.25, 0.0])
        vectors[self._bones["wrist.R"]] = np.radians([angles.wrist[0], angles.wrist[2] * 0.5, -angles.wrist[1]])
        vectors[self._bones["lowerarm02.R"]] = np.radians([0.0, angles.wrist[2] * 0.5, 0.0])
        matrices = rotation_matrices(vectors)
        for finger in range(4):
            bone = self._bones[f"finger{finger + 2}-1.R"]
            # Spreading happens about the palm's normal and fades as the knuckle flexes.
            fade = np.cos(np.radians(np.clip(angles.fingers[finger, 0], 0, 90)))
            turn = np.radians([0.0, 0.0, -angles.fingers[finger, 3] * fade])
            matrices[bone] = rotation_matrices(turn) @ matrices[bone]
        self._turn_thumb(matrices, angles.thumb)
        return matrices.astype(np.float32)

    def _turn_thumb(self, matrices: np.ndarray, thumb: np.ndarray) -> None:
        carpal, abduction, twist, mcp, ip = np.radians(thumb)
        across, along, away = self._thumb_axes
        bend = self._thumb_bend
        turns = rotation_matrices([across * carpal, away * abduction, along * twist, bend * mcp, bend * ip])
        matrices[self._bones["finger1-1.R"]] = turns[0] @ turns[1] @ turns[2]
        matrices[self._bones["finger1-2.R"]] = turns[3]
        matrices[self._bones["finger1-3.R"]] = turns[4]

    @cached_property
    def _chains(self) -> np.ndarray:
        """(5, 4, 3) pivots of each finger's three bones and its tip at rest, thumb first."""
        pivots, joints = self._asset.mesh.pivots, self._asset.joints
        chains = []
        for finger in range(5):
            bones = [self._bones[f"finger{finger + 1}-{k}.R"] for k in (1, 2, 3)]
            chains.append(np.vstack([pivots[bones], joints[4 * finger + 4]]))
        return np.array(chains, np.float64)

    @cached_property
    def _flexion_axes(self) -> np.ndarray:
        """(4, 3) normals of the fingers' planes, so that positive turns bend towards the palm."""
        directions = self._chains[1:, 3] - self._chains[1:, 0]
        axes = np.cross(directions, [0.0, 0.0, 1.0])
        return axes / np.linalg.norm(axes, axis=1, keepdims=True)

    @cached_property
    def _rest_flexion(self) -> np.ndarray:
        """(4, 3) degrees by which the fingers are flexed at rest, measured as the slope of their bones."""
        bones = np.diff(self._chains[1:], axis=1)
        slope = np.degrees(np.arctan2(bones[..., 2], np.linalg.norm(bones[..., :2], axis=-1)))
        slope[:, 1:] -= slope[:, :-1].copy()
        # The last pivot lies near the back of the finger and the tip on its skin: the bone is straighter than that.
        slope[:, 2] = np.clip(slope[:, 2], -4, 4)
        return slope

    @cached_property
    def _thumb_axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Axes of the thumb's carpal joint: across the palm, along the bone, away from the palm."""
        along = self._chains[0, 1] - self._chains[0, 0]
        along /= np.linalg.norm(along)
        across = self._thumb_bend
        away = np.cross(along, across)
        return across, along, away / np.linalg.norm(away)

    @cached_property
    def _thumb_bend(self) -> np.ndarray:
        bones = np.diff(self._chains[0], axis=0)
        axis = np.cross(bones[0], bones[1]) + np.cross(bones[1], bones[2])
        return axis / np.linalg.norm(axis)

    def contacts(self, rotations: FloatArray) -> np.ndarray:
        """(6, 6) which of thumb..pinky and the palm, taken as chains of spheres, run through one another.

        The row's is where they meet the one that lies further from the palm: a thumb on the fingers of a fist, or
        fingers on a thumb that is tucked in under them.
        """
        transforms = bone_transforms(self._asset.mesh.bone_parents, self._asset.mesh.pivots, rotations)
        spheres, bones, radii, fingers = self._spheres
        posed = np.einsum("nij,nj->ni", transforms[bones, :, :3], spheres) + transforms[bones, :, 3]
        distance = np.linalg.norm(posed[:, None] - posed[None], axis=-1)
        deep = (distance < TOUCH * (radii[:, None] + radii[None])) & (fingers[:, None] != fingers[None])
        height = posed @ transforms[self._bones["wrist.R"], :, 2]
        deep &= height[:, None] >= height[None]
        contacts = np.zeros((6, 6), bool)
        first, second = np.nonzero(deep)
        contacts[fingers[first], fingers[second]] = True
        return contacts

    @cached_property
    def _spheres(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Points (n, 3) along the fingers at rest, with the bone, radius (metres) and finger of each."""
        joints = self._asset.joints.astype(np.float64)
        points, bones, radii, fingers = [], [], [], []
        for finger in range(5):
            for segment in range(3):
                start, end = joints[4 * finger + 1 + segment], joints[4 * finger + 2 + segment]
                for t in (0.35, 0.65, 0.95):
                    if finger == 0 and segment == 0:
                        continue
                    points.append(start + t * (end - start))
                    bones.append(self._bones[f"finger{finger + 1}-{segment + 1}.R"])
                    radii.append((0.0105 if finger == 0 else 0.0085) - 0.001 * segment)
                    fingers.append(finger)
        for knuckle, other in ((5, 9), (9, 13), (13, 17)):
            for t in (0.45, 0.65, 0.85):
                points.append(t * joints[knuckle] + 0.5 * t * (joints[other] - joints[knuckle]))
                bones.append(self._bones["wrist.R"])
                radii.append(0.013)
                fingers.append(PALM)
        return np.array(points), np.array(bones), np.array(radii), np.array(fingers)


def _eased(angles: HandAngles, contacts: np.ndarray) -> HandAngles:
    """Open what touches: uncurl fingers from palm and thumb, lift the thumb off, move neighbours apart."""
    fingers, thumb = angles.fingers.copy(), angles.thumb.copy()
    # Which lies further from the palm matters to thumb and fingers only: a finger can be deep inside the palm.
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
    return HandAngles(fingers, thumb.clip(THUMB_LOW, THUMB_HIGH), angles.wrist)


def sample_angles(rng: np.random.Generator) -> HandAngles:
    """Joint angles of a random pose."""
    kind = rng.random()
    if kind < 0.4:
        fingers, thumb = _noisy_gesture(rng, 7.0)
    elif kind < 0.6:
        fingers, thumb = _blend(rng)
    elif kind < 0.8:
        fingers, thumb = _with_curls(rng, _correlated_curls(rng))
    else:
        fingers, thumb = _with_curls(rng, _single_curls(rng))
    wrist = rng.normal(0, [20, 9, 8]).clip([-55, -20, -20], [55, 25, 20])
    return HandAngles(_with_ends(rng, fingers), thumb.clip(THUMB_LOW, THUMB_HIGH), wrist)


def angles_of_gesture(gesture: Gesture) -> HandAngles:
    """The joint angles of a gesture, its fingertips bent as much as usual, with a straight wrist."""
    fingers, thumb = _angles_of(gesture)
    return HandAngles(np.column_stack([fingers[:, :2], 0.6 * fingers[:, 1], fingers[:, 2]]), thumb, np.zeros(3))


def _angles_of(gesture: Gesture) -> tuple[np.ndarray, np.ndarray]:
    fingers = np.stack([gesture.knuckles, gesture.curls, gesture.spread], axis=1)
    return fingers.astype(np.float64), np.array(gesture.thumb, np.float64)


def _random_gesture(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    names = list(GESTURES)
    return _angles_of(GESTURES[names[rng.integers(len(names))]])


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
    """(4,) how far each finger is curled, 0..1: much like its neighbours."""
    curl = np.empty(4)
    curl[0] = rng.random()
    for finger in range(1, 4):
        curl[finger] = np.clip(curl[finger - 1] + rng.normal(0, 0.28), 0, 1)
    return curl


def _single_curls(rng: np.random.Generator) -> np.ndarray:
    """(4,) how far each finger is curled, 0..1: one bent or straight unlike the others, or all as they like.

    Who tries out a robot's fingers bends one after the other; no gesture does, and a network that has never seen a
    middle finger bent alone takes the hand for the other one.
    """
    if rng.random() < 0.5:
        return rng.beta(0.4, 0.4, 4)
    curl = np.full(4, rng.choice([0.0, 0.0, 0.9])) + np.abs(rng.normal(0, 0.06, 4))
    odd = rng.integers(4)
    curl[odd] = np.abs(rng.choice([0.0, 1.0]) - curl[odd]) if rng.random() < 0.5 else rng.random()
    # Tendons take the neighbours along a little.
    for neighbour in {max(odd - 1, 0), min(odd + 1, 3)} - {odd}:
        curl[neighbour] += rng.uniform(0, 0.25) * (curl[odd] - curl[neighbour])
    return curl.clip(0, 1)


def _with_curls(rng: np.random.Generator, curl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fingers curled so far, at both of their joints; the thumb is some gesture's."""
    knuckles = curl * rng.uniform(30, 90) + rng.uniform(-15, 10) + rng.normal(0, 6, 4)
    curls = curl * rng.uniform(50, 105) + rng.normal(0, 5, 4)
    fan = rng.uniform(-0.1, 1.2) * np.array([11.0, 1.0, -9.0, -18.0]) + rng.normal(0, 2.0, 4)
    return np.stack([knuckles, curls, fan], axis=1), _noisy_gesture(rng, 9.0)[1]


def _with_ends(rng: np.random.Generator, fingers: np.ndarray) -> np.ndarray:
    """Clip to the limits and add the dip joints, which tendons couple to the pip joints."""
    bent = fingers[:, :2].clip(FINGER_LOW, FINGER_HIGH)
    ends = (bent[:, 1] * rng.uniform(0.5, 0.75) + rng.normal(0, 4, 4)).clip(-12, 80)
    return np.column_stack([bent, ends, fingers[:, 2].clip(-26, 20)])
