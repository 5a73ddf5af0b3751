"""The command `handos doctor`: what is wrong, and what to type."""

import builtins
import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from handos_model.commands import cli, examined_machine, examined_packages
from handos_model.commands.doctor import examine
from handos_model.commands.finding import Finding

WEIGHTS = "handos_model.inference.pipeline.DEFAULT_WEIGHTS"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 23858161\n"


def found(subject: str) -> Finding:
    return next(finding for finding in examine() if finding.subject == subject)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets distributions seem to be installed in these versions, or, with ``None``, not to be."""

    def install(**versions: str | None) -> None:
        named = {name.replace("_", "-"): version for name, version in versions.items()}
        real = metadata.version

        def version(distribution: str) -> str:
            given = named[distribution] if distribution in named else real(distribution)
            if given is None:
                raise metadata.PackageNotFoundError(distribution)
            return given

        monkeypatch.setattr(examined_packages.metadata, "version", version)

    return install


def test_a_machine_on_which_the_network_runs_is_told_with_what(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WEIGHTS, weights)
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0
    assert "preset fixed-answer" in result.output
    assert "runs on ONNX Runtime" in result.output


def test_it_fails_where_the_network_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WEIGHTS, tmp_path / "gone.onnx")
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 1
    assert "FAIL network" in result.output


def test_what_is_wrong_is_followed_by_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WEIGHTS, tmp_path / "gone.onnx")
    lines = CliRunner().invoke(cli.app, ["doctor"]).output.splitlines()
    wrong = [number for number, line in enumerate(lines) if line.startswith(("FAIL", "warn"))]
    assert len(wrong) >= 2
    assert all(lines[number + 1].startswith("     -> ") for number in wrong)


def test_what_is_not_there_is_not_called_ok(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    installed(torch=None)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    lines = CliRunner().invoke(cli.app, ["doctor"]).output.splitlines()
    assert any(line.startswith("-    torch: not installed") for line in lines)
    assert any(line.startswith("FAIL tqdm: missing") for line in lines)
    assert any(line.startswith("ok   numpy: ") for line in lines)
    assert not any(line.startswith("ok") and "not installed" in line for line in lines)


def test_a_missing_package_is_told_with_what_needs_it_or_installs_it(
    installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(torch=None, rerun_sdk=None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert found("pyyaml") == Finding("pyyaml", "missing", "FAIL", "pip install pyyaml")
    assert "handos finetune" in found("torch").state
    assert "'.[rerun]'" in found("rerun-sdk").state


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_a_python_that_is_not_supported_fails(version: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert next(examined_packages.examine_packages()).verdict == "FAIL"


def test_an_old_pip_is_to_be_upgraded(installed: Callable[..., None]) -> None:
    installed(pip="20.0.2")
    assert found("pip").remedy == "pip install --upgrade pip"
    installed(pip="24.0")
    assert found("pip") == Finding("pip", "24.0")


def unimportable(name: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the import of a module fail."""
    real = builtins.__import__

    def load(module: str) -> ModuleType:
        if module == name:
            raise error
        return real(module)

    monkeypatch.setattr(examined_packages.importlib, "import_module", load)


def test_an_opencv_that_needs_a_window_system_is_replaced_by_one_that_does_not(
    installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(opencv_python="4.10.0.84")
    unimportable("cv2", ImportError("libGL.so.1: cannot open shared object file"), monkeypatch)
    finding = found("opencv-python-headless")
    assert (finding.verdict, "libGL.so.1" in finding.state) == ("FAIL", True)
    assert finding.remedy.startswith("pip uninstall --yes opencv-python && pip install")
    assert finding.remedy.endswith("opencv-python-headless")


def test_two_opencvs_in_one_folder_are_a_warning(installed: Callable[..., None]) -> None:
    installed(opencv_contrib_python="4.10.0.84", opencv_python_headless="4.10.0.84")
    assert found("opencv").remedy.startswith("pip uninstall --yes opencv-contrib-python ")


def test_a_package_that_is_broken_is_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    unimportable("numpy", ImportError("numpy.core.multiarray failed\n to import"), monkeypatch)
    finding = found("numpy")
    assert finding.state == "cannot be imported: numpy.core.multiarray failed to import"
    assert finding.remedy == "pip install --force-reinstall numpy"


def test_an_onnxruntime_whose_files_went_with_the_other_one_is_installed_again(
    installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(onnxruntime_gpu="1.23.0")
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))
    finding = next(f for f in examined_packages.examine_packages() if f.subject == "onnxruntime")
    assert finding.remedy == "pip install --force-reinstall --no-deps onnxruntime-gpu"
    assert finding.verdict == "FAIL"


