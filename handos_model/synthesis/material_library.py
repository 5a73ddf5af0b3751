"""Textures by purpose (skin, cloth, occluders), and random materials that use them."""

import numpy as np

from handos_model.geometry.arrays import ImageArray
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.patterns import CLOTH_PATTERNS, random_pattern
from handos_model.synthesis.shading import Material
from handos_model.synthesis.textures import TextureBank, used_texels

CLOTH_COUNT = 48
OCCLUDER_COUNT = 48
PATTERN_SIZE = 192
PATTERN_SEED = 10


class MaterialLibrary:
    """A process's textures, and which of them are skin, cloth and so on.

    The procedural textures are the same in every process, so that a frame does not depend on which one renders it.
    """

    def __init__(self, assets: Assets) -> None:
        rng = np.random.default_rng(PATTERN_SEED)
        hand, person = assets.hand, assets.person
        cloth = [CLOTH_PATTERNS[k % len(CLOTH_PATTERNS)](rng, PATTERN_SIZE) for k in range(CLOTH_COUNT)]
        occluders = [random_pattern(rng, PATTERN_SIZE) for _ in range(OCCLUDER_COUNT)]
        images: list[ImageArray] = [*hand.skins, *person.skins, *cloth, *occluders, np.full((4, 4, 3), 255, np.uint8)]
        hand_texels = used_texels(hand.mesh.uv, hand.mesh.face_uv, hand.skins[0])
        head = [person.label_names.index(name) for name in ("head", "neck")]
        skin_faces = person.mesh.face_uv[np.isin(person.face_labels, head)]
        face_texels = used_texels(person.mesh.uv, skin_faces, person.skins[0])
        masks = [*[hand_texels] * len(hand.skins), *[face_texels] * len(person.skins)]
        self.textures = TextureBank.pack(images, [*masks, *[None] * (len(images) - len(masks))])
        self.skin_count = len(hand.skins)
        self._first_person_skin = len(hand.skins)
        self._first_cloth = self._first_person_skin + len(person.skins)
        self._first_occluder = self._first_cloth + CLOTH_COUNT
        self.plain_texture = self._first_occluder + OCCLUDER_COUNT

    def sample_skin(self, rng: np.random.Generator, skin: int, mip_level: int) -> tuple[Material, Material]:
        """One skin as materials of the hand asset and of the person, with random hue, brightness and contrast."""
        brightness = np.exp(rng.normal(0, 0.18))
        tint = brightness * np.exp(rng.normal(0, [0.09, 0.05, 0.05]))
        appearance = {
            "tint": (float(tint[0]), float(tint[1]), float(tint[2])),
            "contrast": float(rng.uniform(0.8, 1.5)),
            "specular": float(rng.gamma(1.5, 0.035)),
            "log2_shininess": int(rng.integers(3, 6)),
            "translucency": float(rng.uniform(0.1, 0.5)),
        }
        hand = Material(skin, mip_level=mip_level, **appearance)  # type: ignore[arg-type]
        person = Material(
            self._first_person_skin + skin,
            mip_level=min(mip_level, 1),
            **appearance,  # type: ignore[arg-type]
        )
        return hand, person

    def sample_cloth(self, rng: np.random.Generator, mip_level: int) -> Material:
        """A fabric in a random colour."""
        tint = np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.25, 3))
        texture = self._first_cloth + int(rng.integers(CLOTH_COUNT))
        return Material(texture, tuple(tint.tolist()), translucency=0.1, mip_level=mip_level)

    def sample_occluder(self, rng: np.random.Generator) -> Material:
        """The surface of an occluder: matt to glossy."""
        tint = np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.2, 3))
        texture = self._first_occluder + int(rng.integers(OCCLUDER_COUNT))
        specular = float(rng.choice([0.0, rng.gamma(2.0, 0.15)]))
        return Material(
            texture, tuple(tint.tolist()), specular=specular, log2_shininess=int(rng.integers(3, 8)), mip_level=1
        )
