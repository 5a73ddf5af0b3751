"""Rendered frames: exact labels, and the same image for the same seed and index."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.datasets.annotated_folder import AnnotatedFolder, shard_path
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.geometry.projection import project
from handos_model.hand.handedness import signed_volume
from handos_model.hand.topology import HandTopology
from handos_model.synthesis import dataset
from handos_model.synthesis.contact_sheet import contact_sheet
from handos_model.synthesis.dataset import render_dataset
from handos_model.synthesis.renderer import SceneRenderer

SIZE = 128


@pytest.fixture(scope="module")
def renderer(assets_folder: Path) -> SceneRenderer:
    return SceneRenderer(assets_folder, None, SIZE)


@pytest.fixture(scope="module")
def frames(renderer: SceneRenderer) -> list[AnnotatedImage]:
    return [renderer.render(1, index) for index in range(40)]


def test_missing_assets_are_named_with_option_and_format_description(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"right_hand\.npz.*--assets.*docs/synthesis\.md"):
        render_dataset(tmp_path, tmp_path / "out", 10, 1)


def test_frame_depends_only_on_seed_and_index(renderer: SceneRenderer, frames: list[AnnotatedImage]) -> None:
    again, other = renderer.render(1, 7), renderer.render(2, 7)
    assert np.array_equal(again.image, frames[7].image)
    assert not np.array_equal(other.image, frames[7].image)


def test_3d_joints_project_to_2d_joints(frames: list[AnnotatedImage]) -> None:
    for frame in frames:
        for hand in frame.hands:
            assert frame.camera is not None
            assert hand.joints_3d is not None
            assert np.allclose(project(hand.joints_3d, frame.camera), hand.joints_2d, atol=1e-2)


def test_joints_and_handedness_agree_with_the_mesh(frames: list[AnnotatedImage]) -> None:
    topology = HandTopology.load()
    hands = [hand for frame in frames for hand in frame.hands]
    assert {hand.handedness for hand in hands} == {"left", "right"}
    for hand in hands:
        assert hand.vertices is not None
        assert hand.joints_3d is not None
        assert np.allclose(topology.joint_regressor @ hand.vertices, hand.joints_3d, atol=1e-5)
        assert (float(signed_volume(hand.vertices, topology)) > 0) == (hand.handedness == "right")


def test_visible_joints_lie_on_hand_pixels(frames: list[AnnotatedImage]) -> None:
    on_hand = []
    for frame in frames:
        assert frame.part_ids is not None
        dilated = cv2.dilate((frame.part_ids > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
        for hand in frame.hands:
            assert hand.visibility is not None
            at = hand.joints_2d[hand.visibility][1:].round().astype(int).clip(0, SIZE - 1)
            on_hand += dilated[at[:, 1], at[:, 0]].tolist()
    assert np.mean(on_hand) > 0.97


def test_contact_sheet_shows_each_frame_twice(frames: list[AnnotatedImage]) -> None:
    assert contact_sheet(frames[:5], 3).shape == (2 * SIZE, 3 * 2 * SIZE, 3)


def test_repeated_run_renders_only_the_missing_shards(
    assets_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SHARD_FRAMES", 4)
    render_dataset(assets_folder, tmp_path, 10, 5, workers=1, size=SIZE)
    first = AnnotatedFolder(tmp_path)
    images = [frame.image for frame in first]
    kept = shard_path(tmp_path, 0).stat().st_mtime_ns
    shard_path(tmp_path, 1).unlink()
    render_dataset(assets_folder, tmp_path, 10, 5, workers=1, size=SIZE)
    assert shard_path(tmp_path, 0).stat().st_mtime_ns == kept
    assert all(np.array_equal(a, b.image) for a, b in zip(images, AnnotatedFolder(tmp_path), strict=True))
