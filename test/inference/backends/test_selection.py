"""Selection of the backend: `auto` takes the fastest that works and gives the reason; a named one never falls back."""

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
from handos_model.architecture.contract import RunChoices, WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import nvidia_driver, onnxruntime_engine
from handos_model.inference.backends import selection as backends
from handos_model.inference.backends.engine import BackendError, Engine
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine
from handos_model.inference.backends.selection import (
    AUTO_ORDER,
    BACKENDS,
    Backend,
    BackendSpec,
    auto_order,
    load_engine,
)

TOPOLOGY = HandTopology.load()
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_unavailable", lambda: "no NVIDIA driver")


def replace_backend(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: str | None = None, error: Exception | None = None
) -> None:
    """Make a backend unavailable for a reason, or available but fail with an error."""

    def load(weights: Path, _choices: RunChoices) -> Engine:
        assert error is not None
        raise error

    monkeypatch.setattr(backends, "BACKENDS", {**backends.BACKENDS, name: BackendSpec(lambda: reason, load)})


@pytest.mark.usefixtures("without_gpu")
def test_auto_takes_the_cpu_without_a_gpu_and_gives_the_reason(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "handos_model")
    engine = load_engine(weights, "auto")
    assert engine.description.startswith("ONNX Runtime")
    for backend in auto_order(weights)[:-1]:
        assert f"{backend}: no NVIDIA driver" in engine.description
    assert "torch" not in engine.description
    assert engine.description in caplog.text
    assert engine(LIT).scores[0] > 0.5


def test_auto_takes_tensorrt_if_it_works(weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_machine(monkeypatch, tmp_path / "cache")
    pipeline = HandPipeline.load(weights)
    assert pipeline.engine.description.startswith("TensorRT")
    assert "backend tensorrt, the fastest" in pipeline.engine.description


def test_auto_skips_a_backend_that_fails_and_warns(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache")
    machine.faults.context = "Out of memory"
    for name in auto_order(weights)[1:-1]:
        replace_backend(monkeypatch, name, reason="not installed")
    engine = load_engine(weights, "auto")
    assert engine.description.startswith("ONNX Runtime")
    assert "Out of memory" in engine.description
    assert "backend tensorrt is skipped" in caplog.text


def test_auto_does_not_hide_invalid_weights(tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("not a network")
    with pytest.raises(WeightsError):
        load_engine(path, "auto")


def test_if_no_backend_works_every_reason_is_given(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = auto_order(weights)
    for name in order:
        replace_backend(monkeypatch, name, error=BackendError(f"{name} is broken"))
    with pytest.raises(BackendError, match=".*".join(f"{name} is broken" for name in order)):
        load_engine(weights, "auto")


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-fp32", "torch-cuda", "onnxruntime-cuda"])
def test_a_named_backend_never_falls_back(weights: Path, backend: Backend) -> None:
    with pytest.raises(BackendError, match=rf"{backend} .*no NVIDIA driver"):
        HandPipeline.load(weights, backend=backend)


@pytest.mark.parametrize("backend", ["tensorrt", "torch-cuda"])
def test_missing_packages_are_named(weights: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_unavailable", lambda: None)
    monkeypatch.setattr(backends.util, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r": (tensorrt|torch, transformers, safetensors) \(.*pip install"):
        load_engine(weights, backend)


def test_tensorrt_needs_a_cuda_library(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_unavailable", lambda: None)
    monkeypatch.setattr(backends.util, "find_spec", lambda name: object() if name == "tensorrt" else None)
    with pytest.raises(BackendError, match="pycuda and cuda-bindings"):
        load_engine(weights, "tensorrt")


def test_an_onnxruntime_without_the_provider_is_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpu_unavailable", lambda: None)
    monkeypatch.setattr(onnxruntime_engine.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendError, match=r"without CUDA: .*\.\[cuda\].*onnxruntime-gpu"):
        load_engine(weights, "onnxruntime-cuda")


def test_auto_takes_onnxruntime_on_the_gpu_before_the_cpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_backend(monkeypatch, "tensorrt", reason="not installed")
    loaded = OnnxRuntimeEngine(weights)
    spec = BackendSpec(lambda: None, lambda path, choices: loaded)
    monkeypatch.setattr(backends, "BACKENDS", {**backends.BACKENDS, "onnxruntime-cuda": spec})
    assert "backend onnxruntime-cuda, the fastest that works here (tensorrt: not installed)" in (
        load_engine(weights, "auto").description
    )


def test_every_backend_can_be_named() -> None:
    assert set(BACKENDS) | {"auto"} == set(backends.get_args(Backend))
    assert set(AUTO_ORDER) <= set(BACKENDS)


def library_with(init: int, count: int) -> SimpleNamespace:
    def get_count(pointer: Any) -> int:
        pointer._obj.value = count
        return 0

    return SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetCount=get_count)


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        (library_with(100, 0), "does not start .*error 100.*nvidia-smi"),
        (library_with(0, 0), "finds no GPU"),
    ],
)
def test_a_broken_driver_and_a_missing_gpu_have_different_reasons(
    library: SimpleNamespace, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert re.search(reason, str(nvidia_driver.gpu_unavailable()))


def test_a_driver_with_a_gpu_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library_with(0, 1))
    assert nvidia_driver.gpu_unavailable() is None


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia_driver, "LIBRARY", "libnowhere.so.1")
    assert "libnowhere.so.1" in str(nvidia_driver.gpu_unavailable())


def test_an_error_of_the_driver_is_an_error_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    install_cuda_bindings(StandInGpu(), monkeypatch, init=CUresult.CUDA_ERROR_NO_DEVICE)
    from handos_model.inference.backends.tensorrt.cuda_bindings_device import CudaBindingsDevice

    with pytest.raises(BackendError, match=r"cuInit .*CUDA_ERROR_NO_DEVICE"):
        CudaBindingsDevice()
