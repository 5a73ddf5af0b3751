"""Photographs with labels: selection by source, reading, and errors."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handos_model.datasets.photographs import Photographs
from handos_model.files.images import write_image

IMAGE = np.full((40, 48, 3), 90, np.uint8)
JOINTS_2D = [[10.0 + k, 20.0] for k in range(21)]
JOINTS_3D = [[0.01 * k, 0.0, 0.1] for k in range(21)]


def label(source: str, reliable: bool = True, **more: object) -> dict[str, Any]:
    hand = {
        "joints_2d": JOINTS_2D,
        "joints_3d_m_hand_centred": JOINTS_3D,
        "handedness": "left",
        "reliable": reliable,
    }
    return {"size": [48, 40], "source": source, "hands": [hand]} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = {
        "used.png": label("signs"),
        "held_out.png": label("webcam"),
        "crop_of_held_out.png": label("crop:webcam"),
        "unreliable.png": label("signs", reliable=False),
        "unseen_hand.png": label("signs", unlabelled=True),
        "no_hand.png": label("signs", hands=[]),
    }
    for name in labels:
        write_image(tmp_path / name, IMAGE)
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


def photographs_of(folder: Path, **options: Any) -> Photographs:
    return Photographs(folder, folder / "labels.json", **options)


def test_held_out_and_unreliable_photographs_are_left_out_of_training(folder: Path) -> None:
    photographs = photographs_of(folder, without={"webcam"}, reliable=True)
    assert [len(photograph.hands) for photograph in photographs] == [0, 1]


def test_images_with_unannotated_hands_are_left_out(folder: Path) -> None:
    assert len(photographs_of(folder)) == 5


@pytest.mark.parametrize(("source", "count"), [("signs", 3), ("webcam", 2)])
def test_sources_can_be_selected_and_include_their_crops(folder: Path, source: str, count: int) -> None:
    assert len(photographs_of(folder, only=[source])) == count


def test_a_photograph_has_hands_with_joints_and_handedness(folder: Path) -> None:
    photograph = photographs_of(folder, without={"webcam"}, reliable=True)[1]
    assert photograph.image.shape == (40, 48, 3)
    assert photograph.camera is None
    (hand,) = photograph.hands
    assert hand.handedness == "left"
    np.testing.assert_array_equal(hand.joints_2d, np.array(JOINTS_2D, np.float32))
    np.testing.assert_array_equal(hand.joints_3d, np.array(JOINTS_3D, np.float32))
    assert hand.box.tolist() == pytest.approx([8.6, 18.6, 31.4, 21.4])


def test_pickling_keeps_only_the_paths(folder: Path) -> None:
    photographs = photographs_of(folder, without={"webcam"}, reliable=True)
    pickled = pickle.dumps(photographs)
    assert b"joints_2d" not in pickled
    assert len(pickle.loads(pickled)) == len(photographs)


def test_an_unknown_source_is_rejected(folder: Path) -> None:
    with pytest.raises(ValueError, match="moon"):
        photographs_of(folder, only=["moon"])


def test_missing_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels\.json"):
        photographs_of(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"a.png": 3}', "{}"])
def test_a_file_that_is_not_labels_is_rejected(folder: Path, text: str) -> None:
    (folder / "labels.json").write_text(text)
    with pytest.raises(ValueError, match=r"labels\.json"):
        photographs_of(folder)


def test_a_missing_photograph_is_named(folder: Path) -> None:
    (folder / "used.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"used\.png"):
        list(photographs_of(folder))


def test_images_of_another_size_are_rejected(folder: Path) -> None:
    write_image(folder / "used.png", IMAGE[:30])
    with pytest.raises(ValueError, match=r"used\.png.*48 x 30.*\[48, 40\]"):
        list(photographs_of(folder))


def test_joints_that_are_not_finite_or_of_another_number_are_named(folder: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text())
    for name, joints, message in (
        ("joints_2d", JOINTS_2D[:20], r"joints_2d: the shape is \(20, 2\)"),
        ("joints_2d", [[1.0, float("nan")]] * 21, r"joints_2d: nan at \[0, 1\]"),
        ("joints_3d_m_hand_centred", [[1.0, 2.0, float("inf")]] * 21, r"joints_3d_m_hand_centred: inf at \[0, 2\]"),
    ):
        hand = labels["used.png"]["hands"][0] | {name: joints}
        changed = labels | {"used.png": labels["used.png"] | {"hands": [hand]}}
        (folder / "labels.json").write_text(json.dumps(changed))
        with pytest.raises(ValueError, match=rf"labels\.json, used\.png, {message}"):
            list(photographs_of(folder))


def test_joints_of_another_convention_are_moved_to_where_the_mesh_has_them(folder: Path) -> None:
    (hand,) = photographs_of(folder, only=["webcam"], convention="mediapipe")[0].hands
    wrist, middle_mcp = np.array(JOINTS_2D[0]), np.array(JOINTS_2D[9])
    np.testing.assert_allclose(hand.joints_2d[0], wrist + 0.19 * (wrist - middle_mcp), atol=1e-5)
    assert hand.joints_3d is not None
    assert hand.joints_3d[0, 0] == pytest.approx(-0.19 * 0.09, abs=1e-6)
    assert hand.box[0] < JOINTS_2D[0][0]


def test_an_unknown_convention_is_rejected(folder: Path) -> None:
    with pytest.raises(ValueError, match="coco"):
        photographs_of(folder, convention="coco")
