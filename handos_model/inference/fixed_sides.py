"""A network for inputs of one size, made from a file whose sides are open, for runtimes that want to know them."""

import tempfile
from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]

from handos_model.inference.input_size import InputSize, InputSizes


def fix_sides(options: onnxruntime.SessionOptions, size: InputSize) -> None:
    """Tell ONNX Runtime, before it opens a file, which size its inputs will have; of no effect on fixed sides."""
    options.add_free_dimension_override_by_name("height", size.height)
    options.add_free_dimension_override_by_name("width", size.width)


def read_with_fixed_sides(weights: Path, sizes: InputSizes, size: InputSize) -> bytes:
    """Read a network for inputs of `size`, one of its `sizes`, as an ONNX file.

    ONNX Runtime computes all that follows from the sides alone, such as the places of anchors, and writes what is left:
    the operators of ONNX that a network for this size would have been exported with.
    """
    if sizes.are_fixed:
        return weights.read_bytes()
    with tempfile.TemporaryDirectory(prefix="handos_") as folder:
        path = Path(folder) / weights.name
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        fix_sides(options, size)
        # Its products with a sum become others between reshapes, which help nobody but ONNX Runtime.
        onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"], disabled_optimizers=["MatMulAddFusion"]
        )
        return path.read_bytes()
