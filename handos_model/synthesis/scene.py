"""Random scenes: hands on arms or on people before a background, with lamps, things in the way and a camera."""

from dataclasses import dataclass, field

import numpy as np

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.io.frame import CameraIntrinsics
from handos_model.synthesis.arms import Arm, ArmBuilder, Sleeve
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.labels import SceneHand, project
from handos_model.synthesis.lamps import random_lighting
from handos_model.synthesis.library import Library
from handos_model.synthesis.mesh import Mesh
from handos_model.synthesis.people import PersonBuilder
from handos_model.synthesis.shading import Lighting, Material
from handos_model.synthesis.things import random_thing
from handos_model.synthesis.viewpoint import random_hand_rotation, random_person_rotation, random_viewpoint
from handos_model.synthesis.worn import Worn

NO_HAND_SHARE = 0.05
CARRIED_SHARE = 0.3
"""Of the scenes with hands: the main hand is a person's own, not a free one."""
BYSTANDER_SHARE = 0.35
"""Of the scenes with free hands: someone stands behind them."""
TWO_HANDS_SHARE = 0.32
THING_SHARE = 0.2
FILL = (0.3, 0.95)
"""Share of the frame's side that a free hand covers."""
CARRIED_FILL = (0.13, 0.9)
"""The same of a person's own hand: how small it may be decides how much of the person is seen."""
CLEARANCE = 0.028
"""Metres between points along two arms, at least."""
SIDES: tuple[Handedness, Handedness] = ("left", "right")


@dataclass
class Scene:
    """A scene under construction, then ready to be drawn."""

    camera: CameraIntrinsics
    lighting: Lighting
    meshes: list[Mesh] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    hands: list[SceneHand] = field(default_factory=list)

    def add_material(self, material: Material) -> int:
        """Its row."""
        self.materials.append(material)
        return len(self.materials) - 1

    def add_hand(self, vertices: FloatArray, side: Handedness) -> int:
        """Its number, which the faces of its meshes carry."""
        self.hands.append(SceneHand(vertices, side))
        return len(self.hands) - 1

    def texture_level(self, depth: float) -> int:
        """The size of skin that suits the scale at `depth` metres."""
        return int(np.clip(np.log2(1400 * depth / self.camera.fx), 0, 2))


