"""`hands.jsonl`: one line of JSON per frame, under its name only when it is complete."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import size_limit

from handos_model.geometry.intrinsics import CameraIntrinsics, read_intrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.hand.hand import Hand, MetricHand
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.frame import Frame, RecordedHeader
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.json_lines import SCHEMA_VERSION, ResultsWriter, read_frames

CAMERA = CameraIntrinsics(600, 610, 320, 240)
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), "clip.mp4", 7, 0.28)


def hand_with(joints_3d: np.ndarray | None, vertices: np.ndarray | None) -> Hand:
    return Hand(
        score=0.91,
        box=np.array([1, 2, 30, 40], np.float32),
        handedness="left",
        handedness_score=0.8,
        joints_2d=np.full((21, 2), 3.25, np.float32),
        joint_scores=np.full(21, 0.5, np.float32),
        metric=joints_3d
        if joints_3d is None
        else MetricHand(joints_3d, np.full(21, 0.01, np.float32), np.zeros((0, 3)) if vertices is None else vertices),
        id=4,
    )


HAND = hand_with(np.full((21, 3), 0.125, np.float32), np.zeros((778, 3), np.float32))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_frame_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "hands.jsonl"
    with ResultsWriter(path) as writer:
        writer.write(FrameHands(FRAME, (HAND, HAND), FrameCamera(CAMERA)))
        writer.write(FrameHands(FRAME, (), FrameCamera(CAMERA)))
    first, second = read_lines(path)
    assert first | {"hands": None} == {
        "schema": SCHEMA_VERSION,
        "source": "clip.mp4",
        "frame": 7,
        "stamp": 0.28,
        "header": None,
        "width": 640,
        "height": 480,
        "camera": [600, 610, 320, 240],
        "camera_is_assumed": False,
        "lens": None,
        "hands": None,
    }
    assert first["hands"][0] == {
        "id": 4,
        "score": 0.91,
        "box": [1, 2, 30, 40],
        "handedness": "left",
        "handedness_score": 0.8,
        "joints_2d": [[3.25, 3.25]] * 21,
        "joint_scores": [0.5] * 21,
        "joints_3d": [[0.125, 0.125, 0.125]] * 21,
        "joint_sigma": [0.01] * 21,
        "wrist_pose": {"position": [0.125, 0.125, 0.125], "orientation": [0.0, 0.0, 0.0, 1.0]},
        "depth_residual": None,
        "coasting": False,
        "tentative": False,
    }
    assert len(first["hands"]) == 2
    assert second["hands"] == []


def test_the_header_and_the_lens_of_a_bag_are_kept(tmp_path: Path) -> None:
    frame = replace(FRAME, header=RecordedHeader(1_700_000_000_123_456_789, "left_optical"))
    lens = LensDistortion("fisheye", (0.1, 0.0, 0.0, 0.0))
    with ResultsWriter(tmp_path / "hands.jsonl") as writer:
        writer.write(FrameHands(frame, (), FrameCamera(CAMERA, lens)))
    (line,) = read_lines(writer.path)
    assert line["header"] == {"stamp": 1_700_000_000_123_456_789, "frame_id": "left_optical"}
    assert line["lens"] == {"model": "fisheye", "coefficients": [0.1, 0.0, 0.0, 0.0]}


def test_meshes_are_written_on_request(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "hands.jsonl", with_vertices=True) as writer:
        writer.write(FrameHands(FRAME, (HAND,), FrameCamera(CAMERA)))
    assert np.shape(read_lines(writer.path)[0]["hands"][0]["vertices"]) == (778, 3)


def test_without_a_camera_metres_are_null(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "hands.jsonl") as writer:
        writer.write(FrameHands(FRAME, (hand_with(None, None),), FrameCamera(None)))
    (line,) = read_lines(writer.path)
    assert line["camera"] is None
    assert line["hands"][0]["joints_3d"] is None


def test_after_an_error_the_old_file_and_the_lines_written_so_far_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"
    path.write_text("the last complete result\n")
    not_finite = replace(HAND, score=float("nan"))

    def write_until_an_error() -> None:
        with ResultsWriter(path) as writer:
            writer.write(FrameHands(FRAME, (HAND,), FrameCamera(CAMERA)))
            writer.write(FrameHands(FRAME, (not_finite,), FrameCamera(CAMERA)))

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_until_an_error()
    assert path.read_text() == "the last complete result\n"
    assert len(read_lines(tmp_path / "hands.partial.jsonl")) == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_lines_are_on_the_disk_as_soon_as_they_are_written(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "hands.jsonl") as writer:
        writer.write(FrameHands(FRAME, (HAND,), FrameCamera(CAMERA)))
        assert len(read_lines(tmp_path / "hands.partial.jsonl")) == 1


def test_on_a_full_disk_whole_lines_are_kept_and_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"

    def write_until_the_disk_is_full() -> None:
        with size_limit(2500), ResultsWriter(path) as writer:
            for _ in range(10):
                writer.write(FrameHands(FRAME, (HAND,), FrameCamera(CAMERA)))

    with pytest.raises(OSError, match=r"make room.*hands\.jsonl"):
        write_until_the_disk_is_full()
    partial = (tmp_path / "hands.partial.jsonl").read_bytes()
    assert partial.endswith(b"}\n")
    assert len(read_lines(tmp_path / "hands.partial.jsonl")) == 2500 // (len(partial) // partial.count(b"\n"))


def test_results_are_continued_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"
    (tmp_path / "hands.partial.jsonl").write_text('{"source": "a", "frame": 0}\n')
    with pytest.raises(FileExistsError), ResultsWriter(path):
        pass
    with ResultsWriter(path, resume=True) as writer:
        writer.write(FrameHands(FRAME, (), FrameCamera(CAMERA)))
    assert [(source, index) for source, index, _ in read_frames(path)] == [("a", 0), ("clip.mp4", 7)]
    assert [file.name for file in tmp_path.iterdir()] == ["hands.jsonl"]


def test_a_last_line_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "hands.partial.jsonl").write_text('{"source": "a", "frame": 0}\n{"source": "a", "fra')
    assert len(list(read_frames(tmp_path / "hands.partial.jsonl"))) == 1


def test_a_file_that_holds_no_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "hands.jsonl").write_text("shopping list\n")
    with pytest.raises(ValueError, match=r"hands\.jsonl, line 1"):
        list(read_frames(tmp_path / "hands.jsonl"))


def test_intrinsics_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text('{"fx": 600, "fy": 610, "cx": 320, "cy": 240}')
    assert read_intrinsics(path) == CAMERA


def test_a_missing_camera_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"camera\.json.*\"fx\""):
        read_intrinsics(tmp_path / "camera.json")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"fx": 600, "cx": 1, "cy": 1}', r"fy missing"),
        ('{"fx": 600, "fy": 600, "cx": 1, "cy": 1, "k1": 0}', r"unknown key k1"),
    ],
)
def test_what_a_camera_file_lacks_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "camera.json").write_text(text)
    with pytest.raises(ValueError, match=named) as caught:
        read_intrinsics(tmp_path / "camera.json")
    assert "__init__" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[600, 600, 320, 240]", '{"fx": 600}', '{"fx": 0, "fy": 1, "cx": 1, "cy": 1}', '{"focal": 3}']
)
def test_an_invalid_camera_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "camera.json").write_text(text)
    with pytest.raises(ValueError, match=r"camera\.json cannot be used.*\"fx\""):
        read_intrinsics(tmp_path / "camera.json")
