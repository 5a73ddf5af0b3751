"""What people wear: sleeves of different lengths, with or without a skirt, as faces of the person that are kept."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.assets import SIDES, PersonAsset

SLEEVES: Final[tuple[tuple[float, tuple[str, ...]], ...]] = (
    (0.25, ("lowerarm", "wrist")),
    (0.15, ("lowerarm", "wrist", "upperarm02")),
    (0.1, ("lowerarm", "wrist", "upperarm")),
    (0.15, ("lowerarm02", "wrist")),
    (0.35, ()),
)
"""Probability of each length, and the prefixes of the bones whose clothes are left out."""
SKIRT_PROBABILITY: Final = 0.3
WAIST: Final = 0.08
"""Metres, height at rest of the border between upper and lower clothes."""


@dataclass(frozen=True)
class Outfit:
    """The faces of a person in certain clothes."""

    faces: IntArray
    """(F, 3)"""
    uv: FloatArray
    """(F, 3, 2) texture coordinates of each corner, v down."""
    materials: npt.NDArray[np.int16]
    """(F,) 0 skin, 1 upper clothes, 2 lower clothes, 3 eyes."""
    part_ids: npt.NDArray[np.uint8]
    """(F,) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky."""
    sides: npt.NDArray[np.int8]
    """(F,) 0 not a hand, 1 the left hand, 2 the right hand."""


class Wardrobe:
    """All outfits of the person asset; there are so few that each is made once."""

    def __init__(self, asset: PersonAsset) -> None:
        self._asset = asset
        self._labels = {name: number for number, name in enumerate(asset.label_names)}
        self._limits = list(accumulate(probability for probability, _ in SLEEVES))[:-1]
        self._made: dict[tuple[int, bool], Outfit] = {}

    def sample(self, rng: np.random.Generator) -> Outfit:
        """A random outfit."""
        sleeves = int(np.searchsorted(self._limits, rng.random(), side="right"))
        choice = (sleeves, bool(rng.random() >= 1 - SKIRT_PROBABILITY))
        if choice not in self._made:
            self._made[choice] = self._make(*choice)
        return self._made[choice]

    def _make(self, sleeves: int, with_skirt: bool) -> Outfit:
        asset, prefixes = self._asset, SLEEVES[sleeves][1]
        bare = np.array([name.startswith(prefixes) for name in asset.mesh.bone_names])
        left_out = (asset.face_labels == self._labels["clothes"]) & bare[self._face_bones]
        if not with_skirt:
            left_out |= asset.face_labels == self._labels["skirt"]
        kept = np.flatnonzero(~left_out)
        return Outfit(
            faces=asset.mesh.faces[kept],
            uv=self._uv[kept],
            materials=self._materials[kept],
            part_ids=asset.face_parts[kept],
            sides=self._sides[kept],
        )

    @cached_property
    def _face_bones(self) -> IntArray:
        """(F,) the bone that moves each face most."""
        mesh = self._asset.mesh
        return np.asarray(mesh.skin_weights[mesh.faces].sum(axis=1).argmax(axis=1), np.int32)

    @cached_property
    def _materials(self) -> npt.NDArray[np.int16]:
        mesh, labels = self._asset.mesh, self._asset.face_labels
        materials = np.zeros(len(labels), np.int16)
        height = mesh.vertices[mesh.faces].mean(axis=1)[:, 1]
        clothes = labels == self._labels["clothes"]
        materials[clothes] = np.where(height > WAIST, 1, 2)[clothes]
        materials[labels == self._labels["skirt"]] = 2
        materials[labels == self._labels["eye"]] = 3
        return materials

    @cached_property
    def _sides(self) -> npt.NDArray[np.int8]:
        faces = self._asset.mesh.faces
        sides = np.zeros(len(faces), np.int8)
        for number, side in enumerate(SIDES, start=1):
            at_hand = np.zeros(len(self._asset.mesh.vertices), bool)
            at_hand[self._asset.hand_vertices[side]] = True
            sides[at_hand[faces].all(axis=1) & (self._asset.face_parts > 0)] = number
        return sides

    @cached_property
    def _uv(self) -> FloatArray:
        """(F, 3, 2); clothes are projected from the front, as the atlas does not cover them."""
        mesh = self._asset.mesh
        uv = mesh.uv[mesh.face_uv]
        clothes = np.isin(self._asset.face_labels, (self._labels["clothes"], self._labels["skirt"]))
        corners = mesh.vertices[mesh.faces[clothes]]
        uv[clothes] = np.stack([corners[..., 0] + 0.6 * corners[..., 2], -corners[..., 1]], axis=-1) * 3.0
        return uv.astype(np.float32)
