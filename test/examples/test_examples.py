"""Every example, run as its docstring says, on the beginning of the demo clip."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import handos
from hands import CAMERA, hand_at

from handos_model.geometry.arrays import ImageArray
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import open_source
from handos_model.recordings.video_writer import VideoWriter

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MAX_LINES = 40
FRAMES = 8
"""Of the clip that they are run on."""
DISTANCES = (0.4, 0.8)
"""Metres between which its hands are."""
WRIST = r"wrist ([\d.]+) m"


@pytest.fixture(scope="session")
def images() -> list[ImageArray]:
    """Images with a right and a left hand, from the demo clip."""
    if not DEFAULT_WEIGHTS.is_file():
        pytest.skip("this checkout has no shipped weights")
    return [frame.image for frame in islice(open_source(ROOT / "demo/clip.mp4").frames, FRAMES)]


@pytest.fixture(scope="session")
def clip(images: list[ImageArray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of them."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", images)


def write_video(path: Path, images: Iterable[ImageArray]) -> Path:
    with VideoWriter(path, 25) as video:
        for image in images:
            video.write(image)
    return path


@pytest.fixture
def run(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "type[Example]":
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/clip.mp4").symlink_to(clip)
    monkeypatch.chdir(tmp_path)
    return Example


class Example:
    """An example that has been run to its end in a folder with demo/clip.mp4."""

    def __init__(self, name: str, *arguments: object) -> None:
        command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        self.lines = ended.stdout.splitlines()

    def numbers(self, pattern: str) -> list[float]:
        """What the only group of `pattern` matches, in all lines."""
        return [float(number) for line in self.lines for number in re.findall(pattern, line)]


def mistake(name: str, *arguments: object) -> tuple[int, list[str]]:
    """Exit code of an example that cannot do what it is asked, and what it says."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not ended.stdout
    return ended.returncode, ended.stderr.splitlines()


