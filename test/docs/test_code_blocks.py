"""The Python in the documentation runs, and its YAML and JSON can be read."""

import ast
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import dexi_rs
import pytest
import yaml
from documentation import PAGES, ROOT, Code, code_in
from hands import hand_at

Names = dict[str, Any]
BLOCKS = [code for page in PAGES for code in code_in(page) if not code.is_inline]
PYTHON = [code for code in BLOCKS if code.language == "python"]
NOT_RUN = {
    "docs/ros.md": "one needs launch, which is not on PyPI; test/handos_ros/node/test_bags.py runs the other on a bag"
}
"""Pages whose blocks are only compiled, and why."""
RUN = sorted({code.page for code in PYTHON if str(code.page.relative_to(ROOT)) not in NOT_RUN})


def with_a_short_clip(folder: Path) -> Names:
    (folder / "demo").mkdir()
    clip = cv2.VideoCapture(str(ROOT / "demo/clip.mp4"))
    short = cv2.VideoWriter(str(folder / "demo/clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (640, 480))
    for _ in range(3):
        short.write(clip.read()[1])
    short.release()
    return {}


def with_results_of_that(folder: Path) -> Names:
    with_a_short_clip(folder)
    handos = Path(sys.executable).with_name("handos")
    camera = ROOT / "demo/clip.camera.json"
    command = [handos, "run", folder / "demo/clip.mp4", "--camera", camera, "--track", "--out", folder / "clip_results"]
    subprocess.run(command, check=True)
    return {}


def with_the_urdf_of_a_robot_hand(folder: Path) -> Names:
    shutil.copytree(Path(dexi_rs.asset_path("robots/hands"), "leap_hand"), folder, dirs_exist_ok=True)
    return {"hand": hand_at(320)}


def with_the_robot_file_of_the_page(folder: Path) -> Names:
    (robot,) = [code.text for code in BLOCKS if code.page.name == "teleoperation.md" and code.language == "yaml"]
    (folder / "fourier_right.yaml").write_text(robot)
    return {}


PREPARATIONS: dict[str, Callable[[Path], Names]] = {
    "README.md": with_a_short_clip,
    "docs/tutorials/recordings.md": with_results_of_that,
    "docs/tutorials/webcam.md": with_a_short_clip,
    "docs/retargeting.md": with_the_urdf_of_a_robot_hand,
    "docs/teleoperation.md": with_the_robot_file_of_the_page,
}
"""What the blocks of a page take for granted."""


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = PREPARATIONS.get(str(page.relative_to(ROOT)), lambda _: {})(tmp_path)
    for code in PYTHON:
        if code.page == page:
            exec(compile(code.text, code.place, "exec"), names)


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.place)
def test_python_that_is_not_run_can_at_least_be_compiled(code: Code) -> None:
    ast.parse(textwrap.dedent(code.text))


DATA = [code for code in BLOCKS if code.language in ("yaml", "json")]


@pytest.mark.parametrize("code", DATA, ids=lambda code: code.place)
def test_yaml_and_json_can_be_read(code: Code) -> None:
    assert yaml.safe_load(textwrap.dedent(code.text))  # every JSON value is a YAML value
