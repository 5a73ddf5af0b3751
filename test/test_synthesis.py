"""Rendering training images: exact geometry in, exact labels out, the same pictures every time."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.hand.handedness import signed_volume
from handos_model.hand.topology import HandTopology
from handos_model.io.annotated_folder import AnnotatedFolder, shard_path
from handos_model.io.annotations import AnnotatedImage
from handos_model.synthesis import dataset, posing
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.backgrounds import Backgrounds
from handos_model.synthesis.camera_chain import through_camera
from handos_model.synthesis.contact_sheet import contact_sheet
from handos_model.synthesis.dataset import render_dataset
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.labels import project
from handos_model.synthesis.mesh import vertex_normals
from handos_model.synthesis.posing import (
    FINGER_HIGH,
    FINGER_LOW,
    THUMB_HIGH,
    THUMB_LOW,
    HandPoser,
    angles_of_gesture,
    sample_angles,
)
from handos_model.synthesis.rasteriser import orthographic_planes, perspective_planes, rasterise
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.synthesis.skinning import bone_transforms
from handos_model.synthesis.viewpoint import random_hand_rotation, random_viewpoint

ASSETS = Path(os.environ.get("HANDOS_ASSETS", "assets"))
needs_assets = pytest.mark.skipif(
    not (ASSETS / "hand_cc0").is_dir(), reason="set HANDOS_ASSETS to the folder with hand_cc0 and person_cc0"
)
SIZE = 128


def square(depth: float) -> np.ndarray:
    """A 2 x 2 m square facing the camera."""
    return np.array([[-1, -1, depth], [1, -1, depth], [1, 1, depth], [-1, 1, depth]], np.float32)


FACES = np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def test_rasteriser_covers_exactly_the_pixels_of_a_square() -> None:
    planes, bounds = perspective_planes(square(4.0), FACES, 40.0, 40.0, 31.7, 31.7)
    nearness, ids = rasterise(planes, bounds, 64, 64, np.float32(0))
    seen = ids >= 0
    # 2 m at 4 m and 40 px of focal length are 20 px: 21.7 .. 41.7.
    assert seen.sum() == 20 * 20
    assert seen[22:42, 22:42].all()
    assert np.allclose(nearness[seen], 0.25)


def test_nearer_face_hides_the_farther_whatever_the_order() -> None:
    vertices = np.concatenate([square(4.0), square(2.0)])
    for faces in (np.concatenate([FACES, FACES + 4]), np.concatenate([FACES + 4, FACES])):
        planes, bounds = perspective_planes(vertices, faces.astype(np.int32), 40.0, 40.0, 31.7, 31.7)
        nearness, _ = rasterise(planes, bounds, 64, 64, np.float32(0))
        assert nearness[32, 32] == pytest.approx(0.5)


def test_face_that_reaches_behind_the_camera_is_not_drawn() -> None:
    vertices = square(2.0)
    vertices[:2, 2] = -1
    planes, bounds = perspective_planes(vertices, FACES, 40.0, 40.0, 31.5, 31.5)
    assert (rasterise(planes, bounds, 64, 64, np.float32(0))[1] < 0).all()


def test_orthographic_nearness_is_interpolated_between_vertices() -> None:
    points = np.array([[0, 0, 0], [40, 0, 4], [0, 40, 8]], np.float32)
    planes, bounds = orthographic_planes(points, np.array([[0, 1, 2]], np.int32), 64)
    nearness, _ = rasterise(planes, bounds, 64, 64, np.float32(-1))
    assert nearness[10, 20] == pytest.approx(2 + 2)
    assert nearness[50, 50] == -1


def test_bones_turn_about_their_pivots_and_carry_their_children() -> None:
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    parents, pivots = np.array([1, -1], np.int32), np.array([[2, 0, 0], [1, 0, 0]], np.float32)
    transforms = bone_transforms(parents, pivots, np.stack([quarter, quarter]))
    tip = transforms[0, :, :3] @ np.float32([3, 0, 0]) + transforms[0, :, 3]
    assert np.allclose(tip, [0, 1, 0], atol=1e-6)


def test_normals_of_a_face_point_to_its_counter_clockwise_side() -> None:
    assert np.allclose(vertex_normals(square(2.0), FACES), [0, 0, -1], atol=1e-6)


def test_sampled_angles_stay_within_anatomical_limits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        angles = sample_angles(rng)
        assert (angles.fingers[:, :2] >= FINGER_LOW).all()
        assert (angles.fingers[:, :2] <= FINGER_HIGH).all()
        assert (angles.thumb >= THUMB_LOW).all()
        assert (angles.thumb <= THUMB_HIGH).all()


def test_gestures_are_possible_for_a_hand() -> None:
    for name, gesture in GESTURES.items():
        bent = np.stack([gesture.knuckles, gesture.curls], axis=1)
        assert ((bent >= FINGER_LOW) & (bent <= FINGER_HIGH)).all(), name
        assert ((gesture.thumb >= THUMB_LOW) & (gesture.thumb <= THUMB_HIGH)).all(), name


def test_viewpoint_gives_the_hand_its_share_of_the_frame() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        view = random_viewpoint(rng, 0.15, 0.4, 256)
        corners = view.centre + np.float32([[-0.075, 0, 0], [0.075, 0, 0]])
        pixels = project(corners, view.camera)
        assert 0.25 * 256 < pixels[1, 0] - pixels[0, 0] < 0.41 * 256
        centre = project(view.centre[None], view.camera)[0]
        assert ((centre > 0) & (centre < 256)).all()


def test_palm_and_back_are_both_seen_often() -> None:
    rng = np.random.default_rng(2)
    towards_camera = np.array([-random_hand_rotation(rng)[2, 2] for _ in range(400)])
    assert (towards_camera > 0.5).mean() > 0.2
    assert (towards_camera < -0.5).mean() > 0.2


def test_camera_chain_keeps_shape_and_does_not_touch_its_input() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    kept = picture.copy()
    for _ in range(30):
        degraded = through_camera(rng, picture)
        assert degraded.shape == picture.shape
        assert degraded.dtype == np.uint8
    assert np.array_equal(picture, kept)


def test_absent_assets_are_named_with_where_their_format_is_described(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"right_hand\.npz is absent: .*--assets.* docs/synthesis\.md"):
        render_dataset(tmp_path, tmp_path / "out", 10, 1)


def test_folder_of_backgrounds_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no photographs"):
        Backgrounds(tmp_path, SIZE)


def test_unreadable_background_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.jpg is not a readable picture"):
        Backgrounds(tmp_path, SIZE)


@pytest.fixture(scope="module")
def renderer() -> SceneRenderer:
    return SceneRenderer(ASSETS, None, SIZE)


@pytest.fixture(scope="module")
def frames(renderer: SceneRenderer) -> list[AnnotatedImage]:
    return [renderer.render(1, index) for index in range(40)]


@needs_assets
def test_frame_depends_on_seed_and_index_only(renderer: SceneRenderer, frames: list[AnnotatedImage]) -> None:
    again, other = renderer.render(1, 7), renderer.render(2, 7)
    assert np.array_equal(again.image, frames[7].image)
    assert not np.array_equal(other.image, frames[7].image)


@needs_assets
def test_pixels_and_metres_of_labels_agree(frames: list[AnnotatedImage]) -> None:
    for frame in frames:
        for hand in frame.hands:
            assert frame.camera is not None
            assert hand.joints_3d is not None
            assert np.allclose(project(hand.joints_3d, frame.camera), hand.joints_2d, atol=1e-2)


@needs_assets
def test_joints_are_those_of_the_labelled_mesh_and_its_side_is_right(frames: list[AnnotatedImage]) -> None:
    topology = HandTopology.load()
    hands = [hand for frame in frames for hand in frame.hands]
    assert {hand.handedness for hand in hands} == {"left", "right"}
    for hand in hands:
        assert hand.vertices is not None
        assert hand.joints_3d is not None
        assert np.allclose(topology.joint_regressor @ hand.vertices, hand.joints_3d, atol=1e-5)
        assert (float(signed_volume(hand.vertices, topology)) > 0) == (hand.handedness == "right")


@needs_assets
def test_visible_joints_lie_on_their_hands_pixels(frames: list[AnnotatedImage]) -> None:
    on_hand = []
    for frame in frames:
        assert frame.part_ids is not None
        grown = cv2.dilate((frame.part_ids > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
        for hand in frame.hands:
            assert hand.visibility is not None
            at = hand.joints_2d[hand.visibility][1:].round().astype(int).clip(0, SIZE - 1)
            on_hand += grown[at[:, 1], at[:, 0]].tolist()
    assert np.mean(on_hand) > 0.97


@needs_assets
def test_most_sampled_poses_keep_the_fingers_apart() -> None:
    poser = HandPoser(Assets.load(ASSETS).hand)
    rng = np.random.default_rng(4)
    assert np.mean([poser.contacts(poser.sample(rng)).any() for _ in range(100)]) < 0.1


@needs_assets
def test_thumb_that_is_tucked_in_stays_under_the_fingers_which_open(monkeypatch: pytest.MonkeyPatch) -> None:
    asset = Assets.load(ASSETS).hand
    poser = HandPoser(asset)
    tight = angles_of_gesture(GESTURES["thumb_inside"])
    tight.fingers[:, 0] += 20
    assert poser.contacts(poser.rotations(tight)).any()
    monkeypatch.setattr(posing, "sample_angles", lambda _rng: tight)
    eased = poser.sample(np.random.default_rng(0))
    assert not poser.contacts(eased).any()
    thumb = [name.startswith("finger1-") for name in asset.mesh.bone_names]
    assert np.array_equal(eased[thumb], poser.rotations(tight)[thumb])


@needs_assets
def test_contact_sheet_shows_each_frame_twice(frames: list[AnnotatedImage]) -> None:
    assert contact_sheet(frames[:5], 3).shape == (2 * SIZE, 3 * 2 * SIZE, 3)


@needs_assets
def test_rendering_resumes_with_the_missing_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SHARD_FRAMES", 4)
    render_dataset(ASSETS, tmp_path, 10, 5, workers=1, size=SIZE)
    first = AnnotatedFolder(tmp_path)
    images = [frame.image for frame in first]
    kept = shard_path(tmp_path, 0).stat().st_mtime_ns
    shard_path(tmp_path, 1).unlink()
    render_dataset(ASSETS, tmp_path, 10, 5, workers=1, size=SIZE)
    assert shard_path(tmp_path, 0).stat().st_mtime_ns == kept
    assert all(np.array_equal(a, b.image) for a, b in zip(images, AnnotatedFolder(tmp_path), strict=True))
