"""Painted skins: what tells palm from back, and finger from finger, is where it is on people."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("numba", reason="meshes need the train extra")
pytest.importorskip("scipy", reason="making assets needs the assets extra")

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.asset_making.complexion import Complexion
from handos_model.synthesis.asset_making.hand_atlas import ATLAS_SIZE, HandAtlas
from handos_model.synthesis.asset_making.hand_painter import HandPainter
from handos_model.synthesis.asset_making.hand_regions import HandRegions
from handos_model.synthesis.asset_making.noise import Noise
from handos_model.synthesis.asset_making.texels import Texels
from handos_model.synthesis.mesh import vertex_normals

TOPOLOGY = HandTopology.load()
JOINTS = TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices
VERTICES = TOPOLOGY.mean_vertices
NORMALS = vertex_normals(VERTICES, TOPOLOGY.faces_right)


def painted(tone: float, seed: int = 0, points: FloatArray = VERTICES, normals: FloatArray = NORMALS) -> FloatArray:
    painter = HandPainter(HandRegions(JOINTS, points, normals), np.zeros(len(points), np.float32))
    return painter.paint(Complexion.sample(seed, tone))


@pytest.mark.parametrize(("tone", "seed"), list(product((-0.1, 0.5, 1.15), (0, 1))))
def test_colours_are_those_of_skin(tone: float, seed: int) -> None:
    colours = painted(tone, seed)
    blue, green, red = colours.mean(axis=0)
    assert ((colours > 0) & (colours < 1)).all()
    assert blue < green < red


def test_the_palm_of_a_dark_hand_is_paler_than_its_back() -> None:
    regions = HandRegions(JOINTS, VERTICES, NORMALS)
    colours = painted(0.9)
    assert colours[regions.palmar > 0.9].mean() > 2 * colours[regions.palmar < 0.1].mean()


def test_the_palm_of_a_light_hand_is_rosier_than_its_back() -> None:
    regions = HandRegions(JOINTS, VERTICES, NORMALS)
    redness = np.divide(*painted(0.0)[:, [2, 1]].T)
    assert redness[regions.palmar > 0.9].mean() > 1.05 * redness[regions.palmar < 0.1].mean()


def test_fingers_bend_at_dark_lines() -> None:
    """The dip joints' creases on the pads, for which the points around them are needed finely."""
    along = np.linspace(-0.006, 0.006, 121, dtype=np.float32)
    dark = []
    for finger in range(1, 5):
        regions = HandRegions(JOINTS, VERTICES, NORMALS)
        direction, pad = regions.direction(4 * finger + 3), regions.pad_direction(finger)
        points = JOINTS[4 * finger + 3] + 0.007 * pad + along[:, None] * direction
        colours = painted(0.3, points=points.astype(np.float32), normals=np.tile(pad, (len(along), 1)))
        dark.append(abs(along[colours.sum(axis=1).argmin()]))
    assert max(dark) < 0.003


def test_points_are_told_apart_by_finger_and_side() -> None:
    regions = HandRegions(JOINTS, JOINTS, np.tile(np.float32([0, 0, 1]), (21, 1)))
    assert [int(regions.finger[4 * finger + 4]) for finger in range(5)] == [0, 1, 2, 3, 4]
    assert int(regions.finger[0]) == -1
    assert regions.palmar[9] == pytest.approx(1)
    assert HandRegions(JOINTS, JOINTS, np.tile(np.float32([0, 0, -1]), (21, 1))).palmar[9] == pytest.approx(0)


def test_a_complexion_is_that_of_its_seed() -> None:
    assert np.array_equal(painted(0.4, 3), painted(0.4, 3))
    assert not np.array_equal(painted(0.4, 3), painted(0.4, 4))


def test_noise_is_smooth_and_of_unit_deviation() -> None:
    noise = Noise(np.random.default_rng(0))
    points = np.random.default_rng(1).uniform(0, 1, (20000, 3)).astype(np.float32)
    values = noise(points, 0.02)
    assert values.std() == pytest.approx(1, abs=0.15)
    assert values.mean() == pytest.approx(0, abs=0.15)
    step = noise(points + np.float32(1e-5), 0.02) - values
    assert np.abs(step).max() < 0.02


def test_texels_show_the_points_between_the_corners_of_their_face() -> None:
    vertices = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.int32([[0, 1, 2], [0, 2, 3]])
    uv = np.float32([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
    texels = Texels.bake(vertices, faces, uv, faces, (64, 64))
    expected = (np.stack([texels.columns + 0.5, 63.5 - texels.rows], axis=1) / 64 - 0.25) / 0.5
    assert len(texels.rows) >= 32 * 32
    assert np.allclose(texels.points[:, :2], expected.clip(0, 1), atol=0.05)
    assert np.allclose(texels.normals, [0, 0, 1])
    image = texels.image(np.tile(np.float32([0.25, 0.25, 0.25]), (len(texels.rows), 1)))
    assert image[32, 32].tolist() == [128, 128, 128]
    assert image[32, 12].tolist() == [128, 128, 128]  # beside the used texels


def test_the_hands_texture_shows_the_same_texels_as_the_whole_one() -> None:
    rng = np.random.default_rng(0)
    hand, forearm = rng.uniform((0.4, 0.05), (0.5, 0.15), (20, 2)), rng.uniform((0.02, 0.88), (0.1, 0.98), (20, 2))
    uv = np.concatenate([hand, forearm]).astype(np.float32)
    atlas = HandAtlas.around(uv)
    rows, columns = np.mgrid[:ATLAS_SIZE, :ATLAS_SIZE].astype(np.float32)
    for coordinate, wanted in ((columns, uv[:, 0]), (rows, 1 - uv[:, 1])):
        cut, placed = atlas.cut(coordinate), atlas.place(uv)
        height, width = cut.shape
        found = cut[((1 - placed[:, 1]) * height).astype(int), (placed[:, 0] * width).astype(int)]
        assert np.allclose(found, wanted * ATLAS_SIZE, atol=1.01)
