"""Compares the stand-ins with the real Python bindings of TensorRT and CUDA.

The bindings of the classic TensorRT, whose libraries are not on PyPI, are downloaded from there into a temporary folder
and imported beside small libraries that export the symbols they need. They are proprietary, so they are deleted after
the tests. Those of TensorRT for RTX and of CUDA are installed.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from inspect import isclass
from pathlib import Path

import pytest
from stand_in_cuda import StandInGpu, install_cuda_bindings
from stand_in_tensorrt import RTX_VERSION, make_stand_in

from handos_model.inference.backends.tensorrt.library import RTX_MODULE

REAL_VERSIONS = ("10.13.3.9", "11.4.0.106")
NOT_OURS = {"__version__", "stand_in_faults", "stand_in_record"}

LIBRARY_SOURCE = """
#define MAKES_NOTHING(name) void *name(void) { return 0; }
MAKES_NOTHING(createInferBuilder_INTERNAL)
MAKES_NOTHING(createInferRefitter_INTERNAL)
MAKES_NOTHING(createInferRuntime_INTERNAL)
MAKES_NOTHING(createNvOnnxParserRefitter_INTERNAL)
MAKES_NOTHING(createNvOnnxParser_INTERNAL)
MAKES_NOTHING(getBuilderPluginRegistry)
MAKES_NOTHING(getNvOnnxParserVersion)
MAKES_NOTHING(getPluginRegistry)
MAKES_NOTHING(initLibNvInferPlugins)
"""

LIST_MEMBERS = """
import json, sys
import tensorrt_bindings as trt
json.dump({name: dir(getattr(trt, name)) for name in dir(trt)}, sys.stdout)
"""

BUILD_WITHOUT_A_GPU = """
import tensorrt_bindings
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt.builder import build_engine
from handos_model.inference.backends.tensorrt.library import Target, TensorRTLibrary
from handos_model.inference.backends.tensorrt.progress import create_progress_monitor
from pathlib import Path
create_progress_monitor(tensorrt_bindings, 0).phase_start("Building", None, 2)
target = Target(TensorRTLibrary(tensorrt_bindings), "8.7", "Orin")
try:
    build_engine(target, Path("network.onnx"), b"", "fp32", Path("timing.cache"))
except BackendError as error:
    print(error)
"""


def download(package: str, version: str, folder: Path) -> Path:
    """Extract a wheel into `folder`; skips the test if it cannot be downloaded."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [
        "--retries=0",
        "--timeout=10",
        "--disable-pip-version-check",
        f"--dest={folder}",
        f"{package}=={version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{package} {version} cannot be downloaded for the comparison: {done.stderr[-300:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module", params=REAL_VERSIONS)
def bindings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Version, and the folder from which `tensorrt_bindings` can be imported."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler, so the bindings of TensorRT cannot be imported without its libraries")
    folder = download("tensorrt-cu13-bindings", request.param, tmp_path_factory.mktemp("bindings"))
    source = folder / "library.c"
    source.write_text(LIBRARY_SOURCE)
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        library = folder / "tensorrt_bindings" / f"lib{name}.so.{request.param.split('.')[0]}"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    yield request.param, folder
    shutil.rmtree(folder)


def run_with(folder: Path, program: str) -> str:
    paths = [str(folder), str(Path(__file__).parents[4])]
    environment = {"PYTHONPATH": ":".join(paths), "LD_LIBRARY_PATH": str(folder / "tensorrt_bindings")}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def missing_members(real: dict[str, list[str]], version: str) -> list[str]:
    """Members of a version's stand-in that the real module lacks."""
    stand_in = vars(make_stand_in(version, lambda work: work()))
    ours = {name: value for name, value in stand_in.items() if isclass(value) and name not in NOT_OURS}
    assert len(ours) > 10
    return [
        f"{name}.{member}"
        for name, kind in ours.items()
        for base in kind.__mro__
        if base.__module__ == kind.__module__
        for member in vars(base)
        if not member.startswith("_") and member not in {*real.get(name, ()), "model"}
    ]


def test_the_real_tensorrt_has_all_stand_in_members(bindings: tuple[str, Path]) -> None:
    version, folder = bindings
    assert not missing_members(json.loads(run_with(folder, LIST_MEMBERS)), version)


def test_the_real_tensorrt_for_rtx_has_all_stand_in_members() -> None:
    real = pytest.importorskip(RTX_MODULE, reason="TensorRT for RTX exists for x86-64 Linux alone")
    assert real.__version__ == RTX_VERSION
    assert not missing_members({name: dir(getattr(real, name)) for name in dir(real)}, RTX_VERSION)


def test_the_real_tensorrt_lacks_the_members_that_the_stand_in_lacks(bindings: tuple[str, Path]) -> None:
    version, folder = bindings
    real = json.loads(run_with(folder, LIST_MEMBERS))
    stand_in = make_stand_in(version, lambda work: work())
    for kind, member in (
        ("NetworkDefinitionCreationFlag", "EXPLICIT_BATCH"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
        ("BuilderFlag", "FP16"),
    ):
        assert hasattr(getattr(stand_in, kind), member) == (member in real[kind]), f"{kind}.{member}"


def test_our_classes_derive_from_the_real_ones_and_a_missing_gpu_is_reported(bindings: tuple[str, Path]) -> None:
    version, folder = bindings
    assert f"TensorRT {version} cannot create its builder" in run_with(folder, BUILD_WITHOUT_A_GPU)


def test_the_real_cuda_bindings_have_all_stand_in_members(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dir(pytest.importorskip("cuda.bindings.driver", reason="not installed: only x86-64 has them"))
    install_cuda_bindings(StandInGpu(), monkeypatch)
    stand_in = vars(sys.modules["cuda.bindings.driver"])
    assert not [name for name in stand_in if name.startswith(("cu", "CU")) and name not in real]
