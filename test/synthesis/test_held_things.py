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


def test_most_hands_get_one_thing_that_touches_them(assets_folder: Path) -> None:
    assets = Assets.load(assets_folder)
    materials, rng = MaterialLibrary(assets), np.random.default_rng(0)
    sampler = SceneSampler(assets, materials, 128)
    held = HeldThings(assets.hand.joint_regressor, materials)
    hands, things = 0, []
    while hands < 60:
        scene = sampler.sample(rng)
        before = len(scene.meshes)
        held.put_in(rng, scene)
        hands += len(scene.hands)
        for mesh in scene.meshes[before:]:
            things.append(mesh)
            assert not mesh.part_ids.any()
            assert (mesh.hand_ids == -1).all()
            # From the middle of the thing, its own surface is farther away than the nearest joint of its hand, nearly.
            middle, radius = mesh.vertices.mean(axis=0), np.linalg.norm(np.ptp(mesh.vertices, axis=0)) / 2
            joints = np.concatenate([assets.hand.joint_regressor @ hand.vertices for hand in scene.hands])
            assert np.linalg.norm(joints - middle, axis=1).min() < radius + 0.03
    assert HELD_PROBABILITY - 0.2 < len(things) / hands <= HELD_PROBABILITY + 0.2


def test_things_hide_parts_of_hands_and_change_no_label(assets_folder: Path) -> None:
    usual, holding = (SceneRenderer(assets_folder, None, 128, RareScenes(held=held)) for held in (0.0, 1.0))
    hidden = []
    for index in range(10):
        empty, full = usual.render(3, index), holding.render(3, index)
        for hand in full.hands:
            assert any(np.array_equal(hand.joints_2d, other.joints_2d) for other in empty.hands)
        assert empty.part_ids is not None
        assert full.part_ids is not None
        hidden.append(int((empty.part_ids > 0).sum() - (full.part_ids > 0).sum()))
    assert sum(count > 0 for count in hidden) >= 3
