"""The torch backends: the model itself, from its weights to train on, with the output that the model has."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from handos_model import HandPipeline
from handos_model.architecture.contract import OUTPUT_NAMES, NetworkOutput, NetworkProperties, WeightsError
from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.input_size import InputSize, InputSizes
from handos_model.architecture.presets import preset_named
from handos_model.architecture.trained_weights import read_trained_model, write_trained_weights
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import torch_engine
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.selection import Backend, load_engine
from handos_model.inference.backends.torch_engine import CudaGraphEngine, KeepTensorsRead, TorchEngine
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, shipped_weights

TOPOLOGY = HandTopology.load()
PROPERTIES = NetworkProperties("edge", TOPOLOGY.id, InputSizes(384, 32), 0.5, 3.0)


def image(height: int, width: int, seed: int = 0) -> ImageArray:
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a model that is not trained."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    write_trained_weights(build_model(preset_named("edge"), TOPOLOGY), PROPERTIES, path)
    return path


@pytest.fixture(scope="module")
def engine(weights: Path) -> TorchEngine:
    return TorchEngine(weights)


@pytest.fixture(scope="module")
def model(weights: Path) -> HandOS:
    return read_trained_model(weights, TOPOLOGY)[0]


@pytest.mark.parametrize(("height", "width"), [(128, 192), (192, 128)])
def test_returns_the_models_output_for_any_input_size(
    height: int, width: int, engine: TorchEngine, model: HandOS
) -> None:
    with torch.inference_mode():
        expected = NetworkOutput(*(output.numpy() for output in model(torch.from_numpy(image(height, width)))))
    output = engine(image(height, width))
    for name in OUTPUT_NAMES:
        np.testing.assert_allclose(getattr(output, name), getattr(expected, name), rtol=1e-3, atol=1e-3)


def test_a_later_image_does_not_change_an_earlier_output(engine: TorchEngine) -> None:
    first = engine(image(128, 128, seed=1))
    boxes = first.boxes.copy()
    assert not np.array_equal(engine(image(128, 128, seed=2)).boxes, boxes)
    np.testing.assert_array_equal(first.boxes, boxes)


def test_auto_runs_weights_to_train_on_in_torch(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handos_model.inference.backends.selection.gpu_unavailable", lambda: "no NVIDIA driver")
    engine = load_engine(weights, "auto")
    assert engine.description.startswith("torch")
    assert "torch-cuda: no NVIDIA driver" in engine.description
    assert "onnxruntime" not in engine.description
    assert engine.properties == replace(PROPERTIES, max_hands=12)


def test_without_weights_the_shipped_ones_to_train_on_run() -> None:
    assert shipped_weights("torch") == shipped_weights("torch-cuda") == DEFAULT_WEIGHTS.with_suffix(".safetensors")
    assert shipped_weights("auto") == shipped_weights("onnxruntime") == DEFAULT_WEIGHTS
    assert HandPipeline.load(backend="torch").engine.description.startswith("torch")


def test_an_onnx_file_is_refused_with_the_file_to_use(tmp_path: Path) -> None:
    network, beside = tmp_path / "network.onnx", tmp_path / "network.safetensors"
    for remedy in (r"the \.safetensors file that it was exported from", str(beside)):
        with pytest.raises(WeightsError, match=rf"^backend torch .*{network}: use {remedy}, or another backend$"):
            load_engine(network, "torch")
        beside.touch()


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_missing_file_is_named(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        load_engine(tmp_path / "gone.safetensors", backend)


@pytest.mark.parametrize("content", [b"", b"not weights", bytes(1000)])
def test_a_file_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"notes\.safetensors"):
        load_engine(path, "torch")


def test_weights_of_another_mesh_are_refused_with_the_remedy(model: HandOS, tmp_path: Path) -> None:
    properties = NetworkProperties("edge", "other-hand", InputSizes(384, 32), 0.5, 3.0)
    write_trained_weights(model, properties, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other\.safetensors.*'other-hand'.*`handos export`"):
        TorchEngine(tmp_path / "other.safetensors")


def test_too_little_memory_is_an_error_in_one_line_that_names_the_file(
    weights: Path, engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_image: Any) -> None:
        raise torch.cuda.OutOfMemoryError("Tried to allocate 20 GiB\nmore about it")

    monkeypatch.setattr(engine, "_model", fail)
    with pytest.raises(BackendError, match=rf"^torch cannot run {weights} .*20 GiB\. Free its memory[^\n]*$"):
        engine(image(128, 128))


class DevicesUsed(TorchFunctionMode):
    """Records where tensors lie, and calls that copy from the host; on the meta device nothing can be read back."""

    copies = frozenset([torch.tensor, torch.as_tensor, torch.from_numpy])

    def __init__(self) -> None:
        super().__init__()
        self.devices: set[str] = set()
        self.copied: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.copied += [func] if func in self.copies else []
        self.devices |= {tensor.device.type for tensor in tree_leaves((args, result)) if isinstance(tensor, Tensor)}
        return result


def test_the_model_copies_nothing_from_the_host_so_that_a_cuda_graph_can_capture_it() -> None:
    abstract = build_model(preset_named("edge"), TOPOLOGY).eval().to("meta")
    given = torch.zeros(image(128, 192).shape, dtype=torch.uint8, device="meta")
    with torch.inference_mode():
        abstract(given)  # what is cached is made before the capture
        with DevicesUsed() as used:
            abstract(given)
    assert used.devices == {"meta"}
    assert not used.copied


def test_tensors_that_a_cuda_graph_reads_are_kept(model: HandOS) -> None:
    cached, given = torch.ones(3), torch.full((3,), 2.0)
    with KeepTensorsRead() as read:
        made = cached * given
        torch.cat([made, made + given])
    assert {id(tensor) for tensor in read.tensors} == {id(cached), id(given)}
    with torch.inference_mode(), KeepTensorsRead() as read:
        model(torch.from_numpy(image(128, 192)))
    parameters = {parameter.data_ptr() for parameter in (*model.parameters(), *model.buffers())}
    # The anchors of (4 x 6) padded to 6 x 6 and (8 x 12) padded to 12 x 12 cells, which transformers caches.
    assert any(tensor.shape[1:] == (180, 4) and tensor.data_ptr() not in parameters for tensor in read.tensors)


class StandInGraph(TorchDispatchMode):
    """Records operators and runs them again on the same tensors, as a CUDA graph does with kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.recorded.append((func, args, kwargs or {}, result))
        return result

    @torch.inference_mode()
    def replay(self) -> None:
        for func, args, kwargs, result in self.recorded:
            for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                old.copy_(new)


