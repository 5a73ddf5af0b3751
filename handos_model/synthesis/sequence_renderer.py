"""`SequenceRenderer`: renders image sequences of moving hands, with the truth about every hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from handos_model.datasets.hand_sequences import SequenceHand
from handos_model.geometry.arrays import Float64Array, FloatArray, ImageArray, IntArray
from handos_model.hand.hand import Handedness
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.accessories import Accessories
from handos_model.synthesis.assets import SIDES, Assets
from handos_model.synthesis.backgrounds import read_photographs
from handos_model.synthesis.camera_effects import luminance_noise, sample_exposure
from handos_model.synthesis.hand_area import measure_hand_area
from handos_model.synthesis.labels import Labeller
from handos_model.synthesis.lighting import Lighting, random_lighting
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.mesh import Mesh
from handos_model.synthesis.motion import hand_angles
from handos_model.synthesis.occluders import random_occluder
from handos_model.synthesis.panorama import Panorama
from handos_model.synthesis.people import PersonBuilder
from handos_model.synthesis.performance import MovingObject, Performance
from handos_model.synthesis.posing import HandPoser
from handos_model.synthesis.reaching import Reach
from handos_model.synthesis.renderer import render_scene
from handos_model.synthesis.scenarios import SCENARIOS
from handos_model.synthesis.scene import Scene
from handos_model.synthesis.shading import Material, Rendering
from handos_model.synthesis.stage import Stage

BLUR_STEP: Final = 3.0
"""Pixels that anything may move from one rendering to the next of those that motion blur is the mean of."""
MAX_RENDERINGS: Final = 9
"""Of them for one image; an odd number, because the truth belongs to the middle one."""


MAX_OBJECT: Final = 1.6
"""Of an object's sides, relative to the least that they must be."""


DIM_PROBABILITY: Final = 0.3
DIM_LIGHT: Final = (0.2, 0.6)
"""Factor of the grey levels in a dim room, whose cameras are noisy."""
DIM_NOISE: Final = (3.0, 8.0)
"""Grey levels."""


@dataclass(frozen=True)
class Look:
    """What stays the same in all images of a sequence."""

    seed: int
    """Of clothes and hair."""
    shape: FloatArray
    materials: list[Material]
    """Skin, upper clothes, lower clothes, eyes, then one for each object."""
    tints: dict[Handedness, FloatArray]
    lighting: Lighting
    panorama: Panorama
    objects: list[Mesh]
    """Around the origin, in the person's axes."""
    exposure: ImageArray
    """Look-up table: see `camera_effects.sample_exposure`."""
    noise: float
    """Standard deviation in grey levels."""


@dataclass(frozen=True)
class RenderedFrame:
    """One image of a sequence."""

    image: ImageArray
    hands: tuple[SequenceHand, ...]


