"""Readers of published data sets convert to our joint order, axes and units."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_folders import (
    matrix_of,
    random_hands,
    write_dexycb,
    write_freihand,
    write_grey_image,
    write_hint,
    write_ho3d,
)

from handos_model.datasets.dataset import Dataset
from handos_model.datasets.dexycb import CAMERAS, SUBJECTS, DexYcb, selection_of
from handos_model.datasets.freihand import FreiHand
from handos_model.datasets.hint import Hint
from handos_model.datasets.ho3d import Ho3d, from_ho3d_joints, to_ho3d_joints
from handos_model.datasets.training_splits import TrainingSplit
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.skeleton import JOINT_NAMES

SMALL_CAMERA = CameraIntrinsics(480.0, 475.0, 112.0, 110.0)
CAMERA = CameraIntrinsics(614.6, 614.1, 320.3, 241.7)
HANDS = random_hands(3)


def assert_joints_project_onto_pixels(dataset: Dataset, index: int) -> None:
    sample = dataset[index]
    assert sample.camera is not None
    (hand,) = sample.hands
    assert hand.joints_3d is not None
    projected = hand.joints_3d @ matrix_of(sample.camera).T
    np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], hand.joints_2d, atol=1e-3)
    assert (hand.joints_2d >= hand.box[:2] - 1).all()
    assert (hand.joints_2d <= hand.box[2:] + 1).all()


@pytest.mark.parametrize(("split", "versions"), [("training", 4), ("evaluation", 1)])
def test_freihand_is_read(tmp_path: Path, split: str, versions: int) -> None:
    dataset = FreiHand(write_freihand(tmp_path, split, HANDS, SMALL_CAMERA), split)  # type: ignore[arg-type]
    assert len(dataset) == versions * 3
    for index in range(len(dataset)):
        sample = dataset[index]
        assert sample.image.shape == (224, 224, 3)
        assert sample.camera == SMALL_CAMERA
        (hand,) = sample.hands
        np.testing.assert_allclose(hand.joints_3d, HANDS[index % 3][0], rtol=1e-6)
        np.testing.assert_allclose(hand.vertices, HANDS[index % 3][1], rtol=1e-6)
        assert (hand.handedness, hand.topology_id) == ("right", MANO_TOPOLOGY_ID)
        assert_joints_project_onto_pixels(dataset, index)
    assert dataset.image_name(2) == f"{split}/rgb/00000002.jpg"


def test_freihand_reports_missing_and_inconsistent_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"evaluation_K\.json.*uni-freiburg"):
        FreiHand(tmp_path, "evaluation")
    write_freihand(tmp_path, "evaluation", HANDS, SMALL_CAMERA)
    (tmp_path / "evaluation" / "rgb" / "00000002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"00000002\.jpg"):
        FreiHand(tmp_path, "evaluation")
    (tmp_path / "evaluation_xyz.json").write_text("[[[1, 2, 3]]]")
    with pytest.raises(ValueError, match="3, 1 and 3 samples"):
        FreiHand(tmp_path, "evaluation")


def test_images_of_another_size_are_rejected(tmp_path: Path) -> None:
    write_freihand(tmp_path, "evaluation", HANDS, SMALL_CAMERA)
    write_grey_image(tmp_path / "evaluation" / "rgb" / "00000001.jpg", 256, 256)
    with pytest.raises(ValueError, match=r"00000001\.jpg.*256 x 256.*224 x 224"):
        FreiHand(tmp_path, "evaluation")[1]


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("split", ["train", "evaluation"])
def test_ho3d_is_read(tmp_path: Path, split: str, version: str) -> None:
    dataset = Ho3d(write_ho3d(tmp_path, split, HANDS, CAMERA, version), split)  # type: ignore[arg-type]
    assert dataset.title == f"HO3D {version} {split}"
    assert dataset.has_ground_truth
    for index, (joints, vertices) in enumerate(HANDS):
        (hand,) = dataset[index].hands
        np.testing.assert_allclose(hand.joints_3d, joints, rtol=1e-6)
        if split == "evaluation":
            np.testing.assert_allclose(hand.vertices, vertices, rtol=1e-6)
            np.testing.assert_array_equal(hand.box, [200, 120, 440, 330])
        else:
            assert hand.vertices is None
        assert hand.handedness == "right"
    assert_joints_project_onto_pixels(dataset, 1)


def test_ho3d_order_is_that_of_its_figure() -> None:
    """In the published figure 1 is the index knuckle, 4 the middle one, 7 the pinky's, 13 the thumb's root."""
    rows = np.arange(21)[:, None] * np.ones(3)
    ours = from_ho3d_joints(rows)[:, 0].astype(int)
    number_of = dict(zip(JOINT_NAMES, ours.tolist(), strict=True))
    assert number_of["wrist"] == 0
    assert [number_of[f"{finger}_mcp"] for finger in ("index", "middle", "pinky", "ring")] == [1, 4, 7, 10]
    assert [number_of[name] for name in ("thumb_cmc", "thumb_mcp", "thumb_ip")] == [13, 14, 15]
    assert [number_of[f"{f}_tip"] for f in ("thumb", "index", "middle", "ring", "pinky")] == [16, 17, 18, 19, 20]
    np.testing.assert_array_equal(to_ho3d_joints(from_ho3d_joints(rows)), rows)


def test_ho3d_frames_without_annotation_have_no_hands(tmp_path: Path) -> None:
    dataset = Ho3d(write_ho3d(tmp_path, "train", [HANDS[0], None], CAMERA), "train")
    assert len(dataset[0].hands) == 1
    assert dataset[1].hands == ()


def test_ho3d_evaluation_can_be_read_without_its_ground_truth(tmp_path: Path) -> None:
    dataset = Ho3d(write_ho3d(tmp_path, "evaluation", HANDS, CAMERA, with_ground_truth=False), "evaluation")
    assert not dataset.has_ground_truth
    assert dataset[0].hands == ()
    assert dataset[0].camera == CAMERA


def test_ho3d_reports_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train\.txt.*github\.com/shreyashampali"):
        Ho3d(tmp_path, "train")
    write_ho3d(tmp_path, "evaluation", HANDS, CAMERA)
    meta = tmp_path / "evaluation" / "SEQ1" / "meta" / "0001.pkl"
    meta.write_bytes(pickle.dumps({"camMat": Path}))
    with pytest.raises(ValueError, match=r"0001\.pkl refers to pathlib.*not allowed"):
        Ho3d(tmp_path, "evaluation")[1]
    meta.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match=r"0001\.pkl.*camMat"):
        Ho3d(tmp_path, "evaluation")[1]
    meta.unlink()
    with pytest.raises(FileNotFoundError, match=r"0001\.pkl"):
        Ho3d(tmp_path, "evaluation")[1]
    (tmp_path / "evaluation_verts.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"evaluation_verts\.json.*github\.com/shreyashampali"):
        Ho3d(tmp_path, "evaluation")
    write_ho3d(tmp_path, "evaluation", HANDS[:2], CAMERA)
    (tmp_path / "evaluation.txt").write_text("SEQ0/0000\n")
    with pytest.raises(ValueError, match=r"evaluation_xyz\.json.*2 and 2 samples.*lists 1"):
        Ho3d(tmp_path, "evaluation")


@pytest.fixture(scope="module")
def dexycb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cameras = [CameraIntrinsics(600.0 + k, 601.0 + k, 320.0, 240.0) for k in range(8)]
    folder = tmp_path_factory.mktemp("dexycb")
    return write_dexycb(folder, [HANDS[0][0], None, HANDS[1][0]], cameras, (7, 8), (0, 1, 99), (0, 7))


def test_dexycb_is_read(dexycb: Path) -> None:
    dataset = DexYcb(dexycb, "s1", "test")
    assert len(dataset) == 2 * 3 * 8 * 3
    # Sequences first, then cameras, then frames.
    for recorded, camera, frame in ((0, 0, 0), (0, 7, 2), (1, 7, 0), (2, 0, 2), (4, 7, 2)):
        index = (recorded * 8 + camera) * 3 + frame
        sequence = (0, 1, 99)[recorded % 3]
        subject, time = SUBJECTS[7 + recorded // 3], 140000 + sequence
        assert dataset.image_name(index) == f"{subject}/20200709_{time}/{CAMERAS[camera]}/color_{frame:06d}.jpg"
        sample = dataset[index]
        assert sample.camera == CameraIntrinsics(600.0 + camera, 601.0 + camera, 320.0, 240.0)
        (hand,) = sample.hands
        assert hand.handedness == ("left" if sequence % 2 else "right")
        np.testing.assert_allclose(hand.joints_3d, HANDS[frame // 2][0], rtol=1e-6)
        assert_joints_project_onto_pixels(dataset, index)
    assert dataset[1].hands == ()


@pytest.mark.parametrize(
    ("setup", "split", "images_of_1000_sequences"),
    [
        # Subjects x cameras x sequences of each.
        ("s0", "train", 10 * 8 * 80),
        ("s0", "val", 2 * 8 * 20),
        ("s0", "test", 8 * 8 * 20),
        ("s1", "train", 7 * 8 * 100),
        ("s1", "val", 1 * 8 * 100),
        ("s1", "test", 2 * 8 * 100),
        ("s2", "train", 10 * 6 * 100),
        ("s2", "val", 10 * 1 * 100),
        ("s2", "test", 10 * 1 * 100),
        ("s3", "train", 10 * 8 * 75),
        ("s3", "val", 10 * 8 * 10),
        ("s3", "test", 10 * 8 * 15),
    ],
)
def test_dexycb_splits_have_their_sizes(setup: str, split: str, images_of_1000_sequences: int) -> None:
    selection = selection_of(setup, split)  # type: ignore[arg-type]
    assert len(selection.subjects) * len(selection.cameras) * len(selection.sequences) == images_of_1000_sequences


@pytest.mark.parametrize("setup", ["s0", "s1", "s2", "s3"])
def test_dexycb_splits_of_a_setup_are_disjoint_and_complete(setup: str) -> None:
    seen: set[tuple[int, int, int]] = set()
    for split in ("train", "val", "test"):
        selection = selection_of(setup, split)  # type: ignore[arg-type]
        images = {(s, c, q) for s in selection.subjects for c in selection.cameras for q in selection.sequences}
        assert not images & seen
        seen |= images
    assert len(seen) == 10 * 8 * 100


def test_dexycb_reports_missing_and_damaged_files(dexycb: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"836212060125_640x480\.yml.*dex-ycb\.github\.io"):
        DexYcb(tmp_path, "s0", "test")
    with pytest.raises(FileNotFoundError, match="20200820-subject-03"):
        DexYcb(dexycb, "s0", "test")
    dataset = DexYcb(dexycb, "s1", "test")
    with pytest.raises(FileNotFoundError, match=r"labels_000000\.npz"):
        dataset.hands(3)
    damaged = dexycb / SUBJECTS[8] / "20200709_140099" / CAMERAS[7] / "labels_000000.npz"
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[:200])
    with pytest.raises(ValueError, match=r"labels_000000\.npz"):
        dataset.hands((5 * 8 + 7) * 3)


def test_dexycb_with_an_incomplete_subject_is_rejected(tmp_path: Path) -> None:
    write_dexycb(tmp_path, [HANDS[0][0]], [CAMERA] * 8, (6,), (), ())
    meta = tmp_path / SUBJECTS[6] / "20200709_140042"
    (meta / "meta.yml").unlink()
    meta.rmdir()
    with pytest.raises(ValueError, match=r"subject-07 has 99 sequences.*100"):
        DexYcb(tmp_path, "s1", "val")


HINT_JOINTS = [np.random.default_rng(k).uniform((100, 100), (300, 260), (21, 2)) for k in range(3)]
HINT_BOXES = [(90.0, 95.0, 310.0, 270.0)] * 3


@pytest.mark.parametrize("part", ["newdays", "epick", "ego4d"])
def test_hint_is_read(tmp_path: Path, part: str) -> None:
    write_hint(tmp_path, f"TEST_{part}_img", HINT_JOINTS, HINT_BOXES)
    dataset = Hint(tmp_path, part, "TEST")  # type: ignore[arg-type]
    assert len(dataset) == 3
    for index, joints in enumerate(HINT_JOINTS):
        sample = dataset[index]
        assert sample.camera is None
        (hand,) = sample.hands
        np.testing.assert_allclose(hand.joints_2d, joints, rtol=1e-6)
        np.testing.assert_allclose(hand.box, HINT_BOXES[index])
        assert hand.handedness == ("left" if index % 2 else "right")
        assert hand.visibility is not None
        assert hand.visibility.tolist() == [joint % 3 != 0 for joint in range(21)]
        assert hand.joints_3d is None
        assert hand.annotated_joints is not None
        assert hand.annotated_joints.all()


def test_hints_joints_without_existence_are_not_annotated(tmp_path: Path) -> None:
    write_hint(tmp_path, "TRAIN_epick_img", HINT_JOINTS[:1], HINT_BOXES[:1], missing_joints=(4, 20))
    write_hint(tmp_path, "TEST_epick_img", HINT_JOINTS[:1], HINT_BOXES[:1], missing_joints=range(21))
    dataset = Hint(tmp_path, "epick", "TRAIN")
    (hand,) = dataset.hands(0)
    assert hand.annotated_joints is not None
    assert np.flatnonzero(~hand.annotated_joints).tolist() == [4, 20]
    np.testing.assert_allclose(hand.joints_2d[hand.annotated_joints], np.delete(HINT_JOINTS[0], (4, 20), axis=0))
    assert Hint(tmp_path, "epick", "TEST").hands(0) == ()
    with pytest.raises(ValueError, match="no image has an annotated hand with all its joints"):
        TrainingSplit(dataset, "any")[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"existence": None}, "existence"),
        ({"existence": "absent"}, "has no 'existence'"),
        ({"existence": [1] * 20}, r"existence: the shape is \(20,\)"),
        ({"existence": [1] * 20 + [2]}, "existence: expected 0 or 1"),
        ({"occlusion": "absent"}, "has no 'occlusion'"),
        ({"keypoints": [[1.0, float("nan")]] * 21}, r"keypoints: nan at \[0, 1\]"),
        ({"keypoints": [[1.0, 2.0, 3.0]] * 21}, r"keypoints: the shape is \(21, 3\)"),
        ({"bbox": [[10, 20, 10, 60]]}, r"bbox: .* is empty"),
        ({"bbox": []}, "damaged"),
    ],
)
def test_hints_annotations_are_checked(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = write_hint(tmp_path, "TEST_epick_img", HINT_JOINTS[:1], HINT_BOXES[:1]) / "TEST_epick_img"
    (path,) = folder.glob("*.json")
    (entry,) = json.loads(path.read_text())
    entry = {name: value for name, value in (entry | changes).items() if value != "absent"}
    path.write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match=rf"000000_r\.json.*{message}"):
        Hint(tmp_path, "epick", "TEST").hands(0)


def test_annotations_that_are_not_finite_or_behind_the_camera_are_named(tmp_path: Path) -> None:
    joints, vertices = HANDS[0]
    behind = joints * (1, 1, -1)
    freihand = write_freihand(tmp_path / "freihand", "evaluation", [HANDS[1], (behind, vertices)], SMALL_CAMERA)
    with pytest.raises(ValueError, match=r"evaluation_xyz\.json, sample 1: the hand lies behind the camera"):
        FreiHand(freihand, "evaluation").hands(1)
    ho3d = write_ho3d(tmp_path / "ho3d", "evaluation", [HANDS[1], (behind, vertices)], CAMERA)
    with pytest.raises(ValueError, match=r"evaluation_xyz\.json, sample 1: the hand lies behind the camera"):
        Ho3d(ho3d, "evaluation").hands(1)
    train = write_ho3d(
        tmp_path / "train", "train", [(np.where(joints == joints[3, 1], np.nan, joints), vertices)], CAMERA
    )
    with pytest.raises(ValueError, match=r"0000\.pkl, handJoints3D: nan at \[15, 1\]"):
        Ho3d(train, "train").hands(0)


def test_annotations_of_another_shape_are_named(tmp_path: Path) -> None:
    joints, vertices = HANDS[0]
    freihand = write_freihand(tmp_path / "freihand", "evaluation", [(joints[:20], vertices)], SMALL_CAMERA)
    with pytest.raises(ValueError, match=r"evaluation_xyz\.json, sample 0: the shape is \(20, 3\), expected \(21, 3\)"):
        FreiHand(freihand, "evaluation").hands(0)
    ho3d = write_ho3d(tmp_path / "ho3d", "evaluation", [(joints, vertices[:700])], CAMERA)
    with pytest.raises(ValueError, match=r"evaluation_verts\.json, sample 0: the shape is \(700, 3\)"):
        Ho3d(ho3d, "evaluation").hands(0)


def test_hint_reports_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"TEST_ego4d_img.*github\.com/ddshan/hint"):
        Hint(tmp_path, "ego4d", "TEST")
    folder = write_hint(tmp_path, "TEST_ego4d_img", HINT_JOINTS, HINT_BOXES) / "TEST_ego4d_img"
    dataset = Hint(tmp_path, "ego4d", "TEST")
    annotation = folder / "ND_video_frame000001_l.json"
    annotation.write_text(annotation.read_text()[:50])
    with pytest.raises(ValueError, match=r"frame000001_l\.json"):
        dataset.hands(1)
    for image in folder.glob("*.jpg"):
        image.unlink()
    with pytest.raises(FileNotFoundError, match=r"000000_r\.jpg.* 2 other .*github\.com/ddshan/hint"):
        Hint(tmp_path, "ego4d", "TEST")
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"TEST_ego4d_img.*\.json"):
        Hint(tmp_path, "ego4d", "TEST")


def test_hint_needs_the_handedness_in_the_file_name(tmp_path: Path) -> None:
    folder = write_hint(tmp_path, "TEST_epick_img", HINT_JOINTS[:1], HINT_BOXES[:1]) / "TEST_epick_img"
    for file in folder.iterdir():
        file.rename(file.with_name(file.name.replace("_r.", ".")))
    with pytest.raises(ValueError, match="_l or _r"):
        Hint(tmp_path, "epick", "TEST").hands(0)


def test_dexycbs_joints_that_are_not_finite_are_named(tmp_path: Path) -> None:
    joints = HANDS[0][0].copy()
    joints[7, 2] = np.nan
    write_dexycb(tmp_path, [joints], [CAMERA] * 8, (7, 8), (0,), (0,))
    with pytest.raises(ValueError, match=r"labels_000000\.npz.*joint_3d: nan at \[0, 7, 2\]"):
        DexYcb(tmp_path, "s1", "test").hands(0)


def test_ho3d_publishes_its_box_without_ground_truth_too(tmp_path: Path) -> None:
    write_ho3d(tmp_path, "evaluation", HANDS, CAMERA, with_ground_truth=False)
    np.testing.assert_array_equal(Ho3d(tmp_path, "evaluation")[0].published_box, [200, 120, 440, 330])
    path = tmp_path / "evaluation" / "SEQ0" / "meta" / "0000.pkl"
    meta = pickle.loads(path.read_bytes())
    del meta["handBoundingBox"]
    path.write_bytes(pickle.dumps(meta, protocol=2))
    with pytest.raises(ValueError, match=r"0000\.pkl has no handBoundingBox"):
        Ho3d(tmp_path, "evaluation")[0]
