"""Random hand poses: anatomically possible and without intersecting fingers."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.synthesis import posing
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.posing import (
    FINGER_MAX,
    FINGER_MIN,
    THUMB_MAX,
    THUMB_MIN,
    HandPoser,
    gesture_angles,
    sample_angles,
)
from handos_model.synthesis.skinning import bone_transforms


def test_bones_rotate_about_their_pivots_together_with_their_children() -> None:
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    parents, pivots = np.array([1, -1], np.int32), np.array([[2, 0, 0], [1, 0, 0]], np.float32)
    transforms = bone_transforms(parents, pivots, np.stack([quarter, quarter]))
    tip = transforms[0, :, :3] @ np.float32([3, 0, 0]) + transforms[0, :, 3]
    assert np.allclose(tip, [0, 1, 0], atol=1e-6)


def test_sampled_angles_stay_within_anatomical_limits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        angles = sample_angles(rng)
        assert (angles.fingers[:, :2] >= FINGER_MIN).all()
        assert (angles.fingers[:, :2] <= FINGER_MAX).all()
        assert (angles.thumb >= THUMB_MIN).all()
        assert (angles.thumb <= THUMB_MAX).all()


def test_gestures_stay_within_anatomical_limits() -> None:
    for name, gesture in GESTURES.items():
        bent = np.stack([gesture.mcp_flexion, gesture.pip_flexion], axis=1)
        assert ((bent >= FINGER_MIN) & (bent <= FINGER_MAX)).all(), name
        assert ((gesture.thumb >= THUMB_MIN) & (gesture.thumb <= THUMB_MAX)).all(), name


def test_fingers_intersect_in_few_sampled_poses(assets_folder: Path) -> None:
    poser = HandPoser(Assets.load(assets_folder).hand)
    rng = np.random.default_rng(4)
    assert np.mean([poser.contacts(poser.sample(rng)).any() for _ in range(100)]) < 0.1


def test_fingers_open_over_a_tucked_in_thumb_which_stays(assets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = Assets.load(assets_folder).hand
    poser = HandPoser(asset)
    tight = gesture_angles(GESTURES["thumb_inside"])
    tight.fingers[:, 0] += 20
    assert poser.contacts(poser.rotations(tight)).any()
    monkeypatch.setattr(posing, "sample_angles", lambda _rng: tight)
    separated = poser.sample(np.random.default_rng(0))
    assert not poser.contacts(separated).any()
    thumb = [name.startswith("finger1-") for name in asset.mesh.bone_names]
    assert np.array_equal(separated[thumb], poser.rotations(tight)[thumb])
