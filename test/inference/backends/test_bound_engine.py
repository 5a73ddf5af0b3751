"""ONNX Runtime with input and outputs in fixed memory of the device, here of the CPU: only CUDA itself is missing."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixed_answer_graph import INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph

from handos_model.architecture.contract import OUTPUT_NAMES
from handos_model.architecture.input_size import InputSize
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import bound_engine
from handos_model.inference.backends.bound_engine import BoundEngine, Provider
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine, read_properties

TOPOLOGY = HandTopology.load()
SIZE = InputSize(INPUT_SIZE, INPUT_SIZE)
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


def load(weights: Path, provider: Provider = "CPUExecutionProvider") -> BoundEngine:
    return BoundEngine(weights, read_properties(weights), SIZE, provider=provider)


def test_returns_the_networks_output(weights: Path) -> None:
    output = load(weights)(LIT)
    for name, values in two_hands(TOPOLOGY).items():
        np.testing.assert_array_equal(getattr(output, name), values)


def test_the_output_depends_on_the_image_and_a_later_image_does_not_change_it(weights: Path) -> None:
    engine = load(weights)
    lit, dark, mirrored = engine(LIT), engine(np.zeros_like(LIT)), engine(LIT[:, ::-1])
    assert not dark.scores.any()
    for output in (lit, mirrored):
        np.testing.assert_array_equal(output.scores, two_hands(TOPOLOGY)["scores"])


def test_memory_is_bound_once(weights: Path) -> None:
    engine = load(weights)
    outputs = [output.data_ptr() for output in engine._binding.get_outputs()]
    engine(LIT)
    assert len(outputs) == len(OUTPUT_NAMES)
    assert [output.data_ptr() for output in engine._binding.get_outputs()] == outputs


def test_an_image_of_another_size_is_an_error_that_names_the_right_one(weights: Path) -> None:
    with pytest.raises(BackendError, match=rf"network\.onnx on inputs of {SIZE} pixels"):
        load(weights)(np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_never_falls_back_to_the_cpu(weights: Path) -> None:
    if "CUDAExecutionProvider" in bound_engine.onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has the provider")
    with pytest.raises(BackendError, match="CUDAExecutionProvider does not start"):
        load(weights, "CUDAExecutionProvider")


def test_cuda_computes_in_single_precision_as_a_cuda_graph() -> None:
    assert bound_engine._provider_options("CUDAExecutionProvider") == {"enable_cuda_graph": "1", "use_tf32": "0"}


class StandInCuda:
    """ONNX Runtime's session on the CPU that takes itself for one on a GPU, and refuses some of its options."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: dict[str, str]) -> None:
        self.opened: list[dict[str, str]] = []
        session_of, value_of = bound_engine.onnxruntime.InferenceSession, bound_engine.onnxruntime.OrtValue

        class Session(session_of):  # type: ignore[misc, valid-type]
            def __init__(session, path: Path, options: Any, providers: Any, **_rest: Any) -> None:  # noqa: N805
                given = providers[0][1]
                self.opened.append(given)
                if refused.items() <= given.items():
                    raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL :\n CUDA failure 901: capture ; GPU=0 ; more")
                super().__init__(path, options, providers=["CPUExecutionProvider"])

            def get_providers(session) -> list[str]:  # noqa: N805
                return ["CUDAExecutionProvider"]

        class Value:
            @staticmethod
            def ortvalue_from_numpy(array: Any, device: str) -> Any:
                assert device == "cuda"
                return value_of.ortvalue_from_numpy(array)

            @staticmethod
            def ortvalue_from_shape_and_type(shape: Any, dtype: Any, device: str) -> Any:
                assert device == "cuda"
                return value_of.ortvalue_from_shape_and_type(shape, dtype)

        monkeypatch.setattr(bound_engine.onnxruntime, "InferenceSession", Session)
        monkeypatch.setattr(bound_engine.onnxruntime, "OrtValue", Value)


def test_input_and_outputs_lie_on_the_gpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    properties = read_properties(weights)
    StandInCuda(monkeypatch, refused={"": ""})
    engine = BoundEngine(weights, properties, SIZE, provider="CUDAExecutionProvider")
    assert engine.description.endswith("GPU by CUDA, CUDA graph")
    assert engine(LIT).scores[0] > 0.5


def test_a_network_that_cannot_be_captured_runs_without_a_graph_and_says_so(
    weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    properties = read_properties(weights)
    cuda = StandInCuda(monkeypatch, refused={"enable_cuda_graph": "1"})
    engine = BoundEngine(weights, properties, SIZE, provider="CUDAExecutionProvider")
    assert cuda.opened == [{"enable_cuda_graph": "1", "use_tf32": "0"}, {"use_tf32": "0"}]
    assert engine.description.endswith("GPU by CUDA")
    assert engine(LIT).scores[0] > 0.5
    (record,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "without a CUDA graph" in record.getMessage()
    assert record.getMessage().endswith("CUDA failure 901: capture")


def test_what_cuda_refuses_is_an_error_in_one_line_that_names_it(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = read_properties(weights)
    StandInCuda(monkeypatch, refused={})
    with pytest.raises(BackendError, match=r"network\.onnx[^\n]*another backend[^\n]*CUDA failure 901: capture$"):
        BoundEngine(weights, properties, SIZE, provider="CUDAExecutionProvider")


def test_missing_cuda_libraries_are_named(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def preload() -> None:
        print("Failed to load libcudart.so.13: no such file\nPlease follow https://example.org")

    monkeypatch.setattr(bound_engine.onnxruntime, "preload_dlls", preload, raising=False)
    assert bound_engine._load_cuda() == " (Failed to load libcudart.so.13: no such file)"
    assert not capsys.readouterr().out


def test_fixed_and_any_sizes_have_the_same_output(weights: Path) -> None:
    bound, dynamic = load(weights)(LIT), OnnxRuntimeEngine(weights)(LIT)
    for name in OUTPUT_NAMES:
        np.testing.assert_array_equal(getattr(bound, name), getattr(dynamic, name))