@pytest.mark.parametrize("source", ["gone.mp4", "97"])
@pytest.mark.parametrize(
    "call",
    [
        ("depth.py",),
        ("hand_size.py", 0.1),
        ("mesh_to_blender.py",),
        ("own_backend.py",),
        ("pinch_to_mouse.py",),
        ("robot_hand.py",),
        ("two_cameras.py", "demo/clip.mp4"),
        ("webcam.py",),
    ],
    ids=lambda call: call[0],
)
@pytest.mark.usefixtures("run")
def test_a_source_that_cannot_be_read_is_named_in_one_line(call: tuple[str, ...], source: str, tmp_path: Path) -> None:
    code, (line,) = mistake(*call, source)
    assert code == 1
    assert line.startswith(f"{call[0]}: ")
    assert source in line
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (("depth.py", "demo/clip.mp4", "gone.png"), "gone.png"),
        (("depth.py", "demo/clip.mp4", "demo/clip.mp4"), "no depth image of 640x480"),
        (("mesh_to_blender.py", "demo/clip.mp4", "--frame", FRAMES), f"--frame from 0 to {FRAMES - 1}"),
        (("robot_hand.py", "demo/clip.mp4", "--robot", "nobody"), "nobody"),
        (("hand_size.py", 9.8, "demo/clip.mp4"), "9.8"),
        (("analyse_recording.py", "gone.jsonl"), "gone.jsonl"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
@pytest.mark.usefixtures("run")
def test_other_mistakes_are_named_in_one_line_too(call: tuple[str, ...], named: str) -> None:
    code, (line,) = mistake(*call)
    assert code == 1
    assert line.startswith(f"{call[0]}: ")
    assert named in line


@pytest.mark.parametrize(
    "name", sorted({path.name for path in EXAMPLES} - {"depth.py", "ros_subscriber.py", "three_lines.py"})
)
def test_without_arguments_an_example_says_which_it_needs(name: str) -> None:
    code, lines = mistake(name)
    assert code == 2
    assert "Missing argument" in "".join(lines)
    assert "Traceback" not in "".join(lines)


def test_without_metres_a_recording_is_not_analysed_silently(
    run: type[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handos("run", "demo/clip.mp4", "--out", "results", monkeypatch=monkeypatch) == 0
    code, (line,) = mistake("analyse_recording.py", "results/hands.jsonl")
    assert code == 1
    assert "--field-of-view" in line


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_how_to_run_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= MAX_LINES
    assert lines[0].startswith('"""')
    assert any(f"python examples/{path.name}" in line for line in lines)


def test_the_readme_lists_every_example_and_no_other() -> None:
    listed = re.findall(r"^\| \[(\w+\.py)\]\(\1\)", (ROOT / "examples/README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.name for path in EXAMPLES]


def test_three_lines_print_the_wrists_of_both_hands(run: type[Example]) -> None:
    lines = run("three_lines.py").lines
    assert {line.split()[2] for line in lines} == {"left", "right"}
    assert len(lines) == 16


def test_mesh_to_blender_writes_two_hands_upright_in_metres(run: type[Example], tmp_path: Path) -> None:
    example = run("mesh_to_blender.py", "demo/clip.mp4", "--frame", 3, "--out", "out/hands.obj")
    assert example.lines == ["out/hands.obj: 2 hands"]
    lines = (tmp_path / "out/hands.obj").read_text().splitlines()
    assert sorted(line for line in lines if line[0] == "o") == ["o left_2", "o right_1"]
    vertices = np.array([line.split()[1:] for line in lines if line[0] == "v"], float)
    faces = np.array([line.split()[1:] for line in lines if line[0] == "f"], int)
    assert vertices.shape == (2 * 778, 3)
    assert (faces.min(), faces.max()) == (1, len(vertices))
    assert DISTANCES[0] < -vertices[:, 2].mean() < DISTANCES[1]
    corners = vertices[faces - 1] - vertices.mean(axis=0)
    assert np.linalg.det(corners).sum() > 0, "the faces point inwards"


def test_depth_moves_the_hands_to_the_wall_that_stands_in(run: type[Example]) -> None:
    example = run("depth.py")
    assert len(example.lines) == 2
    assert example.numbers(r"-> ([\d.]+) m") == pytest.approx([0.6, 0.6], abs=0.03)


def test_depth_reads_the_image_of_a_depth_camera(run: type[Example], images: list[ImageArray]) -> None:
    cv2.imwrite("image.png", images[0])
    cv2.imwrite("depth.png", np.full(images[0].shape[:2], 750, np.uint16))
    assert run("depth.py", "image.png", "depth.png").numbers(r"-> ([\d.]+) m") == pytest.approx([0.75, 0.75], abs=0.04)


def test_depth_says_where_nothing_was_measured(run: type[Example], images: list[ImageArray]) -> None:
    cv2.imwrite("image.png", images[0])
    cv2.imwrite("depth.png", np.zeros(images[0].shape[:2], np.uint16))
    assert all(line.endswith("(not measured)") for line in run("depth.py", "image.png", "depth.png").lines)


def test_two_cameras_measure_how_far_a_poster_of_hands_is(
    run: type[Example], images: list[ImageArray], tmp_path: Path
) -> None:
    shift, baseline = 80, 0.12  # a plane parallel to both cameras is shifted as a whole
    distance = 320 / np.tan(np.radians(30)) * baseline / shift
    step = np.array([[1, 0, -shift], [0, 1, 0]], float)
    shifted = (cv2.warpAffine(image, step, (640, 480), borderMode=cv2.BORDER_REPLICATE) for image in images)
    write_video(tmp_path / "right.mp4", shifted)
    example = run("two_cameras.py", "demo/clip.mp4", "right.mp4", "--baseline", baseline)
    wrists = example.numbers(WRIST)
    assert len(wrists) >= 12
    assert np.median(wrists) == pytest.approx(distance, rel=0.05)


def test_an_own_backend_finds_the_hands(run: type[Example]) -> None:
    (line,) = run("own_backend.py", "demo/clip.mp4", "--threads", 2).lines
    assert line == "ONNX Runtime with 2 thread(s): 16 hands in 8 images"


def test_a_small_palm_brings_the_hands_nearer(run: type[Example]) -> None:
    near, far = run("hand_size.py", 0.078, "demo/clip.mp4"), run("hand_size.py", 0.104, "demo/clip.mp4")
    assert far.numbers(r"wrists at ([\d.]+) m")[0] == near.numbers(r"wrists at ([\d.]+) m")[0]
    assert near.numbers(r"wrists at ([\d.]+) m")[1] == pytest.approx(
        0.75 * far.numbers(r"wrists at ([\d.]+) m")[1], abs=2e-3
    )


def test_a_recording_is_analysed_from_json_lines_and_from_parquet_alike(
    run: type[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    options = ("--track", "--field-of-view", 60, "--format", "parquet", "--out", "results")
    assert handos("run", "demo/clip.mp4", *options, monkeypatch=monkeypatch) == 0
    lines = run("analyse_recording.py", "results/hands.jsonl").lines
    assert [line.split(",")[0] for line in lines] == ["#1 right: 8 frames", "#2 left: 8 frames"]
    assert run("analyse_recording.py", "results/parquet/clip.parquet").lines == lines


@pytest.mark.parametrize(("robot", "joints"), [("generic_gripper", 1), ("generic_hand", 16)])
def test_a_robot_hand_is_told_its_joints_and_drawn(
    run: type[Example], images: list[ImageArray], robot: str, joints: int
) -> None:
    if robot == "generic_hand":
        pytest.importorskip("dexi_rs")
    *lines, last = run("robot_hand.py", "demo/clip.mp4", "--robot", robot, "--out", "robot.mp4").lines
    assert last == "-> robot.mp4"
    assert {line.partition(":")[0] for line in lines} == {"left", "right"}
    assert {len(line.split(",")) for line in lines} == {joints}
    drawn = [frame.image for frame in open_source("robot.mp4").frames]
    assert len(drawn) == len(images)
    grey = [np.ptp(image.astype(int), axis=2) < 12 for image in (images[-1], drawn[-1])]
    assert grey[1].sum() > grey[0].sum() + 1000  # the robot is grey


def test_the_mouse_follows_the_right_hand_without_a_mouse(run: type[Example]) -> None:
    positions = np.array([line.split()[:2] for line in run("pinch_to_mouse.py", "demo/clip.mp4").lines], float)
    assert len(positions) == 8 - 2  # two images pass until a hand is certain
    assert (positions > 0).all()
    assert (positions < 1).all()
    assert positions[0, 0] > 0.5  # the right hand is on the left of the image, and on the right of a mirror


def test_the_mouse_is_moved_where_pyautogui_is_installed(
    run: type[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = "def size(): return 1000, 500\ndef moveTo(x, y): print('moved', x, y)\nmouseDown = mouseUp = moveTo\n"
    (tmp_path / "pyautogui.py").write_text(stand_in)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    lines = run("pinch_to_mouse.py", "demo/clip.mp4", "--mouse").lines
    told, moved = [line.split() for line in lines[::2]], [line.split() for line in lines[1::2]]
    for (x, y, _), (_, column, row) in zip(told, moved, strict=True):
        assert (float(column), float(row)) == pytest.approx((1000 * float(x), 500 * float(y)), abs=1)


def test_thumb_and_index_finger_together_hold_the_button() -> None:
    pointer = runpy.run_path(str(ROOT / "examples/pinch_to_mouse.py"))["pointer"]
    open_hand, left = hand_at(200), hand_at(400, side="left")
    sequence = [open_hand, open_hand, pinching(open_hand), pinching(open_hand), pinching(open_hand), open_hand]
    results = [result_of((hand, left), 0.1 * number) for number, hand in enumerate(sequence)]
    assert [event for _, _, event in pointer(results)] == ["moves", "moves", "moves", "down", "moves", "moves"]


def test_a_hand_that_is_lost_lets_the_button_go_once() -> None:
    pointer = runpy.run_path(str(ROOT / "examples/pinch_to_mouse.py"))["pointer"]
    sequence = [(pinching(hand_at(200)),)] * 3 + [(), (), (hand_at(400, side="left"),)]
    told = list(pointer([result_of(hands, 0.1 * number) for number, hands in enumerate(sequence)]))
    assert [event for _, _, event in told] == ["down", "moves", "moves", "up"]
    assert told[-1][:2] == told[-2][:2]


def pinching(hand: Hand) -> Hand:
    """The hand with the tip of the thumb at that of the index finger."""
    assert hand.metric is not None
    joints = hand.metric.joints_3d.copy()
    joints[JOINT_NAMES.index("thumb_tip")] = joints[JOINT_NAMES.index("index_tip")]
    return replace(hand, metric=replace(hand.metric, joints_3d=joints))


def result_of(hands: tuple[Hand, ...], stamp: float) -> FrameHands:
    frame = Frame(np.zeros((480, 640, 3), np.uint8), "camera 0", 0, stamp)
    return FrameHands(frame, hands, FrameCamera(CAMERA))
