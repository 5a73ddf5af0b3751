"""The TensorRT backend from the ONNX file to hands, with stand-ins for TensorRT and CUDA: `stand_in_machine`."""

import gc
import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from fixed_answer_graph import INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph
from stand_in_machine import StandInMachine, stand_in_machine
from stand_in_tensorrt import RTX_VERSION, VERSIONS

from handos_model import HandPipeline
from handos_model.architecture.contract import OUTPUT_NAMES, WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.selection import BACKENDS, load_engine

TOPOLOGY = HandTopology.load()
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)
LIBRARIES = ("pycuda", "cuda.bindings")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandInMachine:
    return stand_in_machine(monkeypatch, tmp_path / "cache")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_returns_the_networks_output_with_every_version_and_library(
    version: str, library: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in_machine(monkeypatch, tmp_path / "cache", version, library)
    engine = load_engine(weights, "tensorrt")
    assert f"{'TensorRT for RTX' if version == RTX_VERSION else 'TensorRT'} {version} in fp16" in engine.description
    assert library in engine.description
    for image, factor in ((LIT, 1), (np.zeros_like(LIT), 0), (LIT, 1)):
        output = engine(image)
        np.testing.assert_array_equal(output.scores, factor * two_hands(TOPOLOGY)["scores"])
        np.testing.assert_array_equal(output.vertices, two_hands(TOPOLOGY)["vertices"])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shares_memory", [False, True])
def test_a_jetson_copies_nothing_and_a_discrete_gpu_all_tensors(
    library: str, shares_memory: bool, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", library=library, shares_memory=shares_memory)
    assert load_engine(weights, "tensorrt")(LIT).scores[0] > 0.5
    # Once for the warm-up run and once for the capture; launching the graph needs no copy calls.
    assert machine.gpu.copies == (0 if shares_memory else 2 * (1 + len(OUTPUT_NAMES)))


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_image_is_one_launch_of_a_cuda_graph(
    library: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", library=library)
    engine = load_engine(weights, "tensorrt")
    before = machine.gpu.copies
    for _ in range(3):
        engine(LIT)
    assert machine.gpu.launched_graphs == 3
    assert machine.gpu.copies == before


@pytest.mark.parametrize("library", LIBRARIES)
def test_runs_without_a_cuda_graph_if_capturing_fails(
    library: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", library=library)
    machine.gpu.captures = False
    engine = load_engine(weights, "tensorrt")
    assert engine(LIT).scores[0] > 0.5
    assert machine.gpu.launched_graphs == 0
    assert "without a CUDA graph" in caplog.text


def test_outputs_are_not_overwritten_by_the_next_image(machine: StandInMachine, weights: Path) -> None:
    engine = load_engine(weights, "tensorrt")
    first = engine(LIT)
    engine(np.zeros_like(LIT))
    assert first.scores[0] > 0.5


@pytest.mark.parametrize("library", LIBRARIES)
def test_runs_in_another_thread_and_leaves_no_context_behind(
    library: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", library=library)
    engine = load_engine(weights, "tensorrt")
    scores: list[float] = []
    worker = threading.Thread(target=lambda: scores.append(float(engine(LIT).scores[0])))
    worker.start()
    worker.join()
    assert scores == [pytest.approx(0.9)]
    assert machine.gpu.active_contexts == 0


def test_gpu_memory_is_freed(weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", library="cuda.bindings")
    before = machine.gpu.free_memory
    engine = load_engine(weights, "tensorrt")
    assert machine.gpu.free_memory < before
    del engine
    gc.collect()
    assert machine.gpu.free_memory == before


def test_an_engine_is_built_once(machine: StandInMachine, weights: Path) -> None:
    load_engine(weights, "tensorrt")
    load_engine(weights, "tensorrt")
    assert machine.record.builds == 1


def test_the_sidecar_describes_the_engine(machine: StandInMachine, weights: Path) -> None:
    load_engine(weights, "tensorrt")
    described = json.loads(machine.engine_file().with_suffix(".json").read_text())
    assert described["identity"]["gpu"] == "Stand-in GPU"
    assert described["identity"]["compute_capability"] == "8.7"
    assert described["identity"]["tensorrt"] == "10.13.3.9"
    assert described["identity"]["precision"] == "fp16"
    assert described["identity"]["profile"] == f"image=1x{INPUT_SIZE}x{INPUT_SIZE}x3"
    assert described["network"]["preset"] == "fixed-answer"


def test_every_precision_version_gpu_and_network_has_its_own_engine(
    machine: StandInMachine, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load_engine(weights, "tensorrt")
    load_engine(weights, "tensorrt-fp32")
    stand_in_machine(monkeypatch, tmp_path / "cache", "11.4.0.106")
    load_engine(weights, "tensorrt")
    stand_in_machine(monkeypatch, tmp_path / "cache", name="Another GPU")
    load_engine(weights, "tensorrt")
    other = write_fixed_answer_graph(tmp_path / "other.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id, 0.4))
    load_engine(other, "tensorrt")
    assert len(list(machine.folder.glob("*.engine"))) == 5


@pytest.mark.parametrize("kept", [0, 10, 2000])
def test_a_damaged_engine_file_is_built_again(
    kept: int, machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load_engine(weights, "tensorrt")
    path = machine.engine_file()
    path.write_bytes(path.read_bytes()[:kept])
    assert load_engine(weights, "tensorrt")(LIT).scores[0] > 0.5
    assert machine.record.builds == 2
    assert f"its {kept} bytes" in caplog.text


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"identity": 3, "sha256": "0"}'])
def test_an_engine_with_a_damaged_sidecar_is_built_again(content: str, machine: StandInMachine, weights: Path) -> None:
    load_engine(weights, "tensorrt")
    machine.engine_file().with_suffix(".json").write_text(content)
    load_engine(weights, "tensorrt")
    assert machine.record.builds == 2


def test_an_engine_of_another_gpu_under_the_same_name_is_built_again(
    machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load_engine(weights, "tensorrt")
    sidecar = machine.engine_file().with_suffix(".json")
    sidecar.write_text(sidecar.read_text().replace("Stand-in GPU", "Orin"))
    load_engine(weights, "tensorrt")
    assert machine.record.builds == 2
    assert "gpu is 'Orin' instead of 'Stand-in GPU'" in caplog.text


def test_an_engine_that_tensorrt_cannot_deserialize_is_built_again_once(
    machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(weights, "tensorrt")
    machine.faults.deserialize = "platform mismatch"
    with pytest.raises(BackendError, match=r"engine.*platform mismatch"):
        load_engine(weights, "tensorrt")
    assert machine.record.builds == 2
    assert "is built again" in caplog.text


@pytest.mark.parametrize("library", LIBRARIES)
def test_too_little_memory_on_the_gpu_names_the_tensor(
    library: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in_machine(monkeypatch, tmp_path / "cache", library=library, memory=1000)
    with pytest.raises(BackendError, match=rf"\d+ bytes.*{INPUT_SIZE}.*nvidia-smi"):
        load_engine(weights, "tensorrt")


def test_kernels_that_rtx_compiles_are_kept_beside_the_engine(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", RTX_VERSION)
    load_engine(weights, "tensorrt")
    assert machine.record.loaded_kernels is None
    cache = machine.engine_file().with_suffix(".kernels")
    kept = cache.read_bytes()
    assert cache.stat().st_mode & 0o777 == 0o600
    load_engine(weights, "tensorrt")
    assert machine.record.loaded_kernels == kept
    cache.write_bytes(b"torn")
    load_engine(weights, "tensorrt")
    assert f"rejects the cache of compiled kernels {cache}" in caplog.text
    assert cache.read_bytes() == kept
    cache.chmod(0o666)
    load_engine(weights, "tensorrt")
    assert machine.record.loaded_kernels is None
    assert f"the cache {cache} is not used" in caplog.text


@pytest.mark.parametrize("version", ["10.13.3.9", RTX_VERSION])
def test_an_old_driver_is_named_without_building_again(
    version: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", version)
    machine.faults.deserialize = "cudaError 35: CUDA driver version is insufficient for CUDA runtime version"
    with pytest.raises(BackendError, match=rf"driver is too old for TensorRT.* {version}: update it"):
        load_engine(weights, "tensorrt")
    assert machine.record.builds == 1


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("runtime", r"runtime.*driver too old"),
        ("context", r"execution context.*driver too old"),
        ("execute", r"scores.*image.*driver too old"),
    ],
)
def test_errors_of_the_runtime_are_reported(fault: str, complaint: str, machine: StandInMachine, weights: Path) -> None:
    setattr(machine.faults, fault, "driver too old")
    with pytest.raises(BackendError, match=complaint):
        load_engine(weights, "tensorrt")
    assert machine.gpu.active_contexts == 0


@pytest.mark.parametrize("name", ["image", "vertices"])
def test_a_tensor_whose_memory_is_rejected_is_named(name: str, machine: StandInMachine, weights: Path) -> None:
    machine.faults.address = name
    with pytest.raises(BackendError, match=rf"tensor {name} .*address is not aligned"):
        load_engine(weights, "tensorrt")


def test_weights_for_another_hand_mesh_are_refused(machine: StandInMachine, tmp_path: Path) -> None:
    path = write_fixed_answer_graph(tmp_path / "other.onnx", two_hands(TOPOLOGY), metadata("six_fingers"))
    with pytest.raises(WeightsError, match="six_fingers"):
        HandPipeline.load(path, backend="tensorrt")


@pytest.mark.tensorrt
def test_the_real_tensorrt_returns_the_networks_output(
    weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reason = BACKENDS["tensorrt"].unavailable_reason()
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    engine = load_engine(weights, "tensorrt")
    first = engine(LIT)
    assert not engine(np.zeros_like(LIT)).scores.any()
    for name, values in two_hands(TOPOLOGY).items():
        np.testing.assert_allclose(getattr(first, name), values, atol=1e-6)
