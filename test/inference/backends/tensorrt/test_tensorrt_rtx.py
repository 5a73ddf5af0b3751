"""Parsing, building and storing engines with the real TensorRT for RTX, which needs no GPU; running one does."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model.architecture.contract import INPUT_NAME, OUTPUT_NAMES, RunChoices, WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.nvidia_driver import gpu_unavailable
from handos_model.inference.backends.onnxruntime_engine import read_properties
from handos_model.inference.backends.static_shapes import read_with_static_shape
from handos_model.inference.backends.tensorrt import builder as builder_module
from handos_model.inference.backends.tensorrt import cuda_libraries, tensorrt_engine
from handos_model.inference.backends.tensorrt.builder import Precision, build_engine
from handos_model.inference.backends.tensorrt.engine_store import EngineStore, StoredEngine
from handos_model.inference.backends.tensorrt.half_precision import convert_to_half_precision
from handos_model.inference.backends.tensorrt.library import Target, target_named, target_of
from handos_model.inference.backends.tensorrt.log import create_log
from handos_model.inference.backends.tensorrt.tensorrt_engine import build_stored_engine
from handos_model.inference.pipeline import DEFAULT_WEIGHTS

if (sys.platform, platform.machine()) != ("linux", "x86_64"):
    pytest.skip("TensorRT for RTX exists for x86-64 Linux alone", allow_module_level=True)

TOPOLOGY = HandTopology.load()
ADA_LAPTOP: Any = SimpleNamespace(name="NVIDIA GeForce RTX 4060 Laptop GPU", compute_capability="8.9")
MALFORMED = 1 << 5
"""MALFORMED_ENGINE among the diagnostics of `get_engine_validity`."""


@pytest.fixture
def ada() -> Target:
    return target_named("sm89")


@pytest.fixture(scope="module")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is built in a fraction of a second."""
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    return write_fixed_answer_graph(path, two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


def start_build(cache: Path, *options: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", "from handos_model.commands.cli import main; main()", "build-engine", *options]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run_build(cache: Path, *options: str) -> subprocess.CompletedProcess[str]:
    process = start_build(cache, *options)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def get(network: Path, cache: Path, target: Target, precision: Precision = "fp16") -> StoredEngine:
    """The engine for images of 640x480, as the command and the node get it."""
    properties = RunChoices().apply_on_gpu(read_properties(network))
    size = properties.input_sizes.for_image(640, 480)
    store = EngineStore(cache / "handos" / "tensorrt")
    return build_stored_engine(network, properties, size, precision, target, store)


@pytest.fixture
def forbid_building(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*arguments: object) -> bytes:
        raise AssertionError("the stored engine is not used")

    monkeypatch.setattr(tensorrt_engine, "build_engine", build)


@pytest.mark.parametrize("resolution", [(640, 480), (1280, 720), (480, 640), (480, 480)])
@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_the_shipped_network_is_parsed(precision: Precision, resolution: tuple[int, int], ada: Target) -> None:
    properties = RunChoices().apply_on_gpu(read_properties(DEFAULT_WEIGHTS))
    size = properties.input_sizes.for_image(*resolution)
    model = read_with_static_shape(DEFAULT_WEIGHTS, properties.input_sizes, size, properties.max_hands)
    if precision == "fp16":
        model = convert_to_half_precision(onnx.load_from_string(model)).SerializeToString()
    trt, log = ada.library.trt, create_log(ada.library)
    definition = trt.Builder(log).create_network(ada.library.network_flags)
    parser = trt.OnnxParser(definition, log)
    assert parser.parse(model), [parser.get_error(index).desc() for index in range(parser.num_errors)]
    image = definition.get_input(0)
    assert (image.name, tuple(image.shape), image.dtype) == (
        INPUT_NAME,
        (1, size.height, size.width, 3),
        trt.DataType.UINT8,
    )
    outputs = [definition.get_output(index) for index in range(definition.num_outputs)]
    assert {output.name for output in outputs} == set(OUTPUT_NAMES)
    assert all(output.dtype == trt.DataType.FLOAT and min(output.shape) > 0 for output in outputs)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A cache folder with engines of the shipped network for two targets, and what the command printed."""
    cache = tmp_path_factory.mktemp("deployed")
    result = run_build(cache, "--for", "sm86,sm89", "--resolution", "640x480", "--precision", "fp16")
    assert result.returncode == 0, result.stderr
    # Time and size of the engines belong into the log of every test run.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{result.stderr}{result.stdout}", end="")
    return cache, result.stdout


def test_engines_of_the_shipped_network_are_built_for_two_targets(deployed: tuple[Path, str]) -> None:
    cache, output = deployed
    lines = output.splitlines()
    for line, architecture in zip(lines, ("sm86", "sm89"), strict=True):
        assert re.search(r"\((3|4)\d\.\d MiB\), for TensorRT for RTX 1\.7\.1\.116, used by backend tensorrt ", line)
        engine = Path(line.split(" (")[0])
        assert engine.parent == cache / "handos" / "tensorrt"
        assert f"_fp16_{architecture}_" in engine.name
        assert engine.stat().st_mode & 0o777 == 0o600
        described = json.loads(engine.with_suffix(".json").read_text())
        assert described["identity"]["gpu"] == "any"
        assert "sm" + described["identity"]["compute_capability"].replace(".", "") == architecture
        assert described["network"]["preset"] == "edge"


@pytest.mark.usefixtures("forbid_building")
def test_a_machine_with_the_gpu_takes_the_engine_without_building(deployed: tuple[Path, str], tmp_path: Path) -> None:
    cache, _ = deployed
    robot = tmp_path / "cache"
    shutil.copytree(cache, robot)
    stored = get(DEFAULT_WEIGHTS, robot, target_of(ADA_LAPTOP))
    assert "_sm89_" in stored.path.name
    assert stored.path.is_relative_to(robot)
    assert stored.plan == get(DEFAULT_WEIGHTS, cache, target_named("sm89")).plan


def test_tensorrt_recognises_its_engine_and_no_other_bytes(deployed: tuple[Path, str], ada: Target) -> None:
    plan = get(DEFAULT_WEIGHTS, deployed[0], ada).plan
    runtime = ada.library.trt.Runtime(create_log(ada.library))
    assert not int(runtime.get_engine_validity(plan)[1]) & MALFORMED
    assert int(runtime.get_engine_validity(b"torn" + plan[4:])[1]) & MALFORMED


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [(lambda plan: plan[:-1000], "header.size == blobSize"), (lambda plan: b"torn" + plan[4:], "magicTag")],
    ids=["torn", "overwritten"],
)
def test_loading_a_damaged_engine_fails_with_tensorrts_reason_in_one_line(
    damage: Any, complaint: str, deployed: tuple[Path, str], ada: Target
) -> None:
    plan = damage(get(DEFAULT_WEIGHTS, deployed[0], ada).plan)
    log = create_log(ada.library)
    runtime = log.create("runtime", ada.library.trt.Runtime, log)
    with pytest.raises(BackendError, match=complaint) as caught:
        log.create("engine", runtime.deserialize_cuda_engine, plan)
    assert "\n" not in str(caught.value)


@pytest.fixture
def stored(small_network: Path, tmp_path: Path, ada: Target) -> StoredEngine:
    return get(small_network, tmp_path, ada)


@pytest.mark.usefixtures("stored", "forbid_building")
def test_a_stored_engine_is_found_again(small_network: Path, stored: StoredEngine, tmp_path: Path, ada: Target) -> None:
    assert get(small_network, tmp_path, ada) == stored


@pytest.mark.parametrize("kept", [0, 64, 100_000])
def test_a_torn_engine_is_built_again(
    kept: int,
    small_network: Path,
    stored: StoredEngine,
    tmp_path: Path,
    ada: Target,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stored.path.write_bytes(stored.plan[:kept])
    assert len(get(small_network, tmp_path, ada).plan) == len(stored.plan)
    assert f"the checksum of its {kept} bytes is wrong" in caplog.text
    assert stored.path.stat().st_size == len(stored.plan)


def test_an_engine_of_another_target_is_built_again(
    small_network: Path, stored: StoredEngine, tmp_path: Path, ada: Target, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = get(small_network, tmp_path, target_named("sm120"))
    assert foreign.plan != stored.plan
    for suffix in (".engine", ".json"):
        shutil.copy(foreign.path.with_suffix(suffix), stored.path.with_suffix(suffix))
    get(small_network, tmp_path, ada)
    assert "compute_capability is '12.0' instead of '8.9'" in caplog.text
    assert json.loads(stored.path.with_suffix(".json").read_text())["identity"]["compute_capability"] == "8.9"


def test_the_other_library_of_the_same_version_has_engines_of_its_own(
    small_network: Path, stored: StoredEngine, tmp_path: Path
) -> None:
    identity = tensorrt_engine.EngineIdentity(**json.loads(stored.path.with_suffix(".json").read_text())["identity"])
    store, properties = EngineStore(stored.path.parent), read_properties(small_network)
    assert store.path_of(identity, properties) == stored.path
    assert store.path_of(replace(identity, library="TensorRT"), properties) != stored.path


def test_processes_that_build_at_once_share_the_work(small_network: Path, tmp_path: Path) -> None:
    options = ("--onnx", str(small_network), "--for")
    processes = [start_build(tmp_path, *options, targets) for targets in ("sm86,sm89", "sm89,sm86", "sm120")]
    results = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert [code for *_, code in results] == [0, 0, 0], results
    assert len(list((tmp_path / "handos" / "tensorrt").glob("*.engine"))) == 3
    assert sum(errors.count("built the engine for") for _, errors, _ in results) == 3
    assert set(results[0][0].splitlines()) == set(results[1][0].splitlines())


def test_progress_is_logged(
    small_network: Path, tmp_path: Path, ada: Target, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(builder_module, "_PROGRESS_INTERVAL", 0)
    build_engine(ada, small_network, small_network.read_bytes(), "fp32", tmp_path / "timing.cache")
    assert "this takes seconds" in caplog.text
    assert re.search(r"Building engine, step \d of \d", caplog.text)
    assert "built the engine for sm89 in" in caplog.text
    assert not list(tmp_path.iterdir()), "TensorRT for RTX measures no times"


def test_a_workspace_that_is_too_small_is_named_and_leaves_no_engine(tmp_path: Path) -> None:
    result = run_build(tmp_path, "--for", "sm89", "--workspace", "1")
    assert result.returncode == 1
    message = result.stderr.splitlines()[-1]
    assert re.search(
        r"handos_edge\.onnx.*OutOfMemory \(Requested size was \d+ bytes.*limit of 1 MiB.*--workspace", message
    )
    assert {path.suffix for path in (tmp_path / "handos" / "tensorrt").iterdir()} == {".lock"}


def test_a_precision_that_a_gpu_lacks_is_named(tmp_path: Path) -> None:
    result = run_build(tmp_path, "--for", "sm75", "--precision", "fp32")
    assert result.returncode == 1
    message = result.stderr.splitlines()[-1]
    assert re.search(r"cannot build an engine of .*handos_edge\.onnx in fp32 for sm75: .*FP32 GEMM", message)
    assert "--workspace" not in message


@pytest.mark.parametrize("kept", [0, 0.01, 0.9])
def test_a_torn_network_is_refused(kept: float, small_network: Path, tmp_path: Path, ada: Target) -> None:
    content = small_network.read_bytes()
    content = content[: int(kept * len(content))]
    with pytest.raises(WeightsError, match=r"network\.onnx.*TensorRT for RTX .*cannot read.*handos export"):
        build_engine(ada, small_network, content, "fp32", tmp_path / "timing.cache")


def test_an_operator_that_tensorrt_lacks_is_named(small_network: Path, tmp_path: Path, ada: Target) -> None:
    model = onnx.load(small_network)
    model.graph.node[-1].op_type = "Frobnicate"
    with pytest.raises(WeightsError, match="Frobnicate") as caught:
        build_engine(ada, small_network, model.SerializeToString(), "fp32", tmp_path / "timing.cache")
    assert "\n" not in str(caught.value)


def test_a_network_of_an_opset_that_is_too_new_is_refused_in_one_line(small_network: Path, tmp_path: Path) -> None:
    model = onnx.load(small_network)
    model.opset_import[0].version = 99
    path = tmp_path / "new.onnx"
    onnx.save(model, path)
    result = run_build(tmp_path, "--for", "sm89", "--onnx", str(path))
    assert result.returncode == 1
    (message,) = result.stderr.splitlines()
    assert "new.onnx" in message
    assert "99" in message


@pytest.mark.skipif(gpu_unavailable() is None, reason="there is a driver")
def test_without_a_driver_the_real_bindings_say_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # Imported again, because other tests leave it with their stand-in for the bindings.
    monkeypatch.delitem(sys.modules, f"{cuda_libraries.__package__}.cuda_bindings_device", raising=False)
    with pytest.raises(BackendError, match=r"^the NVIDIA driver cannot be used: [^\n]*driver[^\n]*$"):
        cuda_libraries.open_cuda_device()
