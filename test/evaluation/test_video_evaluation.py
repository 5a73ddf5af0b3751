"""Measures on videos, for hands with known motion."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from handos_model.evaluation.report import format_video_evaluation
from handos_model.evaluation.video_evaluation import evaluate_video, read_joints_reference
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.recordings.frame import Frame
from handos_model.recordings.source import FrameSource

GRID = np.stack(np.meshgrid(np.arange(3.0), np.arange(7.0)), axis=-1).reshape(21, 2).astype(np.float32) * 10
LONGEST_SIDE = 60.0


def hand_at(joints_2d: FloatArray, side: str = "right") -> Hand:
    box = np.array([*joints_2d.min(axis=0), *joints_2d.max(axis=0)], np.float32)
    return Hand(
        score=0.9,
        box=box,
        handedness=side,  # type: ignore[arg-type]
        handedness_score=0.9,
        joints_2d=joints_2d,
        joint_scores=np.ones(21, np.float32),
    )


class ScriptedPipeline:
    """Returns given hands, one list per frame."""

    def __init__(self, hands_of_frames: list[list[Hand]]) -> None:
        self._hands = iter(hands_of_frames)

    def __call__(self, image: ImageArray, camera: CameraIntrinsics) -> tuple[Hand, ...]:
        return tuple(next(self._hands))


def video_of(count: int) -> FrameSource:
    def frames() -> Iterator[Frame]:
        for index in range(count):
            yield Frame(np.zeros((48, 64, 3), np.uint8), "scripted", index, index / 25)

    return FrameSource("scripted", frames(), count, 25.0)


def evaluate(hands_of_frames: list[list[Hand]], reference: list[FloatArray | None] | None = None):  # type: ignore[no-untyped-def]
    return evaluate_video(ScriptedPipeline(hands_of_frames), video_of(len(hands_of_frames)), reference, 60.0)  # type: ignore[arg-type]


def test_frames_without_a_hand_and_with_another_side_are_counted() -> None:
    result = evaluate([[hand_at(GRID)], [], [hand_at(GRID)], [hand_at(GRID, "left")]])
    assert result.frames == 4
    assert result.frames_with_hand == pytest.approx(3 / 4)
    assert result.handedness_consistency == pytest.approx(2 / 3)


def test_tracking_keeps_the_side_despite_a_single_contradicting_frame() -> None:
    result = evaluate([[hand_at(GRID)]] * 4 + [[hand_at(GRID, "left")]] + [[]] + [[hand_at(GRID)]] * 4)
    assert result.handedness_consistency == pytest.approx(8 / 9)
    assert result.tracked_handedness_consistency == 1


def test_steady_motion_has_no_jitter_and_shaking_has_its_amplitude() -> None:
    moving = [[hand_at(GRID + np.float32(5 * k))] for k in range(8)]
    assert evaluate(moving).jitter == pytest.approx(0, abs=1e-6)
    shaking = [[hand_at(GRID + np.array([3.0 * (-1) ** k, 0], np.float32))] for k in range(8)]
    assert evaluate(shaking).jitter == pytest.approx(4 * 3.0 / LONGEST_SIDE)


def test_joints_are_compared_with_the_reference_of_their_frame() -> None:
    shifted = GRID.copy()
    shifted[:7, 0] += 0.2 * LONGEST_SIDE
    assert evaluate([[hand_at(shifted)], []], [GRID, GRID]).pck_10 == pytest.approx(14 / 21)


def test_a_reference_of_another_length_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"reference has 3 frames.* 1"):
        evaluate([[hand_at(GRID)]], [GRID, GRID, GRID])


def test_a_reference_file_is_read_and_an_invalid_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "joints.json"
    path.write_text(json.dumps([[[*point, 0.5] for point in GRID.tolist()], []]))
    first, second = read_joints_reference(path, "mesh")
    assert first is not None
    assert np.array_equal(first, GRID)
    assert second is None
    path.write_text(json.dumps([GRID[:20].tolist()]))
    with pytest.raises(ValueError, match=r"joints\.json: frame 0 .* \(20, 2\)"):
        read_joints_reference(path, "mesh")
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        read_joints_reference(tmp_path / "absent.json", "mesh")


def test_what_a_video_does_not_allow_to_measure_is_absent_and_explained() -> None:
    empty = format_video_evaluation(evaluate([]))
    assert "with a hand                 -  not measured: the video has no frames" in empty
    for result in (evaluate([], []), evaluate([[], []], [GRID, GRID])):
        text = format_video_evaluation(result)
        assert "nan" not in text
        assert "handedness                  -  not measured: no frame has a hand" in text
        assert "jitter                      -  not measured: no three consecutive frames have a hand" in text
        assert "pck@.1                      -  not measured: no frame has both a hand and a reference" in text


def test_a_reference_that_is_not_finite_is_named_by_frame(tmp_path: Path) -> None:
    path = tmp_path / "joints.json"
    path.write_text(json.dumps([[], [[0.0, float("nan")]] * 21]))
    with pytest.raises(ValueError, match=r"joints\.json: frame 1: nan at \[0, 1\]"):
        read_joints_reference(path, "mesh")
