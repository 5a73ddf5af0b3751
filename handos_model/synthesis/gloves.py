"""Gloves: other materials and colours on the skin of hands, a little thicker than it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.mesh import Mesh, vertex_normals
from handos_model.synthesis.scene import Scene
from handos_model.synthesis.shading import Material

WORN_PROBABILITY: Final = 0.9
"""Of each hand, if there are gloves in a scene."""
SURGICAL_COLOURS: Final = ((0.75, 0.5, 0.25), (0.85, 0.85, 0.82), (0.5, 0.2, 0.3), (0.55, 0.6, 0.3), (0.03, 0.03, 0.03))
"""Blue, white, purple, green, black: linear BGR."""
WORK_COLOURS: Final = (
    (0.05, 0.4, 0.75), (0.05, 0.6, 0.7), (0.1, 0.1, 0.1), (0.6, 0.6, 0.6), (0.1, 0.2, 0.35), (0.5, 0.2, 0.05),
)  # fmt: skip
"""Orange, yellow, black, grey, leather, blue."""


@dataclass(frozen=True)
class Glove:
    """What all gloves of a scene look like."""

    material: Material
    colour: FloatArray
    """(3,) factors of the texture's colour, linear BGR."""
    palm_colour: FloatArray
    """(3,) the same, of the side that grasps."""
    cuff: float
    """Metres from the wrist to the end of the glove, towards the elbow."""
    thickness: float
    """Metres."""
    repeats: float
    """How often the texture is repeated."""


class Gloves:
    """Puts gloves on the hands of scenes."""

    def __init__(self, assets: Assets, materials: MaterialLibrary) -> None:
        hand = assets.hand.mesh
        self._materials = materials
        self._heights = hand.vertices[:, 1]
        self._is_palmar = vertex_normals(hand.vertices, hand.faces)[:, 2] > 0
        self._person_vertices = assets.person.hand_vertices
        self._all_vertices = np.arange(len(hand.vertices), dtype=np.int32)

    def put_on(self, rng: np.random.Generator, scene: Scene) -> None:
        """Dress most of the scene's hands in gloves of one kind."""
        glove = (self._work_glove, self._surgical_glove, self._knitted_glove)[rng.integers(3)](rng)
        material = scene.add_material(glove.material)
        for number, mesh in enumerate(scene.meshes):
            hand_ids = [int(hand) for hand in np.unique(mesh.hand_ids) if hand >= 0]
            for hand in hand_ids:
                if rng.random() < WORN_PROBABILITY:
                    # People have two hands and vertices of their own, arms without a body those of the hand asset.
                    side = scene.hands[hand].side
                    own = self._person_vertices[side] if len(hand_ids) == 2 else self._all_vertices
                    scene.meshes[number] = self._covered(scene.meshes[number], hand, own, glove, material)

    def _covered(self, mesh: Mesh, hand: int, own: IntArray, glove: Glove, material: int) -> Mesh:
        """The mesh with a glove on a hand, whose vertices of the hand asset are `own` (Vh,) in the mesh."""
        gloved = self._heights > -glove.cuff
        inside = np.zeros(len(mesh.vertices), bool)
        inside[own[gloved]] = True
        skin = mesh.materials[(mesh.hand_ids == hand) & (mesh.part_ids > 0)][0]
        faces = inside[mesh.faces].all(axis=1) & (mesh.materials == skin)
        vertices, tint, uv, materials = mesh.vertices.copy(), mesh.tint.copy(), mesh.uv.copy(), mesh.materials.copy()
        vertices[inside] += np.float32(glove.thickness) * vertex_normals(mesh.vertices, mesh.faces)[inside]
        tint[own[gloved]] = np.where(self._is_palmar[gloved, None], glove.palm_colour, glove.colour)
        uv[faces] *= np.float32(glove.repeats)
        materials[faces] = material
        return replace(mesh, vertices=vertices, tint=tint, uv=uv, materials=materials)

    def _work_glove(self, rng: np.random.Generator) -> Glove:
        """Cloth or leather, usually with a palm coated in another colour."""
        material = replace(self._materials.sample_cloth(rng, 0), specular=float(rng.choice([0.0, 0.15])))
        colour, coating = (_varied(rng, WORK_COLOURS) * 2 for _ in range(2))
        palm = coating if rng.random() < 0.7 else colour
        return Glove(material, colour, palm, rng.uniform(0.0, 0.09), rng.uniform(0.001, 0.0025), rng.uniform(2, 5))

    def _surgical_glove(self, rng: np.random.Generator) -> Glove:
        """Thin rubber."""
        material = Material(
            self._materials.plain_texture, specular=float(rng.uniform(0.05, 0.35)), log2_shininess=5, translucency=0.3
        )
        colour = _varied(rng, SURGICAL_COLOURS)
        return Glove(material, colour, colour, rng.uniform(0.02, 0.09), 0.0004, 1.0)

    def _knitted_glove(self, rng: np.random.Generator) -> Glove:
        """Wool with the pattern of a cloth."""
        colour = np.exp(rng.normal(0, 0.3, 3)).astype(np.float32)
        material = self._materials.sample_cloth(rng, 0)
        return Glove(material, colour, colour, rng.uniform(0.01, 0.07), rng.uniform(0.001, 0.0025), rng.uniform(6, 12))


def _varied(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> FloatArray:
    """(3,) one of the colours, a little changed."""
    return np.asarray(np.array(colours[rng.integers(len(colours))]) * np.exp(rng.normal(0, 0.2, 3)), np.float32)
