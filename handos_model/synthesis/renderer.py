"""`SceneRenderer`: renders a labelled image for a seed and a frame number."""

from pathlib import Path

import numpy as np

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.backgrounds import Backgrounds
from handos_model.synthesis.camera_effects import (
    apply_camera_effects,
    misexpose,
    photograph_in_infrared,
    without_colours,
)
from handos_model.synthesis.gloves import Gloves
from handos_model.synthesis.held_things import HeldThings
from handos_model.synthesis.labels import Labeller
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.mesh import SceneMesh, join_meshes
from handos_model.synthesis.rare_scenes import USUAL_SCENES, RareScenes
from handos_model.synthesis.scene import Scene, SceneSampler
from handos_model.synthesis.shading import Rendering, render_mesh
from handos_model.synthesis.shadows import sphere_occlusion
from handos_model.synthesis.textures import TextureBank

MAX_ATTEMPTS = 4
MAX_UNLABELLED_PIXELS = 60
"""Of hands too far outside the frame to be labelled; with more of them another scene is tried."""


class SceneRenderer:
    """Renders frames; frame `index` of a seed is always the same image.

    Parameters
    ----------
    assets
        Folder with the hand and the person.
    backgrounds
        Folder of photographs, or ``None`` for procedural backgrounds only.
    size
        Side of the square frames in pixels.
    rare
        How often frames show what is rare.
    """

    def __init__(self, assets: Path, backgrounds: Path | None, size: int, rare: RareScenes = USUAL_SCENES) -> None:
        loaded = Assets.load(assets)
        self._rare = rare
        self.materials = MaterialLibrary(loaded)
        self._backgrounds = Backgrounds(backgrounds, size)
        self._scenes = SceneSampler(loaded, self.materials, size)
        self._gloves = Gloves(loaded, self.materials)
        self._held_things = HeldThings(loaded.hand.joint_regressor, self.materials)
        self._labeller = Labeller(HandTopology.load())
        self._regressor = loaded.hand.joint_regressor

    def render(self, seed: int, index: int) -> AnnotatedImage:
        """Frame `index` of the infinite sequence of a seed."""
        # What is rare has generators of its own: the usual frames of a seed do not depend on it.
        rng, rare_rng, held_rng = (
            np.random.default_rng(key) for key in ((seed, index), (seed, index, 1), (seed, index, 2))
        )
        for _ in range(MAX_ATTEMPTS):
            annotated, unlabelled_pixels = self._render_random_scene(rng, rare_rng, held_rng)
            if unlabelled_pixels <= MAX_UNLABELLED_PIXELS:
                break
        return annotated

    def _render_random_scene(
        self, rng: np.random.Generator, rare_rng: np.random.Generator, held_rng: np.random.Generator
    ) -> tuple[AnnotatedImage, int]:
        """A frame, and the number of its pixels that show a hand without a label."""
        scene = self._sample_scene(rng, rare_rng)
        if held_rng.random() < self._rare.held:
            self._held_things.put_in(held_rng, scene)
        background = self._backgrounds.sample(rng)
        rendering = self.render_scene(scene, background)
        labels = [self._labeller.label(hand, k, scene.camera, rendering) for k, hand in enumerate(scene.hands)]
        unlabelled = [k for k, label in enumerate(labels) if label is None]
        unlabelled_mask = np.isin(rendering.hand_ids, unlabelled) & (rendering.part_ids > 0)
        annotated = AnnotatedImage(
            image=self._photograph(rng, rare_rng, rendering),
            hands=tuple(label for label in labels if label is not None),
            camera=scene.camera,
            part_ids=np.where(unlabelled_mask, np.uint8(0), rendering.part_ids),
        )
        return annotated, int(unlabelled_mask.sum())

    def _sample_scene(self, rng: np.random.Generator, rare_rng: np.random.Generator) -> Scene:
        kind = rare_rng.random()
        if kind < self._rare.crowds:
            scene = self._scenes.sample_crowd(rare_rng)
        elif kind < self._rare.crowds + self._rare.head_mounted:
            scene = self._scenes.sample_head_mounted(rare_rng)
        else:
            scene = self._scenes.sample(rng)
        if rare_rng.random() < self._rare.gloves:
            self._gloves.put_on(rare_rng, scene)
        return scene

    def _photograph(self, rng: np.random.Generator, rare_rng: np.random.Generator, rendering: Rendering) -> ImageArray:
        """What a camera makes of the rendered image."""
        image, is_infrared = rendering.image, rare_rng.random() < self._rare.infrared
        if is_infrared:
            image = photograph_in_infrared(rare_rng, image, rendering.depth)
        if rare_rng.random() < self._rare.darkness:
            image = misexpose(rare_rng, image)
        image = apply_camera_effects(rng, image)
        return without_colours(image) if is_infrared else image

    def render_scene(self, scene: Scene, background: ImageArray) -> Rendering:
        """Render a scene over a background (H, W, 3) BGR."""
        return render_scene(scene, background, self.materials.textures, self._regressor)


def render_scene(scene: Scene, background: ImageArray, textures: TextureBank, joint_regressor: FloatArray) -> Rendering:
    """Render a scene over a background (H, W, 3) BGR.

    Parameters
    ----------
    scene, background
        What is rendered; the background sets the size of the image.
    textures
        Of the scene's materials.
    joint_regressor
        (21, Vh) of the scene's hands, whose fingers darken what is close to them.
    """
    if not scene.meshes:
        size = background.shape[:2]
        no_hand = np.full(size, -1, np.int8)
        return Rendering(background, np.zeros(size, np.uint8), no_hand, np.full(size, np.inf, np.float32))
    mesh = join_meshes(scene.meshes)
    camera = scene.camera
    return render_mesh(
        mesh, _ambient_occlusion(scene, mesh, joint_regressor), scene.materials, textures, scene.lighting,
        (camera.fx, camera.fy, camera.cx, camera.cy), background,
    )  # fmt: skip


def _ambient_occlusion(scene: Scene, mesh: SceneMesh, joint_regressor: FloatArray) -> FloatArray:
    """(V,) ambient occlusion by fingers and palms, approximated by spheres; 1 = none."""
    spheres = [_hand_spheres(joint_regressor @ hand.vertices) for hand in scene.hands]
    if not spheres:
        return np.ones(len(mesh.vertices), np.float32)
    return np.asarray(sphere_occlusion(mesh.vertices, mesh.normals, np.stack(spheres)), np.float32)


def _hand_spheres(joints: FloatArray) -> FloatArray:
    """(n, 4) centres and radii (metres) of spheres that approximate a hand with joints (21, 3)."""
    fingers = np.arange(1, 21).reshape(5, 4)
    bone_centres = (joints[fingers[:, :-1]] + joints[fingers[:, 1:]]).reshape(-1, 3) / 2
    palm = joints[[5, 9, 13, 17]] * 0.6 + joints[0] * 0.4
    radii = np.concatenate([np.full(len(bone_centres), 0.0085), np.full(len(palm), 0.016)])
    return np.column_stack([np.concatenate([bone_centres, palm]), radii]).astype(np.float32)
