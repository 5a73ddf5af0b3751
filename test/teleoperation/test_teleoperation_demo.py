"""`scripts/teleop.py`: a video in, image, meshes and robot hands side by side out."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "demo/clip.mp4"
FRAMES = 12
"""Half a second: hands are followed from 0.2 s on."""


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "scripts/teleop.py"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the shipped clip, with its intrinsics."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = cv2.VideoCapture(str(CLIP))
    size = round(source.get(cv2.CAP_PROP_FRAME_WIDTH)), round(source.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, size)
    for _ in range(FRAMES):
        writer.write(source.read()[1])
    writer.release()
    path.with_suffix(".camera.json").write_text(CLIP.with_suffix(".camera.json").read_text())
    return path


def panels(image: np.ndarray) -> list[np.ndarray]:
    """Image, meshes and robot hands."""
    width = (image.shape[1] - 12) // 3
    return [image[:, start : start + width] for start in range(0, image.shape[1], width + 6)]


@pytest.mark.parametrize("robot", ["generic_hand", "generic_gripper"])
def test_robot_hands_are_drawn_beside_image_and_meshes(clip: Path, robot: str, tmp_path: Path) -> None:
    done = run(tmp_path, str(clip), "--robot", robot)
    assert done.returncode == 0, done.stderr
    video = cv2.VideoCapture(str(tmp_path / "out/teleop/teleop.mp4"))
    images = [video.read()[1] for _ in range(FRAMES)]
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    seen, meshes, robots = panels(images[-1])
    assert np.abs(seen.astype(int) - meshes).mean() > 1
    is_robot = np.abs(robots.astype(int) - 60).max(2) > 30
    left, right = np.array_split(is_robot, 2, axis=1)
    assert left.sum() > 500
    assert right.sum() > 500
    middle = cv2.imread(str(tmp_path / "out/teleop/teleop.png"))
    assert middle.shape == images[0].shape
    assert np.abs(middle.astype(int) - images[FRAMES // 2]).mean() < 5


def test_what_cannot_be_shown_is_said_in_one_line(clip: Path, tmp_path: Path) -> None:
    robot = (ROOT / "config/robots/generic_hand_right.yaml").read_text().replace("generic_hand_right.urdf", "bare.urdf")
    bare = (ROOT / "config/robots/generic_hand_right.urdf").read_text().replace("visual>", "collision>")
    (tmp_path / "bare.urdf").write_text(bare)
    (tmp_path / "bare.yaml").write_text(robot.replace("side: right", ""))
    cases = {("missing.mp4",): "missing.mp4", (str(clip), "--robot", "laep"): "laep"}
    for arguments, named in (cases | {(str(clip), "--robot", "bare.yaml"): "bare"}).items():
        done = run(tmp_path, *arguments)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert named in line
    assert not (tmp_path / "out").exists()
