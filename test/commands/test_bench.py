"""`handos bench` and `handos build-engine`, run like a user runs them; times are not checked."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import handos
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph
from stand_in_machine import stand_in_machine

from handos_model.evaluation.latency import Latency, LatencySetup
from handos_model.files.images import write_image
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import selection as backends
from handos_model.inference.backends.engine import BackendError

TOPOLOGY = HandTopology.load()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_image(tmp_path / "lit.png", np.full((240, 320, 3), 90, np.uint8))
    return tmp_path / "lit.png"


def test_bench_measures_every_combination(
    image: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = ("--backend", "onnxruntime", "--resolution", "640x480", "--resolution", "1280x720")
    options = ("--weights", weights, "--hands", 1, "--hands", 4, "--runs", 3, "--out", tmp_path / "bench.json")
    assert handos("bench", image, *choices, *options, monkeypatch=monkeypatch) == 0
    report = json.loads((tmp_path / "bench.json").read_text())
    measured = [(m["width"], m["height"], m["hands"]) for m in report["measurements"]]
    assert measured == [(640, 480, 1), (640, 480, 4), (1280, 720, 1), (1280, 720, 4)]
    for measurement in report["measurements"]:
        assert measurement["engine"].startswith("ONNX Runtime")
        assert 10 < measurement["peak_memory"] < 2000
        for step in ("letterbox", "network", "whole"):
            assert 0 < measurement[step]["median"] <= measurement[step]["slowest_tenth"]
    assert report["machine"]["cores"] >= 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("onnxruntime: ONNX Runtime")
    assert lines[1].split()[:3] == ["backend", "image", "hands"]
    assert len(lines) == 6


def test_memory_is_measured_in_a_separate_process(weights: Path) -> None:
    ballast = np.ones(1 << 29, np.uint8)
    setup = LatencySetup(np.full((240, 320, 3), 90, np.uint8), weights, [(320, 240)], [2], runs=1)
    (measurement,) = setup.measure("onnxruntime")
    assert measurement.peak_memory < ballast.nbytes / 2**20


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--resolution", "large"), "resolution 'large'"),
        (("--resolution", "640x0"), "resolution '640x0'"),
        (("--backend", "abacus"), "unknown backend 'abacus'"),
        (("--weights", "missing.onnx"), "weights file missing.onnx"),
    ],
)
def test_bench_reports_errors_in_one_line(
    options: tuple[str, ...],
    complaint: str,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert handos("bench", image, *options, monkeypatch=monkeypatch) == 1
    message = capsys.readouterr().err.strip()
    assert message.startswith(f"handos: {complaint}")
    assert "\n" not in message


@pytest.mark.parametrize(("precision", "backend"), [("fp16", "tensorrt"), ("fp32", "tensorrt-fp32")])
def test_build_engine_builds_the_engine_that_the_backend_uses(
    precision: str,
    backend: backends.Backend,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = stand_in_machine(monkeypatch, tmp_path / "cache")
    options = ("--onnx", weights, "--precision", precision, "--workspace", 256)
    assert handos("build-engine", *options, monkeypatch=monkeypatch) == 0
    assert machine.record.workspace == 256 << 20
    output = capsys.readouterr().out
    assert str(machine.engine_file()) in output
    assert output.strip().endswith(f"used by backend {backend} for inputs of 320 x 320")
    backends.load_engine(weights, backend)
    assert machine.record.builds == 1


def test_build_engine_reports_what_is_missing(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backends, "gpu_unavailable", lambda: "no NVIDIA driver")
    assert handos("build-engine", "--onnx", weights, monkeypatch=monkeypatch) == 1
    assert "backend tensorrt cannot run here: no NVIDIA driver" in capsys.readouterr().err


def test_build_engine_refuses_an_unknown_precision(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handos("build-engine", "--onnx", weights, "--precision", "int8", monkeypatch=monkeypatch) == 2
    assert "int8" in capsys.readouterr().err


def test_doctor_lists_every_backend_with_the_reason_if_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    from handos_model.commands.doctor import examine

    monkeypatch.setattr(backends, "gpu_unavailable", lambda: "no NVIDIA driver")
    states = {finding.subject: finding.state for finding in examine()}
    assert states["backend onnxruntime"] == "works"
    assert states["backend tensorrt"] == "no NVIDIA driver"
    assert {f"backend {name}" for name in backends.BACKENDS} <= set(states)


def test_errors_of_a_backend_are_passed_between_processes(weights: Path) -> None:
    setup = LatencySetup(np.full((240, 320, 3), 90, np.uint8), weights, [(320, 240)], [2], runs=1)
    if backends.BACKENDS["tensorrt"].unavailable_reason() is None:
        pytest.skip("TensorRT works here")
    with pytest.raises(BackendError, match="backend tensorrt cannot run here"):
        setup.measure("tensorrt")


def test_a_latency_of_no_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="one timed run or more, got 0"):
        Latency.of_runs(lambda: None, 0)
