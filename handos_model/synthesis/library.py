"""Textures by purpose: skins, cloths, things; and the materials made of them."""

import numpy as np

from handos_model.io.frame import ImageArray
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.patterns import CLOTHS, random_pattern
from handos_model.synthesis.shading import Material
from handos_model.synthesis.textures import TextureBank, used_texels

CLOTH_COUNT = 48
THING_COUNT = 48
PATTERN_SIZE = 192
PATTERN_SEED = 10


class Library:
    """The texture bank of a process and what is where in it."""

    def __init__(self, assets: Assets) -> None:
        rng = np.random.default_rng(PATTERN_SEED)
        hand, person = assets.hand, assets.person
        cloths = [CLOTHS[k % len(CLOTHS)](rng, PATTERN_SIZE) for k in range(CLOTH_COUNT)]
        things = [random_pattern(rng, PATTERN_SIZE) for _ in range(THING_COUNT)]
        images: list[ImageArray] = [*hand.skins, *person.skins, *cloths, *things, np.full((4, 4, 3), 255, np.uint8)]
        hand_texels = used_texels(hand.mesh.uv, hand.mesh.face_uv, hand.skins[0])
        skin_faces = person.mesh.face_uv[np.isin(person.face_labels, (0, 1))]
        face_texels = used_texels(person.mesh.uv, skin_faces, person.skins[0])
        masks = [*[hand_texels] * len(hand.skins), *[face_texels] * len(person.skins)]
        self.bank = TextureBank.of(images, [*masks, *[None] * (len(images) - len(masks))])
        self.skin_count = len(hand.skins)
        self._person_skins = len(hand.skins)
        self._cloths = self._person_skins + len(person.skins)
        self._things = self._cloths + CLOTH_COUNT
        self.plain = self._things + THING_COUNT

    def skin(self, rng: np.random.Generator, skin: int, level: int) -> tuple[Material, Material]:
        """Materials of the free hand and of the person with one skin, varied in hue, brightness and contrast."""
        brightness = np.exp(rng.normal(0, 0.18))
        tint = brightness * np.exp(rng.normal(0, [0.09, 0.05, 0.05]))
        look = {
            "tint": (float(tint[0]), float(tint[1]), float(tint[2])),
            "contrast": float(rng.uniform(0.8, 1.5)),
            "gloss": float(rng.gamma(1.5, 0.035)),
            "sharpness": int(rng.integers(3, 6)),
            "translucency": float(rng.uniform(0.1, 0.5)),
        }
        hand = Material(skin, level=level, **look)  # type: ignore[arg-type]
        person = Material(self._person_skins + skin, level=min(level, 1), **look)  # type: ignore[arg-type]
        return hand, person

    def cloth(self, rng: np.random.Generator, level: int) -> Material:
        """A fabric; half of them in another colour than painted."""
        tint = np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.25, 3))
        texture = self._cloths + int(rng.integers(CLOTH_COUNT))
        return Material(texture, tuple(tint.tolist()), translucency=0.1, level=level)

    def thing(self, rng: np.random.Generator) -> Material:
        """The surface of an object: matt to glossy."""
        tint = np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.2, 3))
        texture = self._things + int(rng.integers(THING_COUNT))
        gloss = float(rng.choice([0.0, rng.gamma(2.0, 0.15)]))
        return Material(texture, tuple(tint.tolist()), gloss=gloss, sharpness=int(rng.integers(3, 8)), level=1)