class SequenceRenderer:
    """Renders sequences; sequence `index` of a scenario and a seed is always the same.

    Parameters
    ----------
    assets
        Folder with the hand and the person.
    backgrounds
        Folder of photographs, or ``None`` for painted backgrounds only.
    size
        Width and height of the images in pixels.
    """

    def __init__(self, assets: Path, backgrounds: Path | None, size: tuple[int, int]) -> None:
        loaded = Assets.load(assets)
        self._size = size
        self._materials = MaterialLibrary(loaded)
        self._photographs = [] if backgrounds is None else read_photographs(backgrounds)
        self._poser = HandPoser(loaded.hand)
        self._people = PersonBuilder(loaded.person, loaded.hand)
        self._accessories = Accessories(loaded.hand.mesh.vertices, loaded.hand.joints)
        self._labeller = Labeller(HandTopology.load())
        self._regressor = loaded.hand.joint_regressor
        self._hand_faces = loaded.hand.mesh.faces[loaded.hand.face_parts > 0]

    def stage(self, scenario: str, seed: int, index: int, seconds: float) -> tuple[Performance, Look]:
        """What happens in a sequence, and what it looks like."""
        kind = SCENARIOS[scenario]
        rng = np.random.default_rng((seed, index, *scenario.encode()))
        view = kind.views[index % len(kind.views)]
        performance = kind.play(Stage(rng, self._poser, seconds, self._size, view, kind.may_be_far))
        return performance, self._sample_look(rng, performance)

    def render(
        self, performance: Performance, look: Look, frame_count: int, frame_rate: float
    ) -> Iterator[RenderedFrame]:
        """The images of a sequence, in order."""
        for number in range(frame_count):
            seconds = number / frame_rate
            rendering, scene = self._render_at(performance, look, seconds)
            image = self._blurred(performance, look, seconds, rendering)
            yield RenderedFrame(_take_photograph(look, number, image), self._truth(scene, rendering))

    def _sample_look(self, rng: np.random.Generator, performance: Performance) -> Look:
        camera = performance.camera
        is_dim, mip_level = rng.random() < DIM_PROBABILITY, 0
        skin = self._materials.sample_skin(rng, int(rng.integers(self._materials.skin_count)), mip_level)[1]
        cloth = [self._materials.sample_cloth(rng, mip_level) for _ in range(2)]
        eyes = Material(self._materials.plain_texture, (0.75, 0.78, 0.8), specular=0.5, log2_shininess=6)
        surfaces = [self._materials.sample_occluder(rng) for _ in performance.objects]
        toward = camera.rotation(0.0)
        return Look(
            seed=int(rng.integers(1 << 31)),
            shape=self._people.sample_shape(rng),
            materials=[skin, *cloth, eyes, *surfaces],
            tints={side: self._accessories.sample_tint(rng) for side in SIDES},
            lighting=random_lighting(rng),
            panorama=Panorama(rng, self._photographs, camera.intrinsics, self._size),
            objects=[_shape_object(thing, 4 + k, toward) for k, thing in enumerate(performance.objects)],
            exposure=_darken(sample_exposure(rng), rng.uniform(*DIM_LIGHT) if is_dim else 1.0),
            noise=float(rng.uniform(*DIM_NOISE) if is_dim else rng.gamma(1.5, 1.2)),
        )

    def _render_at(self, performance: Performance, look: Look, seconds: float) -> tuple[Rendering, Scene]:
        camera = performance.camera
        eye, rotation = camera.eye(seconds), camera.rotation(seconds)
        turned = rotation @ camera.rotation(0.0).T
        scene = Scene(camera.intrinsics, _turned_lighting(look.lighting, turned), materials=look.materials)
        if performance.hands:
            self._add_person(scene, performance, look, seconds)
        for mesh, thing in zip(look.objects, performance.objects, strict=True):
            moved = np.asarray(mesh.vertices + thing.position(seconds), np.float32)
            scene.meshes.append(replace(mesh, vertices=_to_camera(moved, eye, rotation)))
        background = look.panorama.view(turned.T)
        return render_scene(scene, background, self._materials.textures, self._regressor), scene

    def _add_person(self, scene: Scene, performance: Performance, look: Look, seconds: float) -> None:
        eye, rotation = performance.camera.eye(seconds), performance.camera.rotation(seconds)
        reaches = {
            side: Reach(
                hand.wrist(seconds), hand.palm(seconds), hand.elbow,
                self._poser.rotations(hand_angles(hand.angles(seconds))),
            )
            for side, hand in performance.hands.items()
        }  # fmt: skip
        person = self._people.reach(look.shape, reaches)
        ids = {side: scene.add_hand(_to_camera(person.hands[side], eye, rotation), side) for side in SIDES}
        vertices = _to_camera(person.vertices, eye, rotation)
        # A generator of its own: the same clothes in every image.
        scene.meshes.append(self._people.mesh(np.random.default_rng(look.seed), vertices, 0, ids, look.tints))

    def _blurred(self, performance: Performance, look: Look, seconds: float, middle: Rendering) -> ImageArray:
        """The image of the whole exposure, whose middle is rendered already."""
        exposure = performance.camera.exposure
        moved = _movement(performance, seconds - exposure / 2, seconds + exposure / 2)
        count = min(2 * round(moved / BLUR_STEP / 2) + 1, MAX_RENDERINGS)
        if count == 1:
            return middle.image
        total = middle.image.astype(np.float32) ** 2
        for part in range(count):
            if part != count // 2:
                at = seconds + exposure * ((part + 0.5) / count - 0.5)
                total += self._render_at(performance, look, at)[0].image.astype(np.float32) ** 2
        return np.asarray(np.sqrt(total / count) + 0.5, np.uint8)

    def _truth(self, scene: Scene, rendering: Rendering) -> tuple[SequenceHand, ...]:
        hands = []
        for number, hand in enumerate(scene.hands):
            annotation = self._labeller.annotate(hand, number, scene.camera, rendering)
            if annotation is None:
                continue
            area = measure_hand_area(hand.vertices, self._faces_of(hand.side), scene.camera, self._size)
            in_image, visible = area.fractions(rendering, number)
            if in_image > 0:
                hands.append(SequenceHand(number, 0, annotation, in_image, visible))
        return tuple(hands)

    def _faces_of(self, side: Handedness) -> IntArray:
        return self._hand_faces[:, ::-1] if side == "left" else self._hand_faces


def _to_camera(points: FloatArray, eye: Float64Array, rotation: Float64Array) -> FloatArray:
    return np.asarray((points - eye) @ rotation.T, np.float32)


def _turned_lighting(lighting: Lighting, rotation: Float64Array) -> Lighting:
    """The same lights after the camera turned by `rotation` (3, 3)."""
    return replace(lighting, directions=np.asarray(lighting.directions @ rotation.T, np.float32))


def _shape_object(thing: MovingObject, material: int, toward: Float64Array) -> Mesh:
    """A random shape that is large enough before a camera whose rotation is `toward` (3, 3)."""
    rng = np.random.default_rng(thing.shape_seed)
    largest = max(thing.extent)
    while True:
        mesh = random_occluder(rng, np.zeros(3, np.float32), float(rng.uniform(1.0, 3.0) * largest), material)
        excess = np.ptp(mesh.vertices @ toward.T, axis=0) / (*thing.extent, largest)
        if excess[:2].min() >= 1 and excess.max() <= MAX_OBJECT:
            return mesh


def _movement(performance: Performance, start: float, end: float) -> float:
    """The longest way in pixels of anything in the image between two times."""
    camera = performance.camera
    focal, ways = camera.intrinsics.fx, [0.0]
    turn = camera.rotation(end) @ camera.rotation(start).T
    ways.append(focal * float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    for curve in (*(hand.wrist for hand in performance.hands.values()), *(o.position for o in performance.objects)):
        before, after = (camera.rotation(at) @ (curve(at) - camera.eye(at)) for at in (start, end))
        if min(before[2], after[2]) > 0.1:
            ways.append(focal * float(np.linalg.norm(after[:2] / after[2] - before[:2] / before[2])))
    return max(ways)


def _darken(table: ImageArray, light: float) -> ImageArray:
    """A look-up table for less light."""
    return np.asarray(table * light, np.uint8)


def _take_photograph(look: Look, number: int, image: ImageArray) -> ImageArray:
    """Exposure and noise of the camera; the noise differs from image to image."""
    exposed = cv2.LUT(image, look.exposure)
    noise = luminance_noise(np.random.default_rng((look.seed, number)), image, look.noise)
    return np.asarray(np.clip(exposed + noise + 0.5, 0, 255), np.uint8)
