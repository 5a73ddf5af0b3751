"""The shipped network gives the same hands on every backend, and uses only operators that TensorRT reads."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from network_comparison import assert_same_hands
from stand_in_machine import stand_in_machine

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.hand.hand import Hand
from handos_model.inference.backends import BACKENDS, Backend
from handos_model.inference.fixed_sides import read_with_fixed_sides
from handos_model.inference.input_size import InputSize
from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine, read_properties
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.io.frame import ImageArray
from handos_model.io.source import open_source

SIZE = InputSize(height=288, width=512)
CLIP = Path(__file__).parents[1] / "demo" / "clip.mp4"

pytestmark = pytest.mark.skipif(not DEFAULT_WEIGHTS.is_file(), reason="this checkout has no shipped weights")

READ_BY_TENSORRT_8_6 = frozenset(
    [
        "Abs",
        "Add",
        "Cast",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvTranspose",
        "Cos",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "GatherElements",
        "GatherND",
        "Gemm",
        "GlobalAveragePool",
        "Greater",
        "GridSample",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LayerNormalization",
        "LeakyRelu",
        "Less",
        "Log",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "Pad",
        "Pow",
        "Reciprocal",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "ScatterElements",
        "Shape",
        "Sigmoid",
        "Sin",
        "Slice",
        "Softmax",
        "Softplus",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Tile",
        "TopK",
        "Transpose",
        "Trilu",
        "Unsqueeze",
        "Where",
    ]
)
"""Of the operators listed in docs/operators.md of onnx-tensorrt 8.6-GA, those that a network like this may want."""


@pytest.fixture(scope="module")
def frame() -> ImageArray:
    if not CLIP.is_file():
        pytest.skip("this checkout has no demo clip")
    frames = iter(open_source(str(CLIP)).frames)
    return [next(frames) for _ in range(10)][-1].image


def hands_of(frame: ImageArray, backend: Backend) -> tuple[Hand, ...]:
    height, width = frame.shape[:2]
    camera = CameraIntrinsics.from_field_of_view(width, height, 60)
    return HandPipeline.load(backend=backend)(frame, camera)


def skip_unless_it_works(backend: Backend) -> None:
    obstacle = BACKENDS[backend].obstacle()
    if obstacle:
        pytest.skip(obstacle)


def test_finds_hands_to_compare(frame: ImageArray) -> None:
    assert hands_of(frame, "onnxruntime")


def test_torch_gives_the_same_hands(frame: ImageArray) -> None:
    assert_same_hands(hands_of(frame, "torch"), hands_of(frame, "onnxruntime"))


@pytest.mark.parametrize("library", ["pycuda", "cuda.bindings"])
@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-fp32"])
def test_the_path_through_the_stand_in_for_tensorrt_gives_the_same_hands(
    backend: Backend, library: str, frame: ImageArray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reference = hands_of(frame, "onnxruntime")
    stand_in_machine(monkeypatch, tmp_path, library=library)
    if backend == "tensorrt":
        # Half precision moves joints by up to half a pixel of the network's input, 3.3 pixels of the clip's.
        assert_same_hands(hands_of(frame, backend), reference, pixels=1.7, metres=5e-3)
    else:
        assert_same_hands(hands_of(frame, backend), reference)


@pytest.mark.cuda
def test_torch_on_the_gpu_gives_the_same_hands(frame: ImageArray) -> None:
    skip_unless_it_works("torch-cuda")
    assert_same_hands(hands_of(frame, "torch-cuda"), hands_of(frame, "onnxruntime"))


@pytest.mark.tensorrt
def test_the_real_tensorrt_gives_the_same_hands(
    frame: ImageArray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    skip_unless_it_works("tensorrt-fp32")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert_same_hands(hands_of(frame, "tensorrt-fp32"), hands_of(frame, "onnxruntime"))


@pytest.fixture(scope="module")
def for_one_size() -> onnx.ModelProto:
    """The network that runtimes are given which want to know the size of their input."""
    sizes = read_properties(DEFAULT_WEIGHTS).input_sizes
    return onnx.load_from_string(read_with_fixed_sides(DEFAULT_WEIGHTS, sizes, SIZE))


def test_tensorrt_reads_every_operator(for_one_size: onnx.ModelProto) -> None:
    nodes = for_one_size.graph.node
    assert {(node.domain, node.op_type) for node in nodes} <= {("", operator) for operator in READ_BY_TENSORRT_8_6}
    assert [entry.version for entry in for_one_size.opset_import if not entry.domain] == [17]


def test_every_shape_is_fixed_and_nothing_is_left_to_compute_of_them(for_one_size: onnx.ModelProto) -> None:
    graph = onnx.shape_inference.infer_shapes(for_one_size, strict_mode=True).graph
    assert [size.dim_value for size in graph.input[0].type.tensor_type.shape.dim] == [1, SIZE.height, SIZE.width, 3]
    for tensor in (*graph.input, *graph.output, *graph.value_info):
        assert all(size.dim_value > 0 for size in tensor.type.tensor_type.shape.dim), tensor.name
    assert not {node.op_type for node in graph.node} & {"Shape", "Range", "ConstantOfShape"}


def test_onnxruntime_for_one_size_answers_like_onnxruntime_for_all() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, SIZE.height, SIZE.width, 3), np.uint8)
    for_all, for_one = OnnxRuntimeEngine(DEFAULT_WEIGHTS), OnnxRuntimeEngine(DEFAULT_WEIGHTS, size=SIZE)
    np.testing.assert_allclose(for_one(picture).scores, for_all(picture).scores, atol=1e-5)
