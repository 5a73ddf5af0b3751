"""Random clothed people with two hands each."""

from dataclasses import dataclass

import numpy as np

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.hand.hand import Handedness
from handos_model.synthesis.assets import SIDES, HandAsset, PersonAsset
from handos_model.synthesis.mesh import Mesh
from handos_model.synthesis.outfits import Wardrobe
from handos_model.synthesis.posing import HandPoser
from handos_model.synthesis.reaching import MIRROR, OUTWARD, ArmPose, Reach, arm_rotations, reach
from handos_model.synthesis.rotations import rotation_matrices
from handos_model.synthesis.skinning import pose_mesh


@dataclass(frozen=True)
class Person:
    """A person in their own axes (y up, facing +z), metres."""

    vertices: FloatArray
    """(V, 3)"""
    hands: dict[Handedness, FloatArray]
    """(Vh, 3) vertices of each hand, in the order of the hand asset."""
    head: FloatArray
    """(3,) centre of the head."""


class PersonBuilder:
    """Builds people from the person asset."""

    def __init__(self, asset: PersonAsset, hand: HandAsset) -> None:
        self._asset = asset
        self._poser = HandPoser(hand)
        names = asset.mesh.bone_names
        self._bones = {name: bone for bone, name in enumerate(names)}
        self._finger_bones: dict[Handedness, IntArray] = {
            "right": np.array([self._bones[name] for name in hand.mesh.bone_names], np.int32),
            "left": np.array([self._bones[name[:-1] + "L"] for name in hand.mesh.bone_names], np.int32),
        }
        self._wardrobe = Wardrobe(asset)
        self._hair = _hair_mask(asset.mesh.vertices)
        self._pupils = _pupil_mask(asset, asset.label_names.index("eye"))

    def sample(self, rng: np.random.Generator, raised: tuple[bool, bool]) -> Person:
        """A random shape in a random pose; `raised`: whether the left and the right hand are held up in front."""
        shape = self.sample_shape(rng)
        return self._pose(shape, self._sample_rotations(rng, self._asset.mesh.apply_shape(shape)[1], raised))

    def sample_shape(self, rng: np.random.Generator) -> FloatArray:
        """(S,) coefficients of the shape components, in standard deviations."""
        count = len(self._asset.mesh.shape_vertices)
        return np.asarray(rng.normal(0, 0.8, count).clip(-2, 2), np.float32)

    def reach(self, shape: FloatArray, reaches: dict[Handedness, Reach]) -> Person:
        """A person of a given shape, upright, whose two hands are where `reaches` puts them."""
        pivots = self._asset.mesh.apply_shape(shape)[1]
        matrices = np.tile(np.eye(3), (len(pivots), 1, 1))
        for side, goal in reaches.items():
            pose = reach(self._arm_pivots(pivots, side), goal, side, self._asset.hand_rotation)
            self._pose_arm(matrices, pivots, side, pose)
        return self._pose(shape, matrices.astype(np.float32))

    def _pose(self, shape: FloatArray, rotations: FloatArray) -> Person:
        mesh = self._asset.mesh
        vertices, pivots = mesh.apply_shape(shape)
        posed, transforms = pose_mesh(mesh, vertices, pivots, rotations)
        hands = {side: posed[self._asset.hand_vertices[side]] for side in SIDES}
        head = transforms[self._bones["head"]]
        centre = pivots[self._bones["head"]] + np.array([0, 0.07, 0.03], np.float32)
        return Person(posed, hands, head[:, :3] @ centre + head[:, 3])

    def mesh(
        self,
        rng: np.random.Generator,
        vertices: FloatArray,
        first_material: int,
        hand_ids: dict[Handedness, int],
        hand_tints: dict[Handedness, FloatArray],
    ) -> Mesh:
        """The person in the scene, with random clothes and hair.

        Parameters
        ----------
        vertices
            (V, 3) of the person, camera coordinates.
        first_material
            Index of the scene's material of the skin; those of upper clothes, lower clothes and eyes follow.
        hand_ids
            Indices of the scene's hands.
        hand_tints
            (Vh, 3) factors of the skin's colour on each hand.
        """
        outfit = self._wardrobe.sample(rng)
        tint = self._sample_tint(rng)
        for side, hand_tint in hand_tints.items():
            tint[self._asset.hand_vertices[side]] *= hand_tint
        ids = np.array([-1, *(hand_ids[side] for side in SIDES)], np.int8)
        return Mesh(
            vertices=vertices,
            faces=outfit.faces,
            uv=outfit.uv,
            materials=outfit.materials + np.int16(first_material),
            part_ids=outfit.part_ids,
            tint=tint,
            hand_ids=ids[outfit.sides],
        )

    def _sample_tint(self, rng: np.random.Generator) -> FloatArray:
        """(V, 3) factors of the colour: darker on hair and pupils."""
        hair = np.exp(rng.uniform(-4.0, -0.3)) * np.array([0.7, 0.85, 1.0], np.float32)
        amount = (self._hair * rng.choice([0.0, 1.0], p=[0.12, 0.88]))[:, None]
        tint = 1 - amount * (1 - hair)
        tint *= 1 - 0.93 * self._pupils[:, None]
        return tint.astype(np.float32)

    def _sample_rotations(self, rng: np.random.Generator, pivots: FloatArray, raised: tuple[bool, bool]) -> FloatArray:
        """(B, 3, 3) local rotations of the bones."""
        matrices = np.tile(np.eye(3), (len(pivots), 1, 1))
        for name, spread in (("spine04", 6), ("spine02", 6), ("neck01", 8), ("neck03", 6), ("head", 10)):
            rotation = np.radians(rng.normal(0, spread, 3) * [1, 1.3, 0.6])
            matrices[self._bones[name]] = rotation_matrices(rotation)
        for side, is_raised in zip(SIDES, raised, strict=True):
            self._pose_arm(matrices, pivots, side, self._sample_arm_pose(rng, side, is_raised))
        return matrices.astype(np.float32)

    def _sample_arm_pose(self, rng: np.random.Generator, side: Handedness, raised: bool) -> ArmPose:
        outward = OUTWARD[side]
        upper, lower = _sample_arm_directions(rng, raised, outward)
        fingers = self._poser.sample(rng)
        return ArmPose(upper, lower, np.radians(rng.uniform(-95, 60)) * -outward, fingers)

    def _arm_pivots(self, pivots: FloatArray, side: Handedness) -> FloatArray:
        """(3, 3) shoulder, elbow and wrist at rest."""
        letter = side[0].upper()
        return pivots[[self._bones[f"{name}.{letter}"] for name in ("upperarm01", "lowerarm01", "wrist")]]

    def _pose_arm(self, matrices: np.ndarray, pivots: FloatArray, side: Handedness, pose: ArmPose) -> None:
        """Aim upper arm and forearm, twist the forearm, pose wrist and fingers."""
        letter = side[0].upper()
        shoulder, elbow, wrist = self._arm_pivots(pivots, side)
        first, second = arm_rotations(shoulder, elbow, wrist, pose)
        matrices[self._bones[f"upperarm01.{letter}"]] = first
        matrices[self._bones[f"lowerarm01.{letter}"]] = second
        fingers = pose.fingers.astype(np.float64)
        axes = self._asset.hand_rotation.astype(np.float64)
        fingers = axes @ fingers @ axes.T
        if side == "left":
            fingers = MIRROR @ fingers @ MIRROR
        bones = self._finger_bones[side]
        matrices[bones[1:]] = fingers[1:]
        forearm = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        half = rotation_matrices(forearm * pose.twist / 2)
        matrices[self._bones[f"lowerarm02.{letter}"]] = half @ matrices[self._bones[f"lowerarm02.{letter}"]]
        matrices[self._bones[f"wrist.{letter}"]] = half @ matrices[self._bones[f"wrist.{letter}"]]


