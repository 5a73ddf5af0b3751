"""Which backend runs the network: `auto` takes the best that works and says why; a named one is never replaced."""

import ctypes
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fixed_answer_graph import INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph
from stand_in_cuda import CUresult, StandInGpu, install_cuda_bindings
from stand_in_machine import stand_in_machine

from handos_model import HandPipeline
from handos_model.hand.topology import HandTopology
from handos_model.inference import backends, nvidia_driver, onnxruntime_engine
from handos_model.inference.backends import AUTO_ORDER, BACKENDS, Backend, BackendKind, load_engine
from handos_model.inference.engine import BackendError, Engine, WeightsError
from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine

TOPOLOGY = HandTopology.load()
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_obstacle", lambda: "no NVIDIA driver")


def replace_backend(
    monkeypatch: pytest.MonkeyPatch, name: str, obstacle: str | None = None, error: Exception | None = None
) -> None:
    """Let a backend be impossible, or possible and fail."""

    def load(weights: Path) -> Engine:
        assert error is not None
        raise error

    monkeypatch.setattr(backends, "BACKENDS", {**backends.BACKENDS, name: BackendKind(lambda: obstacle, load)})


@pytest.mark.usefixtures("without_gpu")
def test_auto_takes_the_cpu_without_a_gpu_and_says_why(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "handos_model")
    engine = load_engine(weights, "auto")
    assert engine.description.startswith("ONNX Runtime")
    for backend in AUTO_ORDER[:-1]:
        assert f"{backend}: no NVIDIA driver" in engine.description
    assert engine.description in caplog.text
    assert engine(LIT).scores[0] > 0.5


def test_auto_takes_tensorrt_where_it_works(weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_machine(monkeypatch, tmp_path / "cache")
    pipeline = HandPipeline.load(weights)
    assert pipeline.engine.description.startswith("TensorRT")
    assert "backend tensorrt, the fastest" in pipeline.engine.description


def test_auto_goes_on_where_a_backend_fails_and_warns(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache")
    machine.faults.context = "Out of memory"
    for name in AUTO_ORDER[1:-1]:
        replace_backend(monkeypatch, name, obstacle="not there")
    engine = load_engine(weights, "auto")
    assert engine.description.startswith("ONNX Runtime")
    assert "Out of memory" in engine.description
    assert "backend tensorrt is passed over" in caplog.text


def test_auto_does_not_hide_that_the_weights_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("no network")
    with pytest.raises(WeightsError):
        load_engine(path, "auto")


def test_where_nothing_works_every_reason_is_given(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AUTO_ORDER:
        replace_backend(monkeypatch, name, error=BackendError(f"{name} is broken"))
    with pytest.raises(BackendError, match=".*".join(f"{name} is broken" for name in AUTO_ORDER)):
        load_engine(weights, "auto")


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize(
    "backend", ["tensorrt", "tensorrt-fp32", "torch-cuda", "onnxruntime-cuda", "onnxruntime-tensorrt"]
)
def test_a_named_backend_never_falls_back(weights: Path, backend: Backend) -> None:
    with pytest.raises(BackendError, match=rf"backend {backend} cannot run here: no NVIDIA driver"):
        HandPipeline.load(weights, backend=backend)


@pytest.mark.parametrize("backend", ["tensorrt", "torch-cuda"])
def test_missing_packages_are_named(weights: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_obstacle", lambda: None)
    monkeypatch.setattr(backends.util, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"package (tensorrt|torch and onnx) is missing: .*pip install"):
        load_engine(weights, backend)


def test_a_cuda_library_is_asked_for_beside_tensorrt(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_obstacle", lambda: None)
    monkeypatch.setattr(backends.util, "find_spec", lambda name: object() if name == "tensorrt" else None)
    with pytest.raises(BackendError, match="neither the Python package pycuda nor cuda-bindings"):
        load_engine(weights, "tensorrt")


def test_an_onnxruntime_without_the_provider_is_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_obstacle", lambda: None)
    monkeypatch.setattr(onnxruntime_engine.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendError, match=r"built without CUDAExecutionProvider: install onnxruntime-gpu"):
        load_engine(weights, "onnxruntime-cuda")


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", "TensorrtExecutionProvider"])
def test_a_provider_that_does_not_start_is_no_cpu_in_disguise(weights: Path, provider: Any) -> None:
    if provider in onnxruntime_engine.onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has the provider")
    with pytest.raises(BackendError, match=rf"{provider} does not start and left the network to CPU"):
        OnnxRuntimeEngine(weights, provider)


def test_every_backend_can_be_named() -> None:
    assert set(BACKENDS) | {"auto"} == set(backends.get_args(Backend))
    assert set(AUTO_ORDER) <= set(BACKENDS)


def library_with(init: int, count: int) -> SimpleNamespace:
    def get_count(pointer: Any) -> int:
        pointer._obj.value = count
        return 0

    return SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetCount=get_count)


@pytest.mark.parametrize(
    ("library", "obstacle"),
    [
        (library_with(100, 0), "does not start .*error 100.*nvidia-smi"),
        (library_with(0, 0), "sees no GPU"),
    ],
)
def test_a_driver_without_a_gpu_is_told_apart(
    library: SimpleNamespace, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert re.search(obstacle, str(nvidia_driver.gpu_obstacle()))


def test_a_driver_with_a_gpu_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library_with(0, 1))
    assert nvidia_driver.gpu_obstacle() is None


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia_driver, "LIBRARY", "libnowhere.so.1")
    assert "libnowhere.so.1 cannot be loaded" in str(nvidia_driver.gpu_obstacle())


def test_a_driver_that_refuses_is_an_error_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    install_cuda_bindings(StandInGpu(), monkeypatch, init=CUresult.CUDA_ERROR_NO_DEVICE)
    from handos_model.inference.tensorrt.cuda_bindings_device import CudaBindingsDevice

    with pytest.raises(BackendError, match="cuInit says CUDA_ERROR_NO_DEVICE"):
        CudaBindingsDevice()
