"""Labels that are given, and what the network adds to them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_spot import BrightSpot, spot_image

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.coco_hands import HandLabel, ImageLabel
from handos_model.files.images import ImageFileError, read_image, write_image
from handos_model.finetuning.image_check import check_images
from handos_model.finetuning.image_sets import write_image_set
from handos_model.finetuning.labelling import LARGEST_SIDE, Labeller, Labels, find_labels
from handos_model.finetuning.request import Request, require_same_request
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand, MetricHand
from handos_model.inference.pipeline import HandPipeline

BOX = np.array([20, 20, 60, 60], np.float32)
JOINTS = np.linspace(BOX[:2] + 3, BOX[2:] - 3, 21).astype(np.float32)


class OneHand(HandPipeline):
    """Sees the same hand in every whole image, mirrored in the mirror image, and nothing in parts of it."""

    def __init__(self, side: int) -> None:
        self.side, self.count = side, 0

    def __call__(self, image: ImageArray, camera: CameraIntrinsics | None = None) -> tuple[Hand, ...]:
        self.count += 1
        if image.shape[1] != self.side:
            return ()
        box, joints, side = BOX, JOINTS, "right"
        if not image[0, 0].any():
            last = np.float32(self.side - 1)
            box = np.array([last - BOX[2], BOX[1], last - BOX[0], BOX[3]], np.float32)
            joints, side = np.stack([last - JOINTS[:, 0], JOINTS[:, 1]], axis=-1), "left"
        metric = None if camera is None else MetricHand(np.ones((21, 3), np.float32), np.ones(21), np.ones((4, 3)))
        return (Hand(0.9, box, side, 1.0, joints, np.ones(21, np.float32), metric),)  # type: ignore[arg-type]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    image = np.zeros((100, 100, 3), np.uint8)
    image[0, 0] = 255
    write_image(tmp_path / "images/a.png", image)
    return tmp_path / "images"


def labels(folder: Path, **annotation: Any) -> Labels:
    content = {
        "images": [{"id": 0, "file_name": "a.png", "width": 100, "height": 100}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0} | annotation],
        "categories": [{"id": 0, "name": "hand"}],
    }
    file = folder.parent / "labels.json"
    file.write_text(json.dumps(content))
    return find_labels(folder, file)


def labelled(folder: Path, given: Labels) -> AnnotatedImage:
    # Parts show nothing, so that the whole image and its mirror image have to agree alone.
    image = Labeller(folder, given.given, OneHand(100)).label("a.png")
    assert image is not None
    return image


def keypoints() -> list[float]:
    return [float(value) for x, y in JOINTS for value in (x, y, 2)]


def test_a_label_with_joints_and_side_is_taken_as_it_is_with_the_mesh_of_the_network(images: Path) -> None:
    (hand,) = labelled(images, labels(images, keypoints=keypoints(), handedness="right")).hands
    np.testing.assert_allclose(hand.joints_2d, JOINTS)
    assert (hand.handedness, hand.annotated_joints) == ("right", None)
    assert hand.joints_3d is not None
    assert hand.vertices is not None


@pytest.mark.parametrize("change", [{"handedness": "left"}, {"keypoints": [v + 20 for v in keypoints()]}])
def test_a_mesh_that_contradicts_the_label_is_not_taken(change: dict[str, Any], images: Path) -> None:
    given = {"keypoints": keypoints(), "handedness": "right"} | change
    (hand,) = labelled(images, labels(images, **given)).hands
    assert hand.joints_3d is None
    assert hand.has_joints


def test_joints_without_a_side_that_anybody_knows_are_not_trained_on(images: Path) -> None:
    (hand,) = labelled(images, labels(images, keypoints=keypoints())).hands
    assert not hand.has_joints


def test_a_small_hand_with_a_box_gets_the_joints_that_are_seen_when_it_is_enlarged(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", spot_image(90, 45, 20, 10))
    box = np.array([89, 44, 110, 56], np.float32)
    label = ImageLabel("a.png", 200, 100, (HandLabel(box),))
    (hand,) = Labeller(tmp_path, None, BrightSpot(smallest=0.2)).complete(label, read_image(tmp_path / "a.png")).hands
    assert hand.handedness == "right"
    assert hand.joints_2d is not None
    np.testing.assert_allclose(hand.joints_2d[[0, -1]], [[90, 45], [109, 54]])
    unseen = Labeller(tmp_path, None, BrightSpot(smallest=0.9)).complete(label, read_image(tmp_path / "a.png"))
    assert unseen == label


def test_large_images_are_kept_small_with_their_labels(images: Path) -> None:
    write_image(images / "a.png", np.full((1600, 800, 3), 9, np.uint8))
    content = {
        "images": [{"id": 0, "file_name": "a.png", "width": 800, "height": 1600}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [400, 800, 200, 100]}],
        "categories": [{"id": 0, "name": "hand"}],
    }
    (images.parent / "labels.json").write_text(json.dumps(content))
    image = labelled(images, find_labels(images, images.parent / "labels.json"))
    assert image.image.shape == (LARGEST_SIDE, LARGEST_SIDE // 2, 3)
    np.testing.assert_allclose(image.hands[0].box, np.array([400, 800, 600, 900]) * 0.4, atol=0.5)


def test_an_image_of_another_size_than_its_label_is_named(images: Path) -> None:
    given = labels(images, bbox=[1, 2, 30, 40])
    assert given.given is not None
    wrong = {"a.png": replace(given.given["a.png"], width=50)}
    with pytest.raises(ValueError, match=r"a\.png has 100 x 100 pixels.*50 x 100"):
        Labeller(images, wrong, OneHand(100)).label("a.png")


def test_without_labels_an_image_without_a_certain_hand_gives_none(images: Path) -> None:
    assert Labeller(images, None, OneHand(50)).label("a.png") is None


def test_labels_of_images_that_do_not_exist_are_named(images: Path) -> None:
    given = labels(images, bbox=[1, 2, 30, 40])
    (images / "a.png").rename(images / "b.png")
    with pytest.raises(FileNotFoundError, match=r"images/a\.png.*labels\.json.*1 of 1"):
        find_labels(images, images.parent / "labels.json")
    assert given.names == ("a.png",)


@pytest.mark.parametrize(
    ("file_name", "named"),
    [
        ("b.png", '"b.png", the folder has "a/b.png"'),
        ("a\\b.png", '"a\\b.png", the folder has "a/b.png".*with / instead'),
    ],
)
def test_names_that_are_no_paths_below_the_folder_are_named_with_the_right_one(
    file_name: str, named: str, tmp_path: Path
) -> None:
    write_image(tmp_path / "images/a/b.png", np.zeros((10, 10, 3), np.uint8))
    file = tmp_path / "labels.json"
    image = {"id": 0, "file_name": file_name, "width": 10, "height": 10}
    file.write_text(json.dumps({"images": [image], "annotations": [], "categories": [{"id": 0, "name": "hand"}]}))
    with pytest.raises(FileNotFoundError, match=named.replace("\\", "\\\\")):
        find_labels(tmp_path / "images", file)


def test_labels_without_any_hand_are_refused(images: Path) -> None:
    with pytest.raises(ValueError, match=r"labels\.json hold no hand"):
        labels(images, bbox=[1, 2, 30, 40], iscrowd=1)


def test_all_damaged_images_are_named_at_once(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((10, 10, 3), np.uint8))
    for name in ("b.png", "c.png"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(ImageFileError, match=r"cannot be read: b\.png, c\.png: "):
        check_images(tmp_path, find_labels(tmp_path, None))


def test_all_images_of_another_size_than_their_labels_are_named(images: Path) -> None:
    given = labels(images, bbox=[1, 2, 30, 40])
    check_images(images, given)
    write_image(images / "a.png", np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png with 60 x 50 pixels, not 100 x 100"):
        check_images(images, given)


def test_images_that_the_file_does_not_mention_are_left_out(images: Path) -> None:
    write_image(images / "b.png", np.zeros((10, 10, 3), np.uint8))
    assert labels(images, bbox=[1, 2, 30, 40]).names == ("a.png",)
    assert find_labels(images, None).names == ("a.png", "b.png")


def test_an_interrupted_image_set_keeps_its_complete_parts(tmp_path: Path) -> None:
    names = [str(k) for k in range(120)]
    asked = []

    def label(name: str) -> AnnotatedImage | None:
        asked.append(name)
        if len(asked) == 70:
            raise KeyboardInterrupt
        return None if int(name) % 2 else AnnotatedImage(np.zeros((8, 8, 3), np.uint8), ())

    with pytest.raises(KeyboardInterrupt):
        write_image_set(names, tmp_path, label, "label")
    counts = write_image_set(names, tmp_path, label, "label")
    assert asked[70] == "50"
    assert (counts.images, counts.labelled, counts.hands) == (120, 60, 0)


def test_a_state_folder_belongs_to_one_request(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text("{}")
    request = Request(tmp_path / "a", file, tmp_path / "x.onnx", tmp_path / "state", 60)
    require_same_request(request, ["1.png"])
    require_same_request(replace(request, out=tmp_path / "y.onnx"), ["1.png"])
    for other, names, named in (
        (replace(request, images=tmp_path / "b"), ["1.png"], "--images"),
        (replace(request, labels=None), ["1.png"], "--labels"),
        (replace(request, rendered=tmp_path), ["1.png"], "no --rendered, not with"),
        (replace(request, minutes=30), ["1.png"], "--minutes 60"),
        (request, ["1.png", "2.png"], "images"),
    ):
        with pytest.raises(ValueError, match=f"state was begun with .*{named}") as caught:
            require_same_request(other, names)
        assert "None" not in str(caught.value)
        assert "kept" in str(caught.value)
    file.write_text("[]")
    with pytest.raises(ValueError, match="other labels"):
        require_same_request(request, ["1.png"])
