"""Random scenes: hands on arms without a body or on people, with lighting, occluders and a camera."""

from dataclasses import dataclass, field

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project, project
from handos_model.hand.hand import Handedness
from handos_model.synthesis.accessories import Accessories
from handos_model.synthesis.arms import Arm, ArmBuilder, Sleeve
from handos_model.synthesis.assets import SIDES, Assets
from handos_model.synthesis.labels import SceneHand
from handos_model.synthesis.lighting import Lighting, random_lighting
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.mesh import Mesh
from handos_model.synthesis.occluders import random_occluder
from handos_model.synthesis.people import PersonBuilder
from handos_model.synthesis.shading import Material
from handos_model.synthesis.viewpoint import (
    head_mounted_rotation,
    random_hand_rotation,
    random_person_rotation,
    random_viewpoint,
)

NO_HANDS_PROBABILITY = 0.05
PERSON_PROBABILITY = 0.3
"""The hands are those of a person; otherwise they are on arms without a body."""
BYSTANDER_PROBABILITY = 0.35
"""A person stands behind arms without a body."""
SECOND_ARM_PROBABILITY = 0.32
OCCLUDER_PROBABILITY = 0.2
ARM_FILL = (0.3, 0.95)
"""Range of the fraction of the frame's side that the hand of an arm without a body covers."""
PERSON_FILL = (0.13, 0.9)
"""The same for a person's hand: the smaller it is, the more of the person is visible."""
CROWD, CROWD_DEPTH = (3, 7), (0.8, 2.2)
"""Range of the number of people in a crowd (the last one excluded), and of their distances in metres."""
HEAD_MOUNTED_VIEW = (70.0, 105.0)
"""Range of the field of view of a camera on the head, degrees."""
FOREHEAD = np.array([0.0, 0.05, 0.14])
"""Metres from the centre of the head to a camera on it, in the person's axes."""
MIN_ARM_DISTANCE = 0.028
"""Metres between points along two arms."""


@dataclass
class Scene:
    """The contents of a scene; builders add to it, then it is rendered."""

    camera: CameraIntrinsics
    lighting: Lighting
    meshes: list[Mesh] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    hands: list[SceneHand] = field(default_factory=list)

    def add_material(self, material: Material) -> int:
        """Add a material and return its index."""
        self.materials.append(material)
        return len(self.materials) - 1

    def add_hand(self, vertices: FloatArray, side: Handedness) -> int:
        """Add a hand and return its index, which the faces of its meshes carry."""
        self.hands.append(SceneHand(vertices, side))
        return len(self.hands) - 1

    def mip_level(self, depth: float) -> int:
        """The mip level of skin textures that suits a depth in metres; the finest for what is behind the camera."""
        return int(np.clip(np.log2(max(1400 * depth / self.camera.fx, 1.0)), 0, 2))


