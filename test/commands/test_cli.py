"""The command `handos`, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command_line import handos

from handos_model.files.images import write_image
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import HandPipeline
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.video_writer import VideoWriter

TOPOLOGY = HandTopology.load()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, level in (("black.png", 0), ("lit.png", 90)):
        write_image(folder / name, np.full((240, 320, 3), level, np.uint8))
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for _ in range(3):
            writer.write(np.full((240, 320, 3), 90, np.uint8))
    return writer.path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_run_writes_a_line_per_image(
    images: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handos("run", images, "--out", tmp_path / "out", "--weights", weights, monkeypatch=monkeypatch) == 0
    black, lit = lines_of(tmp_path / "out" / "hands.jsonl")
    assert black["hands"] == []
    assert [hand["handedness"] for hand in lit["hands"]] == ["right", "left"]
    assert lit["hands"][0]["joints_3d"] is None
    assert "2 frames, hands in 1" in capsys.readouterr().out


def test_run_with_an_assumed_view_says_that_it_is_assumed(
    images: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--out", tmp_path / "out", "--weights", weights, "--field-of-view", 90)
    assert handos("run", images / "lit.png", *options, monkeypatch=monkeypatch) == 0
    (line,) = lines_of(tmp_path / "out" / "hands.jsonl")
    assert line["camera_is_assumed"]
    assert line["camera"] == pytest.approx([160, 160, 159.5, 119.5])
    assert np.shape(line["hands"][0]["joints_3d"]) == (21, 3)


def test_run_with_a_camera_file_uses_it(
    images: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = tmp_path / "camera.json"
    camera.write_text('{"fx": 300, "fy": 310, "cx": 160, "cy": 120}')
    options = ("--out", tmp_path / "out", "--weights", weights, "--camera", camera, "--vertices")
    assert handos("run", images / "lit.png", *options, monkeypatch=monkeypatch) == 0
    (line,) = lines_of(tmp_path / "out" / "hands.jsonl")
    assert line["camera"] == [300, 310, 160, 120]
    assert not line["camera_is_assumed"]
    assert np.shape(line["hands"][0]["vertices"]) == (TOPOLOGY.vertex_count, 3)


def test_run_draws_images_and_videos(
    images: Path, video: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    options = ("--out", out, "--weights", weights, "--field-of-view", 60, "--overlay")
    assert handos("run", images, video, *options, monkeypatch=monkeypatch) == 0
    assert len(lines_of(out / "hands.jsonl")) == 5
    drawn = cv2.imread(str(out / "overlay" / "images" / "lit.png"))
    assert drawn.std() > 1
    assert cv2.VideoCapture(str(out / "overlay" / "clip.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert not list(out.rglob("*.partial*"))


def test_run_follows_hands_through_a_video_when_asked_to(
    video: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--out", tmp_path / "out", "--weights", weights, "--backend", "onnxruntime")
    assert handos("run", video, *options, "--track", monkeypatch=monkeypatch) == 0
    lines = lines_of(tmp_path / "out" / "hands.jsonl")
    assert [[hand["id"] for hand in line["hands"]] for line in lines] == [[1, 2]] * 3
    assert not any(hand["coasting"] for line in lines for hand in line["hands"])
    assert handos("run", video, *options, "--overwrite", monkeypatch=monkeypatch) == 0
    assert all(hand["id"] is None for line in lines_of(tmp_path / "out" / "hands.jsonl") for hand in line["hands"])


def test_sources_whose_overlays_would_collide_are_refused(
    images: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--out", tmp_path / "out", "--weights", weights, "--overlay")
    assert handos("run", images, images, *options, monkeypatch=monkeypatch) == 1
    assert "several sources are named images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "gone.mp4", "--out", "out", "--weights", "WEIGHTS"), "source gone.mp4 does not exist"),
        (("run", "0.png", "--out", "out", "--weights", "gone.onnx"), "weights file gone.onnx does not exist"),
        (("run", "0.png", "--out", "out", "--camera", "gone.json"), "camera file gone.json does not exist"),
        (("run", "0.png", "--out", "out", "--weights", "WEIGHTS", "--field-of-view", "0"), "field of view"),
        (("run", "0.png", "--out", "out", "--weights", "WEIGHTS", "--backend", "cpu"), "unknown backend 'cpu'"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_1(
    arguments: tuple[str, ...],
    complaint: str,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(Path("0.png"), np.zeros((24, 32, 3), np.uint8))
    given = [str(weights) if argument == "WEIGHTS" else argument for argument in arguments]
    assert handos(*given, monkeypatch=monkeypatch) == 1
    message = capsys.readouterr().err
    assert complaint in message
    assert len(message.strip().splitlines()) == 1


def test_eval_measures_against_annotations(
    images: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, left = HandPipeline.load(weights)(np.full((240, 320, 3), 90, np.uint8))
    hands = [{"joints_2d": hand.joints_2d.tolist(), "handedness": "right"} for hand in (right, left)]
    reference = tmp_path / "labels.json"
    reference.write_text(json.dumps({"lit.png": {"size": [320, 240], "hands": hands}}))
    options = ("--dir", images, "--reference", reference, "--out", tmp_path / "report.json", "--weights", weights)
    assert handos("eval", "samples", *options, monkeypatch=monkeypatch) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["recall"], report["false_hands_per_image"]) == (1, 0)
    assert report["measures"]["pck@.05"] == 1
    assert report["measures"]["handedness_accuracy"] == 0.5
    assert "handedness_accuracy" in capsys.readouterr().out


def test_camera_and_field_of_view_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        CameraChoice(CameraIntrinsics(1, 1, 0, 0), field_of_view=60)


def test_help_is_answered_without_loading_the_parts() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from handos_model.commands.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'cv2', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("raise ImportError('libGL.so.1: cannot open\\n shared object file')", "libGL.so.1: cannot open shared"),
        (None, "cv2"),
    ],
)
def test_a_broken_package_ends_in_one_line_that_names_the_doctor(
    content: str | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "cv2").mkdir()
    if content is not None:
        (tmp_path / "cv2" / "__init__.py").write_text(content)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from handos_model.commands.cli import main; main()"
    if content is None:  # a folder without content counts only where there is no other package of its name
        program = "import types; sys = __import__('sys'); sys.modules['cv2'] = types.ModuleType('cv2'); " + program
    command = [sys.executable, "-c", program, "run", "gone.mp4", "--out", str(tmp_path / "out")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    (line,) = answer.stderr.strip().splitlines()
    assert told in line
    assert "`handos doctor`" in line
