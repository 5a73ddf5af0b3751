"""Photographs with weak labels: which are used, for what, and what is said where one is missing."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from handos_model.training.real_photographs import RealPhotographs

HELD_BACK = frozenset({"webcam"})


def label(source: str, reliable: bool = True, **more: bool) -> dict[str, object]:
    hand = {"joints_2d": [[10.0 + k, 20.0] for k in range(21)], "handedness": "left", "reliable": reliable}
    return {"size": [48, 40], "source": source, "hands": [hand], **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = {
        "used.png": label("signs"),
        "held_back.png": label("webcam"),
        "crop_of_held_back.png": label("crop:webcam"),
        "uncertain.png": label("signs", reliable=False),
        "unseen_hand.png": label("signs", unlabelled=True),
        "no_hand.png": label("signs") | {"hands": []},
    }
    (tmp_path / "images").mkdir()
    for name in labels:
        cv2.imwrite(str(tmp_path / "images" / name), np.full((40, 48, 3), 90, np.uint8))
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


def test_held_back_and_uncertain_photographs_are_not_trained_on(folder: Path) -> None:
    photographs = RealPhotographs(folder, HELD_BACK, validation=False)
    assert [len(photographs[k].hands) for k in range(len(photographs))] == [0, 1]
    assert len(RealPhotographs(folder, HELD_BACK, validation=True)) == 2


def test_a_photograph_has_its_hands_with_their_joints_and_sides(folder: Path) -> None:
    photograph = RealPhotographs(folder, HELD_BACK, validation=False)[1]
    assert photograph.image.shape == (40, 48, 3)
    (hand,) = photograph.hands
    assert hand.handedness == "left"
    assert hand.joints_2d[4].tolist() == [14, 20]
    assert hand.box.tolist() == pytest.approx([8.6, 18.6, 31.4, 21.4])
    assert hand.joints_3d is None


def test_another_process_is_told_the_folder_and_reads_the_labels_itself(folder: Path) -> None:
    photographs = RealPhotographs(folder, HELD_BACK, validation=False)
    message = pickle.dumps(photographs)
    assert b"joints_2d" not in message
    assert len(pickle.loads(message)) == len(photographs)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"needs labels\.json and images/"):
        RealPhotographs(tmp_path, HELD_BACK, validation=False)


def test_a_missing_photograph_is_named(folder: Path) -> None:
    (folder / "images" / "used.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"used\.png is listed in labels\.json but cannot be read"):
        RealPhotographs(folder, HELD_BACK, validation=False)[1]
