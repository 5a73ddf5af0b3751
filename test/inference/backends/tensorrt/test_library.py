"""Which of the two TensorRT libraries is used: the real one for RTX, beside a stand-in for the classic one."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt import library
from handos_model.inference.backends.tensorrt.library import (
    CLASSIC_MODULE,
    RTX_MODULE,
    target_named,
    target_of,
    tensorrt_unavailable,
)

if (sys.platform, platform.machine()) != ("linux", "x86_64"):
    pytest.skip("TensorRT for RTX exists for x86-64 Linux alone", allow_module_level=True)

LISTED = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
JETSON_AND_HOPPER = ("8.7", "9.0", "10.0", "11.0")


def gpu(compute_capability: str) -> Any:
    return SimpleNamespace(name="Some GPU", compute_capability=compute_capability)


@pytest.fixture(autouse=True)
def _without_classic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, CLASSIC_MODULE, None)


def install_classic(monkeypatch: pytest.MonkeyPatch) -> None:
    classic = ModuleType(CLASSIC_MODULE)
    classic.__version__ = "10.3.0"  # type: ignore[attr-defined]
    classic.__spec__ = ModuleSpec(CLASSIC_MODULE, None)
    monkeypatch.setitem(sys.modules, CLASSIC_MODULE, classic)


@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize("capability", LISTED)
def test_a_gpu_that_rtx_lists_uses_it_even_beside_the_classic_library(
    capability: str, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if installed:
        install_classic(monkeypatch)
    target = target_of(gpu(capability))
    assert (target.library.name, target.library.version) == ("TensorRT for RTX", "1.7.1.116")
    assert target == target_named(target.architecture), "an engine that was made ahead is the one that is used"


@pytest.mark.parametrize("capability", JETSON_AND_HOPPER)
def test_any_other_gpu_uses_the_classic_library_for_itself_alone(
    capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_classic(monkeypatch)
    target = target_of(gpu(capability))
    assert (target.library.name, target.library.version, target.gpu) == ("TensorRT", "10.3.0", "Some GPU")


@pytest.mark.parametrize("capability", JETSON_AND_HOPPER)
def test_without_the_classic_library_such_a_gpu_gets_one_line_that_names_it(
    capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = "sm" + capability.replace(".", "")
    monkeypatch.setattr(library, "gpu_compute_capability", lambda: capability)
    reasons = [str(tensorrt_unavailable())]
    for find in (lambda: target_of(gpu(capability)), lambda: target_named(architecture)):
        with pytest.raises(BackendError) as caught:
            find()
        reasons.append(str(caught.value))
    for reason in reasons:
        assert "\n" not in reason
        assert f"compute capability {capability} ({architecture})" in reason
        assert "sm75, sm80, sm86, sm89, sm120, sm121" in reason
        assert "the classic library `tensorrt`" in reason


@pytest.mark.parametrize("architecture", ["", "89", "sm", "sm8", "8.9", "SM89", "sm89 ", "sm8x", "ada"])
def test_a_malformed_architecture_is_refused(architecture: str) -> None:
    with pytest.raises(ValueError, match=rf"'{architecture}' .*sm89"):
        target_named(architecture)


def test_without_the_rtx_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, RTX_MODULE, None)
    with pytest.raises(BackendError, match=r"\.\[tensorrt-rtx\]"):
        target_named("sm89")
    assert "missing Python packages: tensorrt" in str(tensorrt_unavailable())


def test_a_library_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install_classic(monkeypatch)

    def fail(name: str) -> ModuleType:
        raise OSError("libnvinfer.so.10: cannot open shared object file")

    monkeypatch.setattr(library.importlib, "import_module", fail)
    with pytest.raises(BackendError, match=r"package tensorrt.* cannot be imported .*shared object"):
        target_of(gpu("8.7"))


DRIVER = """
int cuInit(unsigned flags) { return %(init)d; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 0; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? %(major)d : attribute == 76 ? %(minor)d : 0;
    return 0;
}
"""


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        ({"init": 803, "major": 8, "minor": 9}, "cuInit returned error 803"),
        ({"init": 0, "major": 9, "minor": 0}, "compute capability 9.0 (sm90)"),
        ({"init": 0, "major": 11, "minor": 0}, "compute capability 11.0 (sm110)"),
    ],
    ids=["wrong driver", "Hopper", "Thor"],
)
def test_what_a_driver_reports_is_one_line_of_the_command(driver: dict[str, int], reason: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for a stand-in driver")
    (tmp_path / "driver.c").write_text(DRIVER % driver)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "libcuda.so.1", "driver.c"], cwd=tmp_path, check=True)
    paths = f"{tmp_path}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    program = "from handos_model.commands.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "build-engine"],
        env=os.environ | {"LD_LIBRARY_PATH": paths},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    (message,) = result.stderr.splitlines()
    assert reason in message
    assert "--for" in message
