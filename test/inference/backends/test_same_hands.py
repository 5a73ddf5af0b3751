"""The shipped network returns the same hands on every backend, and uses only operators that TensorRT supports."""

from pathlib import Path

import onnx
import pytest
from network_comparison import assert_same_hands
from stand_in_machine import stand_in_machine

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.architecture.contract import WeightsError
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.hand import Hand
from handos_model.inference.backends.bound_engine import BoundEngine
from handos_model.inference.backends.onnxruntime_engine import read_properties
from handos_model.inference.backends.selection import BACKENDS, Backend
from handos_model.inference.backends.static_shapes import read_with_static_shape
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.recordings.source import open_source

SIZE = InputSize(height=288, width=512)
CLIP = Path(__file__).parents[3] / "demo" / "clip.mp4"

pytestmark = pytest.mark.skipif(not DEFAULT_WEIGHTS.is_file(), reason="this checkout has no shipped weights")

SUPPORTED_BY_TENSORRT_8_6 = frozenset(
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
"""Operators listed in docs/operators.md of onnx-tensorrt 8.6-GA, without those that such a network cannot need."""


@pytest.fixture(scope="module")
def frame() -> ImageArray:
    if not CLIP.is_file():
        pytest.skip("this checkout has no demo clip")
    frames = iter(open_source(str(CLIP)).frames)
    return [next(frames) for _ in range(10)][-1].image


def hands_of(frame: ImageArray, backend: Backend) -> tuple[Hand, ...]:
    height, width = frame.shape[:2]
    camera = CameraIntrinsics.from_field_of_view(width, height, 60)
    # By default, GPUs run larger inputs.
    return HandPipeline.load(backend=backend, resolution=384)(frame, camera)


def skip_if_unavailable(backend: Backend) -> None:
    reason = BACKENDS[backend].unavailable_reason()
    if reason:
        pytest.skip(reason)


def test_the_image_has_hands_to_compare(frame: ImageArray) -> None:
    assert hands_of(frame, "onnxruntime")


def test_torch_returns_the_same_hands(frame: ImageArray) -> None:
    assert_same_hands(hands_of(frame, "torch"), hands_of(frame, "onnxruntime"))


def test_int8_returns_nearly_the_same_hands(frame: ImageArray) -> None:
    skip_if_unavailable("onnxruntime-int8")
    assert_same_hands(hands_of(frame, "onnxruntime-int8"), hands_of(frame, "onnxruntime"), pixels=6, metres=15e-3)


def test_onnxruntime_in_bound_memory_returns_the_same_hands(frame: ImageArray) -> None:
    properties = read_properties(DEFAULT_WEIGHTS)
    height, width = frame.shape[:2]
    size = properties.input_sizes.for_image(width, height)
    engine = BoundEngine(DEFAULT_WEIGHTS, properties, size, provider="CPUExecutionProvider")
    hands = HandPipeline(engine)(frame, CameraIntrinsics.from_field_of_view(width, height, 60))
    assert_same_hands(hands, hands_of(frame, "onnxruntime"))


def test_weights_to_train_on_are_refused_where_only_onnx_runs() -> None:
    with pytest.raises(WeightsError, match=r"handos_edge\.safetensors .*torch-cuda"):
        HandPipeline.load(DEFAULT_WEIGHTS.with_suffix(".safetensors"), "onnxruntime")


@pytest.mark.parametrize("library", ["pycuda", "cuda.bindings"])
@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-fp32"])
def test_tensorrts_stand_in_returns_the_same_hands(
    backend: Backend, library: str, frame: ImageArray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reference = hands_of(frame, "onnxruntime")
    stand_in_machine(monkeypatch, tmp_path, library=library)
    if backend == "tensorrt":
        # Half precision moves joints by up to half a pixel of the network's input, 0.75 pixels of the clip.
        assert_same_hands(hands_of(frame, backend), reference, pixels=1.7, metres=5e-3)
    else:
        assert_same_hands(hands_of(frame, backend), reference)


@pytest.mark.cuda
@pytest.mark.parametrize("backend", ["torch-cuda", "onnxruntime-cuda"])
def test_cuda_returns_the_same_hands(backend: Backend, frame: ImageArray) -> None:
    skip_if_unavailable(backend)
    assert_same_hands(hands_of(frame, backend), hands_of(frame, "onnxruntime"))


@pytest.mark.tensorrt
def test_the_real_tensorrt_returns_the_same_hands(
    frame: ImageArray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    skip_if_unavailable("tensorrt-fp32")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert_same_hands(hands_of(frame, "tensorrt-fp32"), hands_of(frame, "onnxruntime"))


@pytest.fixture(scope="module")
def static_network() -> onnx.ModelProto:
    """The network with static shapes."""
    properties = read_properties(DEFAULT_WEIGHTS)
    model = read_with_static_shape(DEFAULT_WEIGHTS, properties.input_sizes, SIZE, properties.max_hands)
    return onnx.load_from_string(model)


def test_tensorrt_supports_every_operator(static_network: onnx.ModelProto) -> None:
    nodes = static_network.graph.node
    assert {(node.domain, node.op_type) for node in nodes} <= {("", operator) for operator in SUPPORTED_BY_TENSORRT_8_6}
    assert [entry.version for entry in static_network.opset_import if not entry.domain] == [17]


def test_all_shapes_are_static_and_operators_on_shapes_are_folded(static_network: onnx.ModelProto) -> None:
    graph = onnx.shape_inference.infer_shapes(static_network, strict_mode=True).graph
    assert [size.dim_value for size in graph.input[0].type.tensor_type.shape.dim] == [1, SIZE.height, SIZE.width, 3]
    for tensor in (*graph.input, *graph.output, *graph.value_info):
        assert all(size.dim_value > 0 for size in tensor.type.tensor_type.shape.dim), tensor.name
    assert not {node.op_type for node in graph.node} & {"Shape", "Range", "ConstantOfShape"}