class SceneSampler:
    """Samples random scenes for square frames of `size` pixels."""

    def __init__(self, assets: Assets, materials: MaterialLibrary, size: int) -> None:
        self._materials = materials
        self._size = size
        self._arms = ArmBuilder(assets.hand)
        self._people = PersonBuilder(assets.person, assets.hand)
        self._accessories = Accessories(assets.hand.mesh.vertices, assets.hand.joints)
        self._regressor = assets.hand.joint_regressor

    def sample(self, rng: np.random.Generator) -> Scene:
        """A random scene."""
        kind = rng.random()
        if kind < NO_HANDS_PROBABILITY:
            return self._scene_without_hands(rng)
        if kind < NO_HANDS_PROBABILITY + PERSON_PROBABILITY:
            scene = self._scene_with_person(rng)
        else:
            scene = self._scene_with_arms(rng)
        if rng.random() < OCCLUDER_PROBABILITY:
            self._add_occluder(rng, scene)
        return scene

    def sample_crowd(self, rng: np.random.Generator) -> Scene:
        """Three to six people side by side, most of whose hands are raised."""
        camera = CameraIntrinsics.from_field_of_view(self._size, self._size, rng.uniform(50, 80))
        scene = Scene(camera, random_lighting(rng))
        count = int(rng.integers(*CROWD))
        for k in range(count):
            x = (k + 0.5 + rng.normal(0, 0.2)) / count
            depth = rng.uniform(*CROWD_DEPTH)
            head = depth * back_project(self._size * np.array([x, rng.uniform(0.15, 0.5)]), camera)
            raised = (bool(rng.random() < 0.7), bool(rng.random() < 0.7))
            self._add_person(rng, scene, raised, random_person_rotation(rng), head.astype(np.float32), None)
        return scene

    def sample_head_mounted(self, rng: np.random.Generator) -> Scene:
        """What the camera on a person's head sees: both hands, from behind."""
        camera = CameraIntrinsics.from_field_of_view(self._size, self._size, rng.uniform(*HEAD_MOUNTED_VIEW))
        scene = Scene(camera, random_lighting(rng))
        rotation = head_mounted_rotation(rng)
        head = -rotation @ (FOREHEAD + rng.normal(0, 0.01, 3)).astype(np.float32)
        self._add_person(rng, scene, (True, True), rotation, head, None)
        return scene

    def _scene_without_hands(self, rng: np.random.Generator) -> Scene:
        """A person whose hands hang down outside the frame; sometimes nobody."""
        scene = Scene(
            CameraIntrinsics.from_field_of_view(self._size, self._size, rng.uniform(50, 90)), random_lighting(rng)
        )
        if rng.random() < 0.85:
            depth = rng.uniform(0.5, 1.3)
            head = np.array([rng.normal(0, 0.15), rng.normal(-0.05, 0.1), 1.0]) * depth
            self._add_person(rng, scene, (False, False), random_person_rotation(rng), head.astype(np.float32), None)
        for _ in range(rng.integers(0, 3)):
            self._add_occluder(rng, scene)
        return scene

    def _scene_with_person(self, rng: np.random.Generator) -> Scene:
        main = SIDES[rng.integers(2)]
        both = rng.random() < 0.7
        raised = (both or main == "left", both or main == "right")
        rotation = random_person_rotation(rng)
        fill = float(np.exp(rng.uniform(*np.log(PERSON_FILL))))
        view = random_viewpoint(rng, 0.13, fill, self._size)
        scene = Scene(view.camera, random_lighting(rng))
        self._add_person(rng, scene, raised, rotation, view.centre, main)
        return scene

    def _scene_with_arms(self, rng: np.random.Generator) -> Scene:
        side = SIDES[rng.integers(2)]
        arm, rotated = self._rotated_arm(rng, side)
        extent = float(np.ptp(self._joints(rotated)[:, :2], axis=0).max()) + 0.025
        view = random_viewpoint(rng, extent, rng.uniform(*ARM_FILL), self._size)
        scene = Scene(view.camera, random_lighting(rng))
        skin = int(rng.integers(self._materials.skin_count))
        mip_level = scene.mip_level(float(view.centre[2]))
        skin_material = scene.add_material(self._materials.sample_skin(rng, skin, mip_level)[0])
        cloth = scene.add_material(self._materials.sample_cloth(rng, mip_level)) if rng.random() < 0.5 else None
        vertices = rotated - self._joints(rotated).mean(axis=0) + view.centre
        self._add_arm(rng, scene, arm, vertices, skin_material, cloth)
        if rng.random() < SECOND_ARM_PROBABILITY:
            self._add_second_arm(rng, scene, side, vertices, skin_material, cloth)
        if rng.random() < BYSTANDER_PROBABILITY:
            self._add_bystander(rng, scene)
        return scene

    def _rotated_arm(self, rng: np.random.Generator, side: Handedness) -> tuple[Arm, FloatArray]:
        """A random arm, and its vertices in the camera's axes, before translation."""
        arm = self._arms.sample(rng, side)
        return arm, arm.vertices @ random_hand_rotation(rng).T

    def _joints(self, vertices: FloatArray) -> FloatArray:
        return np.asarray(self._regressor @ vertices, np.float32)

    def _collision_points(self, vertices: FloatArray) -> FloatArray:
        """(n, 3) points along a hand and its forearm, dense enough to test two arms for collision."""
        joints = self._joints(vertices)
        palm = (joints[[5, 9, 13, 17]] + joints[0]) / 2
        forearm = joints[0] + np.linspace(0.03, 0.4, 9)[:, None] * self._arms.forearm_direction(vertices)
        return np.concatenate([joints, palm, forearm]).astype(np.float32)

    def _add_arm(
        self, rng: np.random.Generator, scene: Scene, arm: Arm, vertices: FloatArray, skin: int, cloth: int | None
    ) -> None:
        """Add an arm with (V, 3) vertices in camera coordinates, and a sleeve if there is a material `cloth`."""
        hand_id = scene.add_hand(vertices, arm.side)
        direction = self._arms.forearm_direction(vertices) + rng.normal(0, 0.2, 3)
        # An upper arm towards the camera would cover everything.
        direction[2] = max(direction[2], -0.1)
        direction[1] += 0.15
        direction = (direction / np.linalg.norm(direction)).astype(np.float32)
        mesh = self._arms.skin_mesh(arm, vertices, direction, self._accessories.sample_tint(rng), skin, hand_id)
        scene.meshes.append(mesh)
        if cloth is not None:
            sleeve = Sleeve(start=rng.uniform(0.005, 0.17), thickness=rng.uniform(0.002, 0.008))
            scene.meshes.append(self._arms.sleeve_mesh(arm, mesh, sleeve, cloth))

    def _add_second_arm(
        self, rng: np.random.Generator, scene: Scene, side: Handedness, first: FloatArray, skin: int, cloth: int | None
    ) -> None:
        """Usually the same person's other arm, close to the first or anywhere in the frame; none if it never fits."""
        other = side if rng.random() < 0.15 else SIDES[1 - SIDES.index(side)]
        joints, first_points = self._joints(first), self._collision_points(first)
        arm, rotated = self._rotated_arm(rng, other)
        for _ in range(8):
            reach = rng.uniform(0.06, 0.2) if rng.random() < 0.4 else rng.uniform(0.15, 0.4)
            offset = rng.normal(0, 1, 3) * [1.0, 0.6, 0.4]
            centre = joints.mean(axis=0) + reach * offset / np.linalg.norm(offset)
            vertices = (rotated - self._joints(rotated).mean(axis=0) + centre).astype(np.float32)
            distances = np.linalg.norm(self._collision_points(vertices)[:, None] - first_points[None], axis=2)
            pixel = project(centre, scene.camera)
            in_frame = centre[2] > 0.2 and (pixel > 0).all() and (pixel < self._size).all()
            if distances.min() > MIN_ARM_DISTANCE and in_frame:
                self._add_arm(rng, scene, arm, vertices, skin, cloth)
                return

    def _add_bystander(self, rng: np.random.Generator, scene: Scene) -> None:
        depth = max(float(hand.vertices[:, 2].max()) for hand in scene.hands) + rng.uniform(0.3, 1.2)
        pixel = self._size * np.array([rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 0.8)])
        head = depth * back_project(pixel, scene.camera)
        raised = (bool(rng.random() < 0.2), bool(rng.random() < 0.2))
        self._add_person(rng, scene, raised, random_person_rotation(rng), head.astype(np.float32), None)

    def _add_person(
        self, rng: np.random.Generator, scene: Scene, raised: tuple[bool, bool], rotation: FloatArray,
        position: FloatArray, anchor: Handedness | None,
    ) -> None:  # fmt: skip
        """Add a person so that their hand `anchor`, or their head if it is ``None``, is at `position` (3,)."""
        person = self._people.sample(rng, raised)
        anchor_point = person.head if anchor is None else self._joints(person.hands[anchor]).mean(axis=0)
        translation = (position - rotation @ anchor_point).astype(np.float32)
        first_material = self._add_person_materials(rng, scene, scene.mip_level(float(position[2])))
        hand_ids = {side: scene.add_hand(person.hands[side] @ rotation.T + translation, side) for side in SIDES}
        vertices = (person.vertices @ rotation.T + translation).astype(np.float32)
        hand_tints = {side: self._accessories.sample_tint(rng) for side in SIDES}
        scene.meshes.append(self._people.mesh(rng, vertices, first_material, hand_ids, hand_tints))

    def _add_person_materials(self, rng: np.random.Generator, scene: Scene, mip_level: int) -> int:
        """Add the materials of `PersonBuilder.mesh` and return the first one's index."""
        skin = int(rng.integers(self._materials.skin_count))
        first = scene.add_material(self._materials.sample_skin(rng, skin, mip_level)[1])
        for _ in range(2):
            scene.add_material(self._materials.sample_cloth(rng, mip_level))
        eyes = Material(self._materials.plain_texture, (0.75, 0.78, 0.8), specular=0.5, log2_shininess=6)
        scene.add_material(eyes)
        return first

    def _add_occluder(self, rng: np.random.Generator, scene: Scene) -> None:
        """Add an occluder near the first hand, about as often in front of it as behind it."""
        centre = np.array([0.0, 0.0, 0.6]) if not scene.hands else self._joints(scene.hands[0].vertices).mean(axis=0)
        offset = rng.normal(0, 0.09, 3) - [0, 0, rng.uniform(-0.1, 0.12)]
        material = scene.add_material(self._materials.sample_occluder(rng))
        position = np.asarray(centre + offset, np.float32)
        scene.meshes.append(random_occluder(rng, position, float(rng.uniform(0.05, 0.3)), material))