def _sample_arm_directions(rng: np.random.Generator, raised: bool, outward: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions of upper arm and forearm in the person's axes."""
    if raised:
        upper = np.array([rng.uniform(-0.1, 0.9), rng.uniform(-1.0, 0.1), rng.uniform(0.0, 0.9)])
        lower = np.array([rng.uniform(-0.8, 0.45), rng.uniform(-0.25, 1.1), rng.uniform(0.05, 1.0)])
    else:
        upper = np.array([rng.uniform(0.02, 0.35), -1.0, rng.uniform(-0.3, 0.3)])
        lower = np.array([rng.uniform(-0.3, 0.25), -1.0, rng.uniform(0.0, 0.6)])
    side = np.array([outward, 1.0, 1.0])
    return upper * side / np.linalg.norm(upper), lower * side / np.linalg.norm(lower)


def _hair_mask(vertices: FloatArray) -> FloatArray:
    """(V,) 1 on the upper back of the head at rest, 0 elsewhere."""
    height = vertices[:, 1] - 0.735 - 0.6 * (vertices[:, 2] - 0.06)
    return np.where(vertices[:, 1] > 0.62, np.clip(height * 60, 0, 1), 0).astype(np.float32)


def _pupil_mask(asset: PersonAsset, eye: int) -> FloatArray:
    """(V,) 1 on the pupils, 0 elsewhere."""
    mask = np.zeros(len(asset.mesh.vertices), np.float32)
    ids = np.unique(asset.mesh.faces[asset.face_labels == eye])
    vertices = asset.mesh.vertices
    for side in (-1, 1):
        ball = ids[np.sign(vertices[ids, 0]) == side]
        centre = (vertices[ball].max(axis=0) + vertices[ball].min(axis=0)) / 2
        off_axis = np.linalg.norm(vertices[ball, :2] - centre[:2], axis=1)
        mask[ball] = ((off_axis < 0.006) & (vertices[ball, 2] > centre[2])).astype(np.float32)
    return mask
