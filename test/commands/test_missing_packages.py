"""After a plain `pip install .` every command works, or names in one line the extra that it needs."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import handos_model
from handos_model.commands.extras import EXTRAS, missing_module

NOT_INSTALLED = {module for modules in EXTRAS.values() for module in modules} | {
    "tensorrt",
    "tensorrt_rtx_bindings",
    "PIL",
}
BLOCKED = (
    "import sys\n"
    "class Blocker:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    f"        if name.partition('.')[0] in {NOT_INSTALLED!r}:\n"
    "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
    "sys.meta_path.insert(0, Blocker())\n"
    "from handos_model.commands.cli import main\n"
    "sys.argv[0] = 'handos'\n"
    "main()\n"
)


def handos(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line where only the required packages can be imported."""
    command = [sys.executable, "-c", BLOCKED, *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("info",), "train"),
        (("export", "--weights", "decoder.pt", "--out", "hand.onnx"), "train"),
        (("export", "--weights", "kept.safetensors", "--out", "hand.onnx"), "train"),
        (("train", "--config", "gone.yaml", "--state", "state"), "train"),
        (("assets", "--out", "made"), "assets"),
        (("synth", "--assets", "gone", "--out", "frames", "--count", "1"), "train"),
        (("eval", "freihand", "--data", "gone"), "eval"),
        (("eval", "ho3d", "--data", "gone"), "eval"),
        (("eval", "dexycb", "--data", "gone"), "eval"),
        (("eval", "hint", "--data", "gone"), "eval"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(arguments: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    result = handos(*arguments, folder=tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith(f"handos: `handos {arguments[0]}` needs")
    assert f"pip install '.[{extra}]'" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("run", "gone.png", "--out", "out"), "gone.png"),
        (("annotate", "gone.txt", "--out", "out"), "gone.txt"),
        (("bench", "gone.png"), "gone.png"),
        (("build-engine",), "backend tensorrt"),
        (("eval", "video", "gone.mp4"), "gone.mp4"),
        (("eval", "samples", "--dir", "gone", "--reference", "gone.json"), "gone"),
        (("eval", "rendered", "--data", "gone"), "gone"),
    ],
)
def test_other_commands_need_no_extra(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    result = handos(*arguments, folder=tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert named in result.stderr
    assert "'.[" not in result.stderr


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("scipy", ["synth"], "train"),
        ("scipy", ["eval", "freihand"], "eval"),
        ("tensorboard", ["train"], "train"),
        ("torch", ["eval", "freihand"], "train"),
        ("onnx", ["build-engine"], "tensorrt"),
        ("onnx", ["export"], "train"),
    ],
)
def test_the_extra_is_the_one_of_the_command(module: str, arguments: list[str], extra: str) -> None:
    assert f"'.[{extra}]'" in missing_module(module, arguments)


def test_every_extra_installs_what_it_is_named_for() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    distributions = {"cuda": "cuda-bindings", "foxglove": "foxglove-sdk", "rerun": "rerun-sdk"}
    for extra, modules in EXTRAS.items():
        block = re.search(rf"^{extra} = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
        assert block is not None
        listed = set(re.findall(r'"([a-z-]+)', block[1]))
        assert listed == {distributions.get(module, module) for module in modules}


def test_the_version_is_that_of_the_installed_package(tmp_path: Path) -> None:
    result = handos("--version", folder=tmp_path)
    assert (result.returncode, result.stdout.strip()) == (0, f"handos {metadata.version('handos')}")
    assert handos_model.__version__ == metadata.version("handos")


def test_shells_can_complete_commands(tmp_path: Path) -> None:
    typed = {"_HANDOS_COMPLETE": "complete_bash", "COMP_WORDS": "handos ru", "COMP_CWORD": "1"}
    assert handos(folder=tmp_path, **typed).stdout.split() == ["run"]


@pytest.mark.parametrize(
    ("option", "extra"), [("--view", "rerun"), ("--rrd=a.rrd", "rerun"), ("--foxglove=8765", "foxglove")]
)
def test_a_viewer_names_the_extra_that_it_lacks(option: str, extra: str, tmp_path: Path) -> None:
    result = handos("run", "gone.mp4", option, folder=tmp_path)
    assert result.returncode == 1
    assert f"pip install '.[{extra}]'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("clip.mp4", "--format", "parquet"), "recordings"),
        (("drive.mcap",), "recordings"),
        (("clip.mp4", "--ray", "auto"), "cluster"),
    ],
)
def test_annotating_names_the_extra_that_it_lacks(arguments: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    for name in ("clip.mp4", "drive.mcap"):
        (tmp_path / name).touch()
    result = handos("annotate", *arguments, "--out", "out", folder=tmp_path)
    assert result.returncode == 1
    assert f"pip install '.[{extra}]'" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_bag_names_the_extra_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "drive.mcap").touch()
    result = handos("run", "drive.mcap", "--out", "out", folder=tmp_path)
    assert result.returncode == 1
    assert "pip install '.[recordings]'" in result.stderr
    assert not (tmp_path / "out").exists()
