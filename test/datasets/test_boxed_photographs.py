"""Photographs with boxes: read as they are, incomplete ones marked, everything else refused by name."""

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from handos_model.datasets.boxed_photographs import BoxedPhotographs

LABEL = {"source": "park", "width": 64, "height": 48, "complete": True}


def folder_of(path: Path, *labels: dict[str, Any]) -> Path:
    (path / "images").mkdir(parents=True)
    entries = [LABEL | {"image": f"{number}.png"} | label for number, label in enumerate(labels)]
    for number in range(len(entries)):
        image = np.full((48, 64, 3), 10 * (number + 1), np.uint8)
        cv2.imwrite(str(path / "images" / f"{number}.png"), image)
    (path / "labels.json").write_text(json.dumps(entries))
    return path


def test_boxes_and_completeness_are_read(tmp_path: Path) -> None:
    boxes = [[1.5, 2, 20, 30], [30, 5, 70, 20]]
    first, second = BoxedPhotographs(folder_of(tmp_path / "f", {"boxes": boxes, "complete": False}, {"boxes": []}))
    assert first.image[0, 0, 0] == 10
    assert not first.is_complete
    np.testing.assert_array_equal([hand.box for hand in first.hands], [[1.5, 2, 20, 30], [30, 5, 63, 20]])
    assert not any(hand.has_joints for hand in first.hands)
    assert second.is_complete
    assert second.hands == ()


def test_joints_of_some_hands_are_read(tmp_path: Path) -> None:
    joints = [[5 + k, 7 + k] for k in range(21)]
    label = {"boxes": [[1, 2, 20, 30], [4, 5, 30, 30]], "hands": [None, {"joints_2d": joints, "handedness": "left"}]}
    (image,) = BoxedPhotographs(folder_of(tmp_path / "f", label))
    assert [hand.has_joints for hand in image.hands] == [False, True]
    assert image.hands[1].handedness == "left"
    np.testing.assert_array_equal(image.hands[1].joints_2d, joints)
    np.testing.assert_array_equal(image.hands[1].box, [4, 5, 30, 30])


def test_sources_are_chosen_and_left_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", {"boxes": []}, {"boxes": [], "source": "office"})
    assert [image.image[0, 0, 0] for image in BoxedPhotographs(folder, only=["office"])] == [20]
    assert [image.image[0, 0, 0] for image in BoxedPhotographs(folder, without=["office"])] == [10]
    with pytest.raises(ValueError, match="no image of beach"):
        BoxedPhotographs(folder, only=["beach"])


def test_another_process_reads_the_same(tmp_path: Path) -> None:
    photographs = BoxedPhotographs(folder_of(tmp_path / "f", {"boxes": []}, {"boxes": [], "source": "office"}))
    assert len(pickle.loads(pickle.dumps(photographs))) == 2


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ({"boxes": [[1, 2, 3]]}, r"a box of 0\.png"),
        ({"boxes": [[1, 2, float("nan"), 4]]}, r"a box of 0\.png.*nan"),
        ({"boxes": [[9, 2, 3, 4]]}, r"0\.png has no area"),
        ({"boxes": [], "complete": "yes"}, r"complete of 0\.png is 'yes'"),
        ({}, "boxes"),
        ({"boxes": [], "hands": [None]}, r"0\.png has 0 boxes, but 1 hands"),
        ({"boxes": [[1, 2, 3, 4]], "hands": [{"joints_2d": [[1, 2]], "handedness": "left"}]}, r"joints_2d"),
        (
            {"boxes": [[1, 2, 3, 4]], "hands": [{"joints_2d": 21 * [[1, 2]], "handedness": "both"}]},
            r"a hand of 0\.png, handedness is 'both'",
        ),
    ],
)
def test_wrong_labels_are_named(label: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"labels.json .*{named}"):
        BoxedPhotographs(folder_of(tmp_path / "f", label))


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    photographs = BoxedPhotographs(folder_of(tmp_path / "f", {"boxes": [], "width": 60}))
    with pytest.raises(ValueError, match=r"0\.png has 64 x 48"):
        photographs[0]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone.labels\.json"):
        BoxedPhotographs(tmp_path / "gone")
