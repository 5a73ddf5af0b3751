"""Fixes the dynamic input dimensions of an ONNX file, for runtimes that need static shapes."""

import tempfile
from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]

from handos_model.architecture.contract import HAND_COUNT_NAME, MAX_HANDS_NAME, REEXPORT, WeightsError
from handos_model.architecture.input_size import InputSize, InputSizes


def set_static_shape(options: onnxruntime.SessionOptions, size: InputSize) -> None:
    """Make ONNX Runtime replace dynamic input dimensions by `size`; no effect on files with static shapes."""
    options.add_free_dimension_override_by_name("height", size.height)
    options.add_free_dimension_override_by_name("width", size.width)


def read_with_fixed_hands(weights: Path, max_hands: int | None) -> bytes:
    """Serialized ONNX model of a network that fills `max_hands` slots instead of decoding as many hands as it finds.

    Parameters
    ----------
    weights, max_hands
        A network and its `NetworkProperties.max_hands`; with ``None`` it has a fixed number of slots already.
    """
    if max_hands is None:
        return weights.read_bytes()
    import onnx  # heavy, and other networks do not need it

    model = onnx.load(weights)
    used, kept = {output.name for output in model.graph.output}, []
    for node in reversed(model.graph.node):
        if HAND_COUNT_NAME not in node.output and used.intersection(node.output):
            kept.append(node)
            used.update(node.input)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
    model.graph.input.remove(next(value for value in model.graph.input if value.name == MAX_HANDS_NAME))
    model.graph.initializer.append(onnx.helper.make_tensor(HAND_COUNT_NAME, onnx.TensorProto.INT64, (1,), [max_hands]))
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = max_hands
    serialized: bytes = model.SerializeToString()
    return serialized


def read_with_static_shape(weights: Path, sizes: InputSizes, size: InputSize, max_hands: int | None = None) -> bytes:
    """Serialized ONNX model of a network for inputs of `size`, which is one of its `sizes`.

    ONNX Runtime folds everything that depends on the shapes alone, such as anchor positions, and writes the remaining
    graph: the same ONNX operators as if the network had been exported with this size.

    Raises
    ------
    WeightsError
        If ONNX Runtime cannot do so, for example because a tensor needs more memory than there is.
    """
    if sizes.square_only:
        return weights.read_bytes()
    with tempfile.TemporaryDirectory(prefix="handos_") as folder:
        path = Path(folder) / weights.name
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        set_static_shape(options, size)
        # MatMulAddFusion inserts reshapes around Gemm, which only ONNX Runtime benefits from.
        try:
            onnxruntime.InferenceSession(
                read_with_fixed_hands(weights, max_hands),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=["MatMulAddFusion"],
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise WeightsError(
                f"weights file {weights} cannot be prepared for inputs of {size} pixels: {REEXPORT}. ONNX Runtime: "
                f"{error}"
            ) from error
        return path.read_bytes()
