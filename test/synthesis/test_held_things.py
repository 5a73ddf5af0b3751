"""Things in hands: on the palm's side, as large as the grasp, and labelled as no hand."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.held_things import HELD_PROBABILITY, HeldThings, grasp_frame
from handos_model.synthesis.material_library import MaterialLibrary
from handos_model.synthesis.rare_scenes import RareScenes
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.synthesis.rotations import random_rotation
from handos_model.synthesis.scene import SceneSampler

PALM = [0, 5, 9, 13, 17]
GRID = np.array([(k, j, 8 - k - j) for k in range(9) for j in range(9 - k)]) / 8
"""Barycentric coordinates of points all over a triangle."""


@pytest.fixture(scope="module")
def rest_joints() -> Float64Array:
    """Of a flat right hand: y to the fingers, x to the thumb, z out of the palm."""
    topology = HandTopology.load()
    return np.asarray(topology.joint_regressor @ topology.mean_vertices, np.float64)


@pytest.mark.parametrize("is_right", [True, False])
def test_the_grasp_frame_points_across_the_palm_and_out_of_it(rest_joints: Float64Array, is_right: bool) -> None:
    rotation = random_rotation(np.random.default_rng(1))
    mirror = np.array([1 if is_right else -1, 1, 1])
    across, outwards, grasp = grasp_frame((rest_joints * mirror) @ rotation.T, is_right=is_right)
    assert across @ (rotation @ (mirror * [1, 0, 0])) > 0.9
    assert outwards @ (rotation @ [0, 0, 1]) > 0.9
    assert grasp == pytest.approx(0.1, abs=0.03)


def test_most_hands_get_one_thing_that_touches_the_palms_side(assets_folder: Path) -> None:
    assets = Assets.load(assets_folder)
    materials, rng = MaterialLibrary(assets), np.random.default_rng(0)
    sampler = SceneSampler(assets, materials, 128)
    held = HeldThings(assets.hand.joint_regressor, materials)
    hands, things = 0, 0
    while hands < 40:
        scene = sampler.sample(rng)
        if len(scene.hands) != 1:
            continue
        hands += 1
        before = len(scene.meshes)
        held.put_in(rng, scene)
        assert len(scene.meshes) - before <= 1
        for mesh in scene.meshes[before:]:
            things += 1
            assert not mesh.part_ids.any()
            assert (mesh.hand_ids == -1).all()
            joints = np.asarray(assets.hand.joint_regressor @ scene.hands[0].vertices, np.float64)
            corners = mesh.vertices[mesh.faces].astype(np.float64)
            surface = np.einsum("gc,fck->gfk", GRID, corners).reshape(-1, 3)
            assert np.linalg.norm(surface[:, None] - joints, axis=-1).min() < 0.025
            _, outwards, _ = grasp_frame(joints, is_right=scene.hands[0].side == "right")
            assert (mesh.vertices.mean(axis=0) - joints[PALM].mean(axis=0)) @ outwards > -0.02
    assert HELD_PROBABILITY - 0.2 < things / hands < HELD_PROBABILITY + 0.2


def test_things_hide_parts_of_hands_and_change_no_label(assets_folder: Path) -> None:
    usual, holding = (SceneRenderer(assets_folder, None, 128, RareScenes(held=held)) for held in (0.0, 1.0))
    hidden, kept = [], []
    for index in range(10):
        empty, full = usual.render(3, index), holding.render(3, index)
        for hand in empty.hands:
            kept.append(any(np.array_equal(hand.joints_2d, other.joints_2d) for other in full.hands))
        assert empty.part_ids is not None
        assert full.part_ids is not None
        hidden.append(int((empty.part_ids > 0).sum() - (full.part_ids > 0).sum()))
    assert sum(count > 0 for count in hidden) >= 3
    assert np.mean(kept) > 0.7
