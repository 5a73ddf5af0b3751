"""The files of image sequences with truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from hands import CAMERA, hand_at
from true_hands import SIZE, sequence_of, true_hand

from handos_model.datasets.hand_sequences import TRUTH_FILE, frame_path, read_sequences, write_truth
from handos_model.files.images import write_image


def test_a_sequence_is_read_as_it_was_written(tmp_path: Path) -> None:
    hands = (true_hand(hand_at(200), 3, visible=0.25, in_image=0.5), true_hand(hand_at(400, side="left"), 4))
    written = sequence_of([hands, ()], CAMERA, tmp_path / "a")
    write_truth(written)
    write_image(frame_path(written.folder, 1), np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    (read,) = read_sequences(tmp_path)
    assert (read.name, read.scenario, read.size, read.camera) == ("a", "test", SIZE, CAMERA)
    assert read.stamps == [0, 1 / 30]
    assert read.image(1).mean() == 90
    assert read.frames[1] == ()
    first, second = read.frames[0]
    assert (first.identity, first.visible, first.in_image, second.identity) == (3, 0.25, 0.5, 4)
    assert (first.annotation.handedness, second.annotation.handedness) == ("right", "left")
    for got, expected in zip(read.frames[0], hands, strict=True):
        assert np.allclose(got.annotation.joints_2d, expected.annotation.joints_2d, atol=0.006)
        assert np.allclose(got.annotation.joints_3d, expected.annotation.joints_3d, atol=1e-5)
        assert np.array_equal(got.annotation.visibility, expected.annotation.visibility)


def test_sequences_without_truth_are_incomplete_and_left_out(tmp_path: Path) -> None:
    write_truth(sequence_of([()], CAMERA, tmp_path / "a"))
    (tmp_path / "b").mkdir()
    assert [sequence.name for sequence in read_sequences(tmp_path)] == ["a"]


def test_a_folder_without_sequences_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}.*--sequences"):
        read_sequences(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "missing", "shape", "nan"])
def test_damaged_truth_is_named(tmp_path: Path, damage: str) -> None:
    write_truth(sequence_of([(true_hand(hand_at(200)),)], CAMERA, tmp_path / "a"))
    path = tmp_path / "a" / TRUTH_FILE
    entries = json.loads(path.read_text())
    hand = entries["frames"][0]["hands"][0]
    if damage == "missing":
        del hand["identity"]
    elif damage == "shape":
        hand["joints_2d"].pop()
    elif damage == "nan":
        hand["box"][0] = float("nan")
    text = json.dumps(entries)
    path.write_text(text[: len(text) // 2] if damage == "cut" else text)
    with pytest.raises(ValueError, match=str(path)):
        read_sequences(tmp_path)
