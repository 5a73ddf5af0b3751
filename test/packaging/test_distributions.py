"""Wheel and sdist: what is in them, and the wheel in an empty environment of every Python that this machine has."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import cv2
import pytest

from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.recordings.video_writer import VideoWriter

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
MAX_BYTES = 60_000_000
"""What docs/installing.md promises, of wheel and sdist each."""
FRAMES = 5
(VERSION,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DEFAULT_WEIGHTS.is_file(), reason="this checkout has no shipped weights"),
]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this checkout, built from a copy: building leaves files behind when it is interrupted."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in files_of_checkout():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    program = f"from setuptools.build_meta import build_sdist; print(build_sdist({str(folder)!r}))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=source, check=True, capture_output=True, text=True)
    return folder / answer.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel, built from the sdist alone."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(sdist.parent)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(sdist)], check=True)
    return next(sdist.parent.glob("*.whl"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the demo clip."""
    capture = cv2.VideoCapture(str(ROOT / "demo/clip.mp4"))
    with VideoWriter(tmp_path_factory.mktemp("clip") / "clip.mp4", 25) as video:
        for _ in range(FRAMES):
            video.write(capture.read()[1])
    return video.path


def files_of_checkout(*folders: str) -> set[str]:
    """Files of the repository, below these folders only if some are given, without those that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in listed if (ROOT / name).is_file()}


def test_the_sdist_has_all_that_is_built_and_no_data_of_the_checkout(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if name.partition("/")[2]}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= names
    assert files_of_checkout("handos_model", "handos_ros", "config/robots") <= names
    assert {name.partition("/")[0] for name in names} == {
        *("LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", "setup.py"),
        *("config", "handos.egg-info", "handos_model", "handos_ros"),
    }
    assert sdist.stat().st_size < MAX_BYTES


def test_the_wheel_has_the_packages_the_weights_and_the_robots(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    robots = {f"handos_model/retargeting/{Path(*Path(name).parts[1:])}" for name in files_of_checkout("config/robots")}
    assert robots
    assert files_of_checkout("handos_model", "handos_ros") | robots <= names
    assert wheel.stat().st_size < MAX_BYTES


def python_of(version: str) -> str | None:
    """A Python of this version: on the path, or of pyenv, whose commands on the path need not work."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *sorted(versions.glob(f"{version}.*/bin/python"))]
    for candidate in filter(None, candidates):
        answer = subprocess.run([str(candidate), "--version"], capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"Python {version}."):
            return str(candidate)
    return None


class Installation:
    """A new virtual environment with the wheel and its dependencies, and a new home, away from the checkout."""

    def __init__(self, python: str, wheel: Path, folder: Path) -> None:
        self.path, self.home, self.work = folder / "venv", folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        subprocess.run([python, "-m", "venv", str(self.path)], check=True)
        self.pip("install", "--constraint", str(ROOT / "constraints.txt"), str(wheel))

    def pip(self, *arguments: str) -> None:
        """Run the environment's pip, with this user's cache."""
        command = [str(self.path / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        subprocess.run(command, check=True)

    def answer(self, program: str, *arguments: str) -> str:
        """What a program of the environment prints, run in an empty folder; it must not fail."""
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        environment |= {"HOME": str(self.home), "PATH": f"{self.path / 'bin'}:{environment['PATH']}"}
        command = [str(self.path / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.parametrize("version", PYTHONS)
def test_the_installed_wheel_works_from_an_empty_folder_and_leaves_nothing_behind(
    version: str, wheel: Path, clip: Path, tmp_path: Path
) -> None:
    python = python_of(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")
    installed = Installation(python, wheel, tmp_path)
    runs_from_an_empty_folder(installed, clip)
    every_console_script_runs(installed)
    the_shell_completes_commands(installed)
    has_everything_inside(installed)
    installed.pip("uninstall", "--yes", "handos")
    assert [path for path in installed.path.rglob("*") if "handos" in path.name.lower()] == []
    assert list(installed.home.iterdir()) == []


def runs_from_an_empty_folder(installed: Installation, clip: Path) -> None:
    assert installed.answer("handos", "--version") == f"handos {VERSION}\n"
    assert installed.answer("python", "-c", "import handos_model; print(handos_model.__version__)") == f"{VERSION}\n"
    installed.answer("handos", "run", str(clip), "--track", "--field-of-view", "60", "--out", "results")
    lines = [json.loads(line) for line in (installed.work / "results/hands.jsonl").read_text().splitlines()]
    assert len(lines) == FRAMES
    assert all({hand["handedness"] for hand in line["hands"]} == {"left", "right"} for line in lines)
    report = installed.answer("handos", "doctor")
    assert "FAIL" not in report
    assert str(installed.path) in report, "the weights are not those of the wheel"


def every_console_script_runs(installed: Installation) -> None:
    distribution = "import importlib.metadata as m; print(*(e.name for e in m.distribution('handos').entry_points))"
    scripts = installed.answer("python", "-c", distribution).split()
    assert "handos" in scripts
    for script in scripts:
        assert "Usage" in installed.answer(script, "--help")


def the_shell_completes_commands(installed: Installation) -> None:
    program = (
        'eval "$(_HANDOS_COMPLETE=source_bash handos)"\n'
        "COMP_WORDS=(handos d) COMP_CWORD=1\n"
        "_handos_completion handos\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    (installed.path / "bin/completed").write_text(f"#!/usr/bin/env bash\n{program}")
    (installed.path / "bin/completed").chmod(0o755)
    assert installed.answer("completed") == "doctor\n"


def has_everything_inside(installed: Installation) -> None:
    program = (
        "from handos_model.inference.pipeline import shipped_weights\n"
        "from handos_model.retargeting.robot_hand import load_robot_hand\n"
        "print(shipped_weights('onnxruntime').stat().st_size, shipped_weights('torch').stat().st_size)\n"
        "print(load_robot_hand('generic_gripper', 'left').name)\n"
    )
    sizes, robot = installed.answer("python", "-c", program).splitlines()
    assert [int(size) > 20_000_000 for size in sizes.split()] == [True, True]
    assert robot == "generic_gripper_left"
