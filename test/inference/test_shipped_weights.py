"""The shipped network on the demo clip: its hands are unchanged and lie where the true hands are."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.datasets.annotations import box_around_joints
from handos_model.evaluation.matching import match_boxes
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.intrinsics import read_intrinsics
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline

HERE = Path(__file__).parent
CLIP = HERE.parents[1] / "demo" / "clip.mp4"
GOLDEN = HERE / "golden_hands.json"
"""Made by `python scripts/write_golden_hands.py`."""
TRUTH = {int(number): hands for number, hands in json.loads((HERE / "clip_truth.json").read_text()).items()}
CAMERA = read_intrinsics(CLIP.with_suffix(".camera.json"))


@pytest.fixture(scope="module")
def detections() -> dict[int, tuple[Hand, ...]]:
    pipeline = HandPipeline.load(backend="onnxruntime")
    return {number: pipeline(image, CAMERA) for number, image in frames().items()}


def frames() -> dict[int, ImageArray]:
    capture = cv2.VideoCapture(str(CLIP))
    read = {}
    for number in range(max(TRUTH) + 1):
        readable, image = capture.read()
        assert readable
        if number in TRUTH:
            read[number] = np.asarray(image, np.uint8)
    return read


def true_pixels(joints_3d: FloatArray) -> FloatArray:
    return project(joints_3d, CAMERA).astype(np.float32)


def matched(detections: dict[int, tuple[Hand, ...]]) -> list[tuple[Hand, str, FloatArray]]:
    """Detected hands with the side and the (21, 3) joints of the true hand that each is matched to."""
    pairs = []
    for number, hands in detections.items():
        sides = list(TRUTH[number])
        joints = [np.array(TRUTH[number][side], np.float32) for side in sides]
        true_boxes = [box_around_joints(true_pixels(points), 640, 480) for points in joints]
        for i, j in match_boxes([hand.box for hand in hands], true_boxes):
            pairs.append((hands[i], sides[j], joints[j]))
    return pairs


def test_the_shipped_file_is_small_enough_to_ship() -> None:
    assert DEFAULT_WEIGHTS.stat().st_size <= 25e6


def test_hands_are_the_same_as_when_the_weights_were_shipped(detections: dict[int, tuple[Hand, ...]]) -> None:
    golden = json.loads(GOLDEN.read_text())
    for number, expected in golden.items():
        hands = detections[int(number)]
        assert [hand.handedness for hand in hands] == [hand["handedness"] for hand in expected]
        for hand, reference in zip(hands, expected, strict=True):
            assert hand.score == pytest.approx(reference["score"], abs=0.01)
            assert np.allclose(hand.joints_2d, reference["joints_2d"], atol=1.0)
            assert hand.joints_3d is not None
            assert np.allclose(hand.joints_3d, reference["joints_3d"], atol=0.005)


def test_most_hands_of_the_clip_are_found(detections: dict[int, tuple[Hand, ...]]) -> None:
    true_hands = sum(len(hands) for hands in TRUTH.values())
    assert len(matched(detections)) >= 0.9 * true_hands


def test_2d_joints_are_near_the_true_joints(detections: dict[int, tuple[Hand, ...]]) -> None:
    errors = []
    for hand, _, joints_3d in matched(detections):
        true = true_pixels(joints_3d)
        errors.append(np.linalg.norm(hand.joints_2d - true, axis=1).mean() / np.ptp(true, axis=0).max())
    assert np.median(errors) < 0.15


def test_wrists_are_near_the_true_wrists_in_metres(detections: dict[int, tuple[Hand, ...]]) -> None:
    errors = []
    for hand, _, joints_3d in matched(detections):
        assert hand.joints_3d is not None
        errors.append(np.linalg.norm(hand.joints_3d[0] - joints_3d[0]) / np.linalg.norm(joints_3d[0]))
    assert np.median(errors) < 0.15


def test_most_sides_are_right(detections: dict[int, tuple[Hand, ...]]) -> None:
    pairs = matched(detections)
    assert sum(hand.handedness == side for hand, side, _ in pairs) >= 0.7 * len(pairs)


def test_a_mirrored_image_has_the_mirrored_hand_of_the_other_side(detections: dict[int, tuple[Hand, ...]]) -> None:
    pipeline, width = HandPipeline.load(backend="onnxruntime"), 640
    mirrored_camera = replace(CAMERA, cx=width - 1 - CAMERA.cx)
    sides, errors = [], []
    for number, image in frames().items():
        mirrored = [mirror(hand, width) for hand in pipeline(np.ascontiguousarray(image[:, ::-1]), mirrored_camera)]
        for i, j in match_boxes([hand.box for hand in detections[number]], [hand.box for hand in mirrored]):
            hand, other = detections[number][i], mirrored[j]
            assert hand.vertices is not None
            assert other.vertices is not None
            sides.append(hand.handedness == other.handedness)
            errors.append(np.linalg.norm(hand.vertices - other.vertices, axis=1).mean())
    assert len(sides) >= 0.8 * sum(len(hands) for hands in detections.values())
    assert np.mean(sides) > 0.7
    assert np.median(errors) < 0.03


def mirror(hand: Hand, width: int) -> Hand:
    """The mirror image of a hand."""
    left, top, right, bottom = hand.box
    assert hand.metric is not None
    return replace(
        hand,
        box=np.array([width - 1 - right, top, width - 1 - left, bottom], np.float32),
        handedness="left" if hand.handedness == "right" else "right",
        metric=hand.metric.transformed(lambda points: points * np.array([-1, 1, 1])),
    )