def test_an_opencv_of_which_a_folder_remains_is_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    finding = next(f for f in examined_packages.examine_packages() if f.subject == "opencv-python-headless")
    assert finding.remedy == "pip install --force-reinstall --no-deps opencv-python-headless"
    assert finding.verdict == "FAIL"


@pytest.mark.parametrize(
    ("providers", "verdict"),
    [(["CPUExecutionProvider"], "warn"), (["CUDAExecutionProvider", "CPUExecutionProvider"], "ok")],
)
def test_an_onnxruntime_for_gpus_whose_files_were_replaced_is_a_warning(
    providers: list[str], verdict: str, installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(onnxruntime="1.23.0", onnxruntime_gpu="1.23.0")
    stand_in = SimpleNamespace(
        get_available_providers=lambda: providers, __file__="onnxruntime.py", __version__="1.23.0"
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", stand_in)
    finding = next(f for f in examined_packages.examine_packages() if f.subject == "onnxruntime-gpu")
    assert finding.verdict == verdict
    assert finding.remedy == ("" if verdict == "ok" else "pip install --force-reinstall --no-deps onnxruntime-gpu")


def test_weights_that_git_lfs_has_not_fetched_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "handos_model" / "weights"
    (tmp_path / ".git").mkdir()
    folder.mkdir(parents=True)
    for name in ("handos_edge.onnx", "handos_edge.safetensors"):
        (folder / name).write_bytes(POINTER)
    monkeypatch.setattr(WEIGHTS, folder / "handos_edge.onnx")
    assert (found("network").verdict, found("network").remedy) == ("FAIL", f"git -C {tmp_path} lfs pull")
    assert (found("weights to train").verdict, found("weights to train").remedy) == (
        "warn",
        f"git -C {tmp_path} lfs pull",
    )


def test_weights_that_are_cut_off_or_missing_are_installed_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tmp_path / "a" / "b" / "network.onnx"
    network.parent.mkdir(parents=True)
    network.write_bytes(weights.read_bytes()[:-100])
    monkeypatch.setattr(WEIGHTS, network)
    assert found("network").verdict == "FAIL"
    assert found("network").remedy.startswith("pip install --force-reinstall --no-deps .")
    assert "missing" in found("weights to train").state


def test_weights_to_train_that_are_cut_off_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    whole = len(content).to_bytes(8, "little") + content + bytes(8)
    path = tmp_path / "network.safetensors"
    monkeypatch.setattr(WEIGHTS, tmp_path / "network.onnx")
    for stored, verdict in ((whole, "ok"), (whole[:-1], "warn"), (whole[:20], "warn"), (b"", "warn")):
        path.write_bytes(stored)
        assert found("weights to train").verdict == verdict


def test_cameras_that_may_not_be_used_are_told_with_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined_machine, "DEVICES", tmp_path)
    assert found("cameras").verdict == "-"
    (tmp_path / "video0").touch()
    assert found("cameras") == Finding("cameras", f"{tmp_path}/video0")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "video0")
    assert "--groups video" in found("cameras").remedy


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert found("cache") == Finding("cache", f"{tmp_path}/cache/handos can be written")
    (tmp_path / "cache").touch()  # a file, also to root
    assert found("cache").remedy.startswith("export XDG_CACHE_HOME=")


def test_the_report_goes_on_where_the_network_cannot_even_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "handos_model.inference.pipeline", None)
    assert found("network").verdict == "FAIL"