class SceneBuilder:
    """Draws scenes at random."""

    def __init__(self, assets: Assets, library: Library, size: int) -> None:
        self._library = library
        self._size = size
        self._arms = ArmBuilder(assets.hand)
        self._people = PersonBuilder(assets.person, assets.hand)
        self._worn = Worn(assets.hand.mesh.vertices, assets.hand.joints)
        self._regressor = assets.hand.joint_regressor

    def sample(self, rng: np.random.Generator) -> Scene:
        """A random scene."""
        kind = rng.random()
        if kind < NO_HAND_SHARE:
            return self._without_hands(rng)
        scene = self._with_carried_hands(rng) if kind < NO_HAND_SHARE + CARRIED_SHARE else self._with_free_hands(rng)
        if rng.random() < THING_SHARE:
            self._add_thing(rng, scene)
        return scene

    def _without_hands(self, rng: np.random.Generator) -> Scene:
        """A person whose hands hang down out of the picture; sometimes nobody."""
        scene = Scene(
            CameraIntrinsics.from_field_of_view(self._size, self._size, rng.uniform(50, 90)), random_lighting(rng)
        )
        if rng.random() < 0.85:
            depth = rng.uniform(0.5, 1.3)
            head = np.array([rng.normal(0, 0.15), rng.normal(-0.05, 0.1), 1.0]) * depth
            self._add_person(rng, scene, (False, False), random_person_rotation(rng), head.astype(np.float32), None)
        for _ in range(rng.integers(0, 3)):
            self._add_thing(rng, scene)
        return scene

    def _with_carried_hands(self, rng: np.random.Generator) -> Scene:
        main = SIDES[rng.integers(2)]
        both = rng.random() < 0.7
        raised = (both or main == "left", both or main == "right")
        rotation = random_person_rotation(rng)
        fill = float(np.exp(rng.uniform(*np.log(CARRIED_FILL))))
        view = random_viewpoint(rng, 0.13, fill, self._size)
        scene = Scene(view.camera, random_lighting(rng))
        self._add_person(rng, scene, raised, rotation, view.centre, main)
        return scene

    def _with_free_hands(self, rng: np.random.Generator) -> Scene:
        side = SIDES[rng.integers(2)]
        arm, turned = self._turned_arm(rng, side)
        extent = float(np.ptp(self._joints(turned)[:, :2], axis=0).max()) + 0.025
        view = random_viewpoint(rng, extent, rng.uniform(*FILL), self._size)
        scene = Scene(view.camera, random_lighting(rng))
        skin = int(rng.integers(self._library.skin_count))
        level = scene.texture_level(float(view.centre[2]))
        skin_material = scene.add_material(self._library.skin(rng, skin, level)[0])
        cloth = scene.add_material(self._library.cloth(rng, level)) if rng.random() < 0.5 else None
        placed = turned - self._joints(turned).mean(axis=0) + view.centre
        self._add_arm(rng, scene, arm, placed, skin_material, cloth)
        if rng.random() < TWO_HANDS_SHARE:
            self._add_second_hand(rng, scene, side, placed, skin_material, cloth)
        if rng.random() < BYSTANDER_SHARE:
            self._add_bystander(rng, scene)
        return scene

    def _turned_arm(self, rng: np.random.Generator, side: Handedness) -> tuple[Arm, FloatArray]:
        """An arm and its vertices, turned as the camera will see it but not yet placed."""
        arm = self._arms.sample(rng, side)
        turned = arm.vertices @ random_hand_rotation(rng).T
        return arm, turned

    def _joints(self, vertices: FloatArray) -> FloatArray:
        return np.asarray(self._regressor @ vertices, np.float32)

    def _outline(self, vertices: FloatArray) -> FloatArray:
        """(n, 3) points along a hand and its forearm, dense enough that arms that keep apart do not touch."""
        joints = self._joints(vertices)
        palm = (joints[[5, 9, 13, 17]] + joints[0]) / 2
        forearm = joints[0] + np.linspace(0.03, 0.4, 9)[:, None] * self._arms.forearm_direction(vertices)
        return np.concatenate([joints, palm, forearm]).astype(np.float32)

    def _add_arm(
        self, rng: np.random.Generator, scene: Scene, arm: Arm, placed: FloatArray, skin: int, cloth: int | None
    ) -> None:
        owner = scene.add_hand(placed, arm.side)
        forearm = self._arms.forearm_direction(placed)
        direction = forearm + rng.normal(0, 0.2, 3)
        # An arm that pointed into the camera would cover everything.
        direction[2] = max(direction[2], -0.1)
        direction[1] += 0.15
        direction = (direction / np.linalg.norm(direction)).astype(np.float32)
        mesh = self._arms.skin_mesh(arm, placed, direction, self._worn.tint(rng), skin, owner)
        scene.meshes.append(mesh)
        if cloth is not None:
            sleeve = Sleeve(start=rng.uniform(0.005, 0.17), thickness=rng.uniform(0.002, 0.008))
            scene.meshes.append(self._arms.sleeve_mesh(arm, mesh, sleeve, cloth))

    def _add_second_hand(
        self, rng: np.random.Generator, scene: Scene, side: Handedness, first: FloatArray, skin: int, cloth: int | None
    ) -> None:
        """Usually the same person's other hand: close by, or anywhere in the frame; given up if it never fits."""
        other = side if rng.random() < 0.15 else SIDES[1 - SIDES.index(side)]
        joints, outline = self._joints(first), self._outline(first)
        arm, turned = self._turned_arm(rng, other)
        for _ in range(8):
            reach = rng.uniform(0.06, 0.2) if rng.random() < 0.4 else rng.uniform(0.15, 0.4)
            offset = rng.normal(0, 1, 3) * [1.0, 0.6, 0.4]
            centre = joints.mean(axis=0) + reach * offset / np.linalg.norm(offset)
            placed = (turned - self._joints(turned).mean(axis=0) + centre).astype(np.float32)
            gaps = np.linalg.norm(self._outline(placed)[:, None] - outline[None], axis=2)
            pixel = project(centre[None].astype(np.float32), scene.camera)[0]
            if gaps.min() > CLEARANCE and centre[2] > 0.2 and (pixel > 0).all() and (pixel < self._size).all():
                self._add_arm(rng, scene, arm, placed, skin, cloth)
                return

    def _add_bystander(self, rng: np.random.Generator, scene: Scene) -> None:
        depth = max(float(hand.vertices[:, 2].max()) for hand in scene.hands) + rng.uniform(0.3, 1.2)
        pixel = self._size * np.array([rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 0.8)])
        camera = scene.camera
        head = depth * np.array([(pixel[0] - camera.cx) / camera.fx, (pixel[1] - camera.cy) / camera.fy, 1.0])
        raised = (bool(rng.random() < 0.2), bool(rng.random() < 0.2))
        self._add_person(rng, scene, raised, random_person_rotation(rng), head.astype(np.float32), None)

    def _add_person(
        self, rng: np.random.Generator, scene: Scene, raised: tuple[bool, bool], rotation: FloatArray,
        anchor: FloatArray, at: Handedness | None,
    ) -> None:  # fmt: skip
        """Place a person so that their hand `at`, or their head, lies at `anchor`."""
        person = self._people.sample(rng, raised)
        held = person.head if at is None else self._joints(person.hands[at]).mean(axis=0)
        shift = (anchor - rotation @ held).astype(np.float32)
        level = scene.texture_level(float(anchor[2]))
        skin = int(rng.integers(self._library.skin_count))
        first = scene.add_material(self._library.skin(rng, skin, level)[1])
        for _ in range(2):
            scene.add_material(self._library.cloth(rng, level))
        scene.add_material(Material(self._library.plain, (0.75, 0.78, 0.8), gloss=0.5, sharpness=6))
        owners = {side: scene.add_hand(person.hands[side] @ rotation.T + shift, side) for side in SIDES}
        placed = (person.vertices @ rotation.T + shift).astype(np.float32)
        hand_tints = {side: self._worn.tint(rng) for side in SIDES}
        scene.meshes.append(self._people.mesh(rng, placed, first, owners, hand_tints))

    def _add_thing(self, rng: np.random.Generator, scene: Scene) -> None:
        """In front of the first hand as often as beside or behind it."""
        centre = np.array([0.0, 0.0, 0.6]) if not scene.hands else self._joints(scene.hands[0].vertices).mean(axis=0)
        offset = rng.normal(0, 0.09, 3) - [0, 0, rng.uniform(-0.1, 0.12)]
        material = scene.add_material(self._library.thing(rng))
        place = np.asarray(centre + offset, np.float32)
        scene.meshes.append(random_thing(rng, place, float(rng.uniform(0.05, 0.3)), material))
