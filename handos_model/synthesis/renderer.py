"""`SceneRenderer`: from a seed and a frame number to a finished, labelled picture."""

from pathlib import Path

import numpy as np

from handos_model.hand.hand import FloatArray
from handos_model.hand.topology import HandTopology
from handos_model.io.annotations import AnnotatedImage
from handos_model.io.frame import ImageArray
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.backgrounds import Backgrounds
from handos_model.synthesis.camera_chain import through_camera
from handos_model.synthesis.labels import Labeller
from handos_model.synthesis.library import Library
from handos_model.synthesis.mesh import SceneMesh, join
from handos_model.synthesis.scene import Scene, SceneBuilder
from handos_model.synthesis.shading import Rendering, draw
from handos_model.synthesis.shadows import sphere_occlusion

ATTEMPTS = 4
STRAY_PIXELS = 60
"""A hand too far out of the frame to be labelled may show this many pixels; with more the scene is drawn anew."""


class SceneRenderer:
    """Renders frames; frame `index` of a seed is always the same picture.

    Parameters
    ----------
    assets
        Folder with the hand and the person.
    backgrounds
        Folder of photographs, or ``None`` for procedural backgrounds only.
    size
        Side of the square frames in pixels.
    """

    def __init__(self, assets: Path, backgrounds: Path | None, size: int) -> None:
        loaded = Assets.load(assets)
        self.library = Library(loaded)
        self._backgrounds = Backgrounds(backgrounds, size)
        self._scenes = SceneBuilder(loaded, self.library, size)
        self._labeller = Labeller(HandTopology.load())
        self._regressor = loaded.hand.joint_regressor

    def render(self, seed: int, index: int) -> AnnotatedImage:
        """Frame `index` of the endless sequence that `seed` names."""
        rng = np.random.default_rng((seed, index))
        for _ in range(ATTEMPTS):
            annotated, stray_pixels = self._attempt(rng)
            if stray_pixels <= STRAY_PIXELS:
                break
        return annotated

    def _attempt(self, rng: np.random.Generator) -> tuple[AnnotatedImage, int]:
        """A frame, and how many of its pixels show a hand that has no label."""
        scene = self._scenes.sample(rng)
        background = self._backgrounds.sample(rng)
        drawing = self.draw(scene, background)
        labels = [self._labeller.label(hand, k, scene.camera, drawing) for k, hand in enumerate(scene.hands)]
        strays = [k for k, label in enumerate(labels) if label is None]
        stray = np.isin(drawing.owners, strays) & (drawing.part_ids > 0)
        annotated = AnnotatedImage(
            image=through_camera(rng, drawing.image),
            hands=tuple(label for label in labels if label is not None),
            camera=scene.camera,
            part_ids=np.where(stray, np.uint8(0), drawing.part_ids),
        )
        return annotated, int(stray.sum())

    def draw(self, scene: Scene, background: ImageArray) -> Rendering:
        """Draw a scene before a background (H, W, 3) BGR."""
        if not scene.meshes:
            size = background.shape[:2]
            nothing = np.full(size, -1, np.int8)
            return Rendering(background, np.zeros(size, np.uint8), nothing, np.full(size, np.inf, np.float32))
        mesh = join(scene.meshes)
        camera = scene.camera
        return draw(
            mesh, self._occlusion(scene, mesh), scene.materials, self.library.bank, scene.lighting,
            (camera.fx, camera.fy, camera.cx, camera.cy), background,
        )  # fmt: skip

    def _occlusion(self, scene: Scene, mesh: SceneMesh) -> FloatArray:
        """(V,) the share of the sky that each vertex sees past the hands' fingers and palms, taken as spheres."""
        spheres = [_spheres(self._regressor @ hand.vertices) for hand in scene.hands]
        if not spheres:
            return np.ones(len(mesh.vertices), np.float32)
        return np.asarray(sphere_occlusion(mesh.vertices, mesh.normals, np.stack(spheres)), np.float32)


def _spheres(joints: FloatArray) -> FloatArray:
    """(n, 4) centres and radii (metres) that stand for a hand with these (21, 3) joints."""
    fingers = np.arange(1, 21).reshape(5, 4)
    middles = (joints[fingers[:, :-1]] + joints[fingers[:, 1:]]).reshape(-1, 3) / 2
    palm = joints[[5, 9, 13, 17]] * 0.6 + joints[0] * 0.4
    radii = np.concatenate([np.full(len(middles), 0.0085), np.full(len(palm), 0.016)])
    return np.column_stack([np.concatenate([middles, palm]), radii]).astype(np.float32)
