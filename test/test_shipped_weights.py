"""The shipped network on pictures in the repository: what it answers, and that this is where the hands are."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.benchmarks.matching import match_boxes
from handos_model.hand.hand import FloatArray, Hand
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline
from handos_model.io.annotations import box_around_joints
from handos_model.io.camera_file import read_camera
from handos_model.io.frame import CameraIntrinsics, ImageArray

HERE = Path(__file__).parent
CLIP = HERE.parent / "demo" / "clip.mp4"
GOLDEN = HERE / "golden_hands.json"
"""Made by `python scripts/write_golden_hands.py`."""
TRUTH = {int(number): hands for number, hands in json.loads((HERE / "clip_truth.json").read_text()).items()}
CAMERA = read_camera(CLIP.with_suffix(".camera.json"))


@pytest.fixture(scope="module")
def answers() -> dict[int, tuple[Hand, ...]]:
    pipeline = HandPipeline.load()
    return {number: pipeline(image, CAMERA) for number, image in frames().items()}


def frames() -> dict[int, ImageArray]:
    capture = cv2.VideoCapture(str(CLIP))
    read = {}
    for number in range(max(TRUTH) + 1):
        found, image = capture.read()
        assert found
        if number in TRUTH:
            read[number] = np.asarray(image, np.uint8)
    return read


def projected(joints_3d: FloatArray, camera: CameraIntrinsics) -> FloatArray:
    x, y, z = joints_3d.T
    return np.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], axis=1).astype(np.float32)


def matched(answers: dict[int, tuple[Hand, ...]]) -> list[tuple[Hand, str, FloatArray]]:
    """Found hands with the side and the (21, 3) joints of the true hand that each belongs to."""
    pairs = []
    for number, hands in answers.items():
        sides = list(TRUTH[number])
        joints = [np.array(TRUTH[number][side], np.float32) for side in sides]
        true_boxes = [box_around_joints(projected(points, CAMERA), 640, 480) for points in joints]
        for i, j in match_boxes([hand.box for hand in hands], true_boxes):
            pairs.append((hands[i], sides[j], joints[j]))
    return pairs


def test_the_shipped_file_is_small_enough_to_ship() -> None:
    assert DEFAULT_WEIGHTS.stat().st_size <= 25e6


def test_the_same_hands_come_out_as_when_the_weights_were_shipped(answers: dict[int, tuple[Hand, ...]]) -> None:
    golden = json.loads(GOLDEN.read_text())
    for number, expected in golden.items():
        hands = answers[int(number)]
        assert [hand.handedness for hand in hands] == [hand["handedness"] for hand in expected]
        for hand, wanted in zip(hands, expected, strict=True):
            assert hand.score == pytest.approx(wanted["score"], abs=0.01)
            assert np.allclose(hand.joints_2d, wanted["joints_2d"], atol=1.0)
            assert hand.joints_3d is not None
            assert np.allclose(hand.joints_3d, wanted["joints_3d"], atol=0.005)


def test_hands_of_the_clip_are_found_where_they_are(answers: dict[int, tuple[Hand, ...]]) -> None:
    true_hands = sum(len(hands) for hands in TRUTH.values())
    assert len(matched(answers)) >= 0.9 * true_hands


def test_skeletons_follow_their_hands(answers: dict[int, tuple[Hand, ...]]) -> None:
    errors = []
    for hand, _, joints_3d in matched(answers):
        true = projected(joints_3d, CAMERA)
        errors.append(np.linalg.norm(hand.joints_2d - true, axis=1).mean() / np.ptp(true, axis=0).max())
    assert np.median(errors) < 0.15


def test_wrists_are_placed_in_metres(answers: dict[int, tuple[Hand, ...]]) -> None:
    errors = []
    for hand, _, joints_3d in matched(answers):
        assert hand.joints_3d is not None
        errors.append(np.linalg.norm(hand.joints_3d[0] - joints_3d[0]) / np.linalg.norm(joints_3d[0]))
    assert np.median(errors) < 0.15


def test_sides_are_mostly_right(answers: dict[int, tuple[Hand, ...]]) -> None:
    pairs = matched(answers)
    assert sum(hand.handedness == side for hand, side, _ in pairs) >= 0.7 * len(pairs)


def test_a_mirrored_picture_gives_the_mirrored_hand_of_the_other_side(answers: dict[int, tuple[Hand, ...]]) -> None:
    pipeline, width = HandPipeline.load(), 640
    mirrored_camera = replace(CAMERA, cx=width - 1 - CAMERA.cx)
    sides, errors = [], []
    for number, image in frames().items():
        mirrored = [mirror(hand, width) for hand in pipeline(np.ascontiguousarray(image[:, ::-1]), mirrored_camera)]
        for i, j in match_boxes([hand.box for hand in answers[number]], [hand.box for hand in mirrored]):
            hand, other = answers[number][i], mirrored[j]
            assert hand.vertices is not None
            assert other.vertices is not None
            sides.append(hand.handedness == other.handedness)
            errors.append(np.linalg.norm(hand.vertices - other.vertices, axis=1).mean())
    assert len(sides) >= 0.8 * sum(len(hands) for hands in answers.values())
    assert np.mean(sides) > 0.7
    assert np.median(errors) < 0.03


def mirror(hand: Hand, width: int) -> Hand:
    """The hand that a mirror shows in place of `hand`."""
    left, top, right, bottom = hand.box
    assert hand.vertices is not None
    return replace(
        hand,
        box=np.array([width - 1 - right, top, width - 1 - left, bottom], np.float32),
        handedness="left" if hand.handedness == "right" else "right",
        vertices=hand.vertices * np.array([-1, 1, 1], np.float32),
    )