def stand_in_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what `CudaGraphEngine` uses of CUDA by the CPU."""
    stream = SimpleNamespace(wait_stream=lambda other: None, synchronize=lambda: None)
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, pin_memory, **options: empty(*shape, **options))
    for name, stand_in in {
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "stream": lambda given: nullcontext(),
        "get_device_name": lambda device: "stand-in",
        "CUDAGraph": StandInGraph,
        "graph": lambda graph: graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)


def test_a_replayed_graph_returns_the_output_of_each_image(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch)

    def run(pixels: Tensor) -> tuple[Tensor, ...]:
        mean = pixels.float().mean()
        return tuple(mean + torch.arange(4.0 * count).reshape(4, count) for count in range(1, 8))

    engine = CudaGraphEngine(run, PROPERTIES, InputSize(8, 12), torch.device("cpu"))
    first, second = (engine(np.full((1, 8, 12, 3), level, np.uint8)) for level in (10, 20))
    for level, output in ((10, first), (20, second)):
        for count, name in enumerate(OUTPUT_NAMES, start=1):
            expected = level + np.arange(4.0 * count).reshape(4, count)
            np.testing.assert_allclose(getattr(output, name), expected, rtol=1e-6)
    assert engine.description.endswith("stand-in, CUDA graph")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU, or torch is built without CUDA")
def test_a_cuda_graph_returns_the_models_output(weights: Path, engine: TorchEngine) -> None:
    graph = torch_engine.load_on_gpu(weights)
    assert "CUDA graph" in graph.description
    for seed in range(2):
        for size in (InputSize(320, 448), InputSize(288, 512)):
            given = image(size.height, size.width, seed)
            output, expected = graph(given), engine(given)
            np.testing.assert_allclose(output.scores, expected.scores, atol=1e-3)
