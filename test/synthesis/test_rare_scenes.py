"""Gloves, crowds, cameras on heads, darkness and infrared cameras: present when asked for, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.commands.synth import synth
from handos_model.synthesis.assets import SIDES
from handos_model.synthesis.camera_effects import misexpose, photograph_in_infrared
from handos_model.synthesis.rare_scenes import RareScenes
from handos_model.synthesis.renderer import SceneRenderer

SIZE = 128


def renderer(assets_folder: Path, **probabilities: float) -> SceneRenderer:
    return SceneRenderer(assets_folder, None, SIZE, RareScenes(**probabilities))


def test_probability_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"crowds: 1\.5"):
        RareScenes(crowds=1.5)


def test_scenes_that_exclude_each_other_are_not_asked_for_too_often() -> None:
    with pytest.raises(ValueError, match=r"crowds 0\.6 and head_mounted 0\.5"):
        RareScenes(crowds=0.6, head_mounted=0.5)


def test_rare_scenes_are_refused_for_sequences(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--gloves"):
        synth(tmp_path, tmp_path / "out", sequences=1, gloves=0.5)


def test_gloves_change_the_colour_of_hands_but_no_label(assets_folder: Path) -> None:
    usual, gloved = renderer(assets_folder), renderer(assets_folder, gloves=1.0)
    changed = []
    for index in range(8):
        bare, covered = usual.render(3, index), gloved.render(3, index)
        assert [hand.handedness for hand in bare.hands] == [hand.handedness for hand in covered.hands]
        for one, other in zip(bare.hands, covered.hands, strict=True):
            assert np.array_equal(one.joints_2d, other.joints_2d)
        if bare.part_ids is not None and covered.part_ids is not None:
            on_both = (bare.part_ids > 0) & (covered.part_ids > 0)
            difference = np.abs(bare.image.astype(int) - covered.image).max(axis=-1)
            changed += [difference[on_both].mean()] if on_both.any() else []
    assert np.median(changed) > 10


def test_crowds_have_more_hands_than_usual_frames(assets_folder: Path) -> None:
    crowded = renderer(assets_folder, crowds=1.0)
    assert np.mean([len(crowded.render(3, index).hands) for index in range(6)]) > 2.5


def test_a_camera_on_the_head_sees_both_hands_in_their_halves(assets_folder: Path) -> None:
    worn = renderer(assets_folder, head_mounted=1.0)
    frames = [worn.render(3, index) for index in range(16)]
    wrists = {side: [h.joints_2d[0, 0] for f in frames for h in f.hands if h.handedness == side] for side in SIDES}
    assert min(map(len, wrists.values())) >= 6
    assert np.median(wrists["left"]) < SIZE / 2 < np.median(wrists["right"])
    # Nobody reaches farther than an arm's length.
    assert max(hand.joints_3d[:, 2].max() for frame in frames for hand in frame.hands) < 0.9


def test_infrared_frames_are_grey(assets_folder: Path) -> None:
    image = renderer(assets_folder, infrared=1.0).render(3, 0).image
    assert (image == image[..., :1]).all()


def test_infrared_light_reaches_what_is_near() -> None:
    depth = np.full((8, 16), 0.4, np.float32)
    depth[:, 8:] = np.inf
    lit = photograph_in_infrared(np.random.default_rng(0), np.full((8, 16, 3), 120, np.uint8), depth)
    assert lit[:, :6].mean() > 1.3 * lit[:, 10:].mean()


def test_misexposed_images_are_far_darker_or_brighter() -> None:
    grey = np.full((4, 4, 3), 120, np.uint8)
    levels = [float(misexpose(np.random.default_rng(seed), grey).mean()) for seed in range(20)]
    assert all(level < 50 or level > 180 for level in levels)
    assert min(levels) < 50 < 180 < max(levels)
