"""COCO-style labels of hands: what is read, and that every mistake is named with its file and place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handos_model.datasets.annotations import box_around_joints
from handos_model.datasets.coco_hands import ImageLabel, read_coco_hands
from handos_model.hand.skeleton import JOINT_NAMES

KEYPOINTS = [float(value) for k in range(21) for value in (10 + k, 20 + 2 * k, 2)]
FRACTIONS = [value for k in range(21) for value in (0.1 + k / 100, 0.25 + k / 40, 2)]


def coco(**changes: Any) -> dict[str, Any]:
    """Labels of one image with a right hand, joints and all, and with changes of the annotation."""
    annotation = {"id": 7, "image_id": 3, "category_id": 2, "bbox": [5, 6, 20, 30], "keypoints": KEYPOINTS} | changes
    return {
        "images": [{"id": 3, "file_name": "a/b.png", "width": 100, "height": 80}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "left_hand"}, {"id": 2, "name": "right_hand"}, {"id": 3, "name": "person"}],
    }


def read(content: Any, folder: Path) -> tuple[ImageLabel, ...]:
    path = folder / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_coco_hands(path)


def test_joints_and_side_are_read_and_the_box_is_the_one_around_the_joints(tmp_path: Path) -> None:
    (label,) = read(coco(), tmp_path)
    (hand,) = label.hands
    assert (label.name, label.width, label.height, label.is_complete) == ("a/b.png", 100, 80, True)
    assert hand.handedness == "right"
    assert hand.joints_2d is not None
    assert hand.joints_2d[4].tolist() == [14, 28]
    assert np.array_equal(hand.box, box_around_joints(hand.joints_2d, 100, 80))


@pytest.mark.parametrize("keypoints", [None, [], [*KEYPOINTS[:-1], 0]], ids=["absent", "empty", "one not annotated"])
def test_a_hand_without_all_joints_has_a_box_only(keypoints: list[float] | None, tmp_path: Path) -> None:
    (label,) = read(coco(keypoints=keypoints), tmp_path)
    assert label.hands[0].joints_2d is None
    assert label.hands[0].box.tolist() == [5, 6, 25, 36]


def test_a_box_is_cut_at_the_image(tmp_path: Path) -> None:
    (label,) = read(coco(keypoints=None, bbox=[90, 60, 50, 50]), tmp_path)
    assert label.hands[0].box.tolist() == [90, 60, 99, 79]


@pytest.mark.parametrize("where", [{"handedness": "Left"}, {"attributes": {"handedness": "left"}}])
def test_the_side_of_an_annotation_comes_before_that_of_its_category(where: dict[str, Any], tmp_path: Path) -> None:
    (label,) = read(coco(**where), tmp_path)
    assert label.hands[0].handedness == "left"


def test_a_category_without_side_leaves_it_open(tmp_path: Path) -> None:
    content = coco() | {"categories": [{"id": 2, "name": "glove"}]}
    (label,) = read(content, tmp_path)
    assert label.hands[0].handedness is None


def test_other_categories_are_left_out_and_a_crowd_makes_the_image_incomplete(tmp_path: Path) -> None:
    (label,) = read(coco(category_id=3), tmp_path)
    assert (label.hands, label.is_complete) == ((), True)
    (label,) = read(coco(iscrowd=1), tmp_path)
    assert (label.hands, label.is_complete) == ((), False)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[", "not a COCO-style JSON file"),
        ("[]", "not a COCO-style JSON file.*bare list.*annotations"),
        (coco() | {"images": 3}, "not a COCO-style JSON file"),
        ({"images": [], "annotations": []}, "categories"),
        (coco() | {"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}, "'cat', 'dog'"),
        (coco() | {"categories": [{"id": 2, "name": "hand", "keypoints": ["wrist"]}]}, "1 keypoints instead of 21"),
        (
            coco() | {"categories": [{"id": 2, "name": "hand", "keypoints": list(JOINT_NAMES[::-1])}]},
            "'pinky_tip' stands where 'wrist'",
        ),
        (coco(image_id=8), "image_id 8"),
        (coco(image_id="3"), r'annotation 7 has image_id "3".*one has 3: write both as numbers'),
        (coco(image_id=[3]), r"image_id \[3\]"),
        (coco(category_id=9), r"annotation 7 has category_id 9.*\[1, 2, 3\]"),
        (coco(category_id="2"), 'category_id "2".*one has 2'),
        (coco() | {"images": 2 * coco()["images"]}, "two images have the id 3"),
        (coco() | {"images": [*coco()["images"], coco()["images"][0] | {"id": 4}]}, "file_name a/b.png"),
        (coco(bbox=[1, 2, 3], keypoints=None), r"b\.png, annotation 7, bbox"),
        (coco(bbox=[1, 2, float("nan"), 4], keypoints=None), r"b\.png, annotation 7, bbox"),
        (coco(bbox=[5, 5, 0, 9], keypoints=None), r"annotation 7.*\[5.0, 5.0, 0.0, 9.0\]"),
        (coco(bbox=[500, 5, 10, 9], keypoints=None), r"annotation 7.*100 x 80"),
        (coco(bbox=[0.1, 0.2, 0.3, 0.4], keypoints=None), "bbox.*multiply by width and height.*100 and 80"),
        (coco(bbox=[0.1, 0.2, 0.3, 0.4]), "bbox.*multiply by width and height"),
        (coco(bbox=None), "annotation 7, bbox is null"),
        (coco(bbox=["5", 6, 20, 30]), 'annotation 7, bbox is .*"5"'),
        (coco(bbox=[5, 6, 20]), "annotation 7, bbox .*4 numbers"),
        (coco(bbox=[5, 6, 20, 10**400]), "annotation 7, bbox"),
        (coco(bbox=[5, 6, -20, 30]), "annotation 7.*no area"),
        (coco(bbox=[70, 6, 20, 10]), "annotation 7.*far from their own bbox"),
        (coco(keypoints=FRACTIONS), "keypoints.*multiply by width and height.*100 and 80"),
        (coco(keypoints=[v + 200 for v in KEYPOINTS], bbox=[1, 2, 30, 40]), "annotation 7.*far from"),
        (coco(keypoints=KEYPOINTS[:60]), "annotation 7, keypoints"),
        (coco(keypoints=[4, 5, 2] * 21), r"annotation 7.*\[4.0, 5.0\]"),
        (coco(handedness="both"), "annotation 7.*'both'"),
        (coco() | {"images": [{"id": 3, "file_name": "a.png", "width": 0, "height": 4}]}, "a.png.*0 x 4"),
        (coco() | {"images": [{"id": 3, "file_name": "a.png", "height": 4}]}, "a.png has no width"),
    ],
)
def test_every_mistake_is_named_with_the_file(content: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        read(content, tmp_path)
    assert "labels.json" in str(caught.value)


def test_keypoints_outside_the_image_are_named(tmp_path: Path) -> None:
    content = coco(keypoints=[value + 500 for value in KEYPOINTS])
    del content["annotations"][0]["bbox"]
    with pytest.raises(ValueError, match=r"annotation 7.*outside the image of 100 x 80"):
        read(content, tmp_path)


def test_joints_near_a_narrow_bbox_are_accepted(tmp_path: Path) -> None:
    (label,) = read(coco(bbox=[12, 25, 15, 25]), tmp_path)
    assert label.hands[0].joints_2d is not None


def test_a_folder_instead_of_the_file_is_named_with_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "train.json").touch()
    with pytest.raises(IsADirectoryError, match=r"--labels .* is a folder.*train\.json"):
        read_coco_hands(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        read_coco_hands(tmp_path / "nothing.json")
