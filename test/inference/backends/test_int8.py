"""Networks with convolutions in int8: which processor runs them, which file, and what is refused."""

from pathlib import Path

import pytest
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model import HandPipeline
from handos_model.architecture.contract import WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import selection
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.int8_instructions import int8_unavailable
from handos_model.inference.backends.selection import auto_order, load_engine

ICE_LAKE = "flags\t\t: fpu sse4_2 avx2 avx512f avx512_vnni\n"
SKYLAKE = "flags\t\t: fpu sse4_2 avx2 avx512f\n"
ORIN = "Features\t: fp asimd aes crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp\n"


def write_network(path: Path) -> Path:
    topology = HandTopology.load()
    return write_fixed_answer_graph(path, two_hands(topology), metadata(topology.id))


def with_instructions(monkeypatch: pytest.MonkeyPatch, reason: str | None) -> None:
    """A machine without a GPU, whose processor lacks what int8 needs if there is a reason."""
    spec = selection.BackendSpec(lambda: reason, selection.BACKENDS["onnxruntime-int8"].load)
    monkeypatch.setattr(selection, "BACKENDS", {**selection.BACKENDS, "onnxruntime-int8": spec})
    monkeypatch.setattr(selection, "gpu_unavailable", lambda: "no NVIDIA driver")


@pytest.mark.parametrize(("processor", "runs"), [(ICE_LAKE, True), (SKYLAKE, False), (ORIN, True)])
def test_a_processor_needs_dot_products_of_bytes(processor: str, runs: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(processor)
    assert (int8_unavailable(tmp_path / "cpuinfo") is None) == runs


def test_a_processor_that_cannot_be_examined_is_not_trusted(tmp_path: Path) -> None:
    reason = int8_unavailable(tmp_path / "cpuinfo")
    assert reason is not None
    assert str(tmp_path / "cpuinfo") in reason


def test_auto_takes_the_file_in_int8_beside_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_instructions(monkeypatch, None)
    weights = write_network(tmp_path / "n.onnx")
    assert ", int8" not in load_engine(weights, "auto").description
    write_network(tmp_path / "n.int8.onnx")
    assert ", int8" in load_engine(weights, "auto").description


def test_auto_takes_single_precision_on_older_processors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_instructions(monkeypatch, "this processor has no dot products of bytes")
    weights = write_network(tmp_path / "n.onnx")
    write_network(tmp_path / "n.int8.onnx")
    description = load_engine(weights, "auto").description
    assert ", int8" not in description
    assert "onnxruntime-int8: this processor has no dot products of bytes" in description


def test_a_network_without_a_file_in_int8_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_instructions(monkeypatch, None)
    with pytest.raises(BackendError, match=r"no n\.int8\.onnx beside .*handos export --int8"):
        load_engine(write_network(tmp_path / "n.onnx"), "onnxruntime-int8")
    with pytest.raises(FileNotFoundError, match=r"gone\.int8\.onnx"):
        load_engine(tmp_path / "gone.onnx", "onnxruntime-int8")


def test_a_file_in_int8_runs_on_cpus_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_network(tmp_path / "n.int8.onnx")
    assert auto_order(path) == ["onnxruntime-int8", "onnxruntime"]
    assert ", int8" in load_engine(path, "onnxruntime").description
    with pytest.raises(WeightsError, match=r"n\.int8\.onnx.* onnxruntime-int8 and onnxruntime only"):
        load_engine(path, "torch")


def test_the_shipped_network_has_a_file_in_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    with_instructions(monkeypatch, None)
    float_properties = HandPipeline.load(backend="onnxruntime").engine.properties
    engine = HandPipeline.load(backend="onnxruntime-int8").engine
    assert (engine.properties, ", int8" in engine.description) == (float_properties, True)
