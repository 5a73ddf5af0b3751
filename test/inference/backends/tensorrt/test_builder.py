"""What old versions of TensorRT need for building, with stand-ins for them and CUDA: `stand_in_machine`.

The real TensorRT for RTX builds in `test_tensorrt_rtx.py`.
"""

from pathlib import Path

import numpy as np
import pytest
from fixed_answer_graph import INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph
from stand_in_machine import StandInMachine, stand_in_machine
from stand_in_tensorrt import RTX_VERSION, VERSIONS

from handos_model.architecture.contract import WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.selection import load_engine

TOPOLOGY = HandTopology.load()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandInMachine:
    return stand_in_machine(monkeypatch, tmp_path / "cache")


@pytest.mark.parametrize(
    ("version", "network_flag", "builder_flags"),
    [
        ("8.6.2", 1, ["FP16"]),
        ("10.13.3.9", 2, []),
        ("11.4.0.106", 2, []),
        (RTX_VERSION, 2, ["REQUIRE_USER_ALLOCATION"]),
    ],
)
def test_half_precision_is_requested_as_each_version_needs_it(
    version: str,
    network_flag: int,
    builder_flags: list[str],
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", version)
    load_engine(weights, "tensorrt")
    assert machine.record.flags == network_flag
    assert machine.record.set_builder_flags == builder_flags


@pytest.mark.parametrize("version", VERSIONS)
def test_single_precision_builds_the_unchanged_file(
    version: str, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache", version)
    load_engine(weights, "tensorrt-fp32")
    assert machine.record.onnx == weights.read_bytes()
    assert machine.record.set_builder_flags[-1:] == ["no TF32"]


def test_the_timing_cache_is_reused_and_updated(machine: StandInMachine, weights: Path) -> None:
    load_engine(weights, "tensorrt")
    assert machine.record.timing_cache == b""
    load_engine(weights, "tensorrt-fp32")
    assert machine.record.timing_cache == b"stand-in timing cache+"


def test_a_timing_cache_that_cannot_be_read_or_written_loses_no_engine(
    machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(weights, "tensorrt")
    (cache,) = machine.folder.glob("timing_*.cache")
    cache.unlink()
    cache.mkdir()
    engine = load_engine(weights, "tensorrt-fp32")
    assert machine.record.timing_cache == b""
    assert engine(np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)).scores[0] > 0.5
    assert len(list(machine.folder.glob("*.engine"))) == 2
    assert "cannot be written" in caplog.text


def test_a_timing_cache_that_others_could_write_is_not_used(
    machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(weights, "tensorrt")
    (cache,) = machine.folder.glob("timing_*.cache")
    cache.chmod(0o666)
    load_engine(weights, "tensorrt-fp32")
    assert machine.record.timing_cache == b""
    assert str(cache) in caplog.text


def test_a_timing_cache_that_tensorrt_rejects_is_replaced_by_an_empty_one(
    machine: StandInMachine, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_engine(weights, "tensorrt")
    (cache,) = machine.folder.glob("timing_*.cache")
    machine.faults.timing_cache = "made by another version"
    load_engine(weights, "tensorrt-fp32")
    assert machine.record.timing_cache == b""
    assert f"rejects the timing cache {cache}" in caplog.text


def test_a_file_that_is_not_a_network_is_refused_without_a_build(machine: StandInMachine, tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("not a network")
    with pytest.raises(WeightsError, match=r"notes\.onnx"):
        load_engine(path, "tensorrt")
    assert machine.record.builds == 0
