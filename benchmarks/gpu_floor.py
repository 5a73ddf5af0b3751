"""The time that a GPU cannot go below: arithmetic at full speed, or reading the weights once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from handos_model.inference.backends.onnxruntime_engine import read_properties
from handos_model.inference.backends.static_shapes import read_with_static_shape

PEAKS: Final = {"H100": (67e12, 989e12, 3.35e12), "H200": (67e12, 989e12, 4.8e12)}
"""FLOP/s in fp32 without tensor cores and in fp16 with them, and bytes/s of memory, from the data sheets (SXM)."""
IMAGE: Final = (640, 480)


@dataclass(frozen=True)
class Floor:
    """Work of one image, and the milliseconds that it takes at least; ``None`` for GPUs that are not listed."""

    flops: float
    weight_bytes: int
    nodes: int
    """Operators; without fusion each is a kernel, of some microseconds."""
    fp32_ms: float | None
    fp16_ms: float | None


def floor_of(network: Path, gpu: str) -> Floor:
    """Count the work of a network file on images of 640x480 pixels."""
    sizes = read_properties(network).input_sizes
    static = onnx.load_from_string(read_with_static_shape(network, sizes, sizes.for_image(*IMAGE)))
    graph = onnx.shape_inference.infer_shapes(static).graph
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output, *graph.input)
    } | {weight.name: list(weight.dims) for weight in graph.initializer}
    flops = sum(_flops(node, shapes) for node in graph.node)
    weights = sum(4 * int(np.prod(weight.dims)) for weight in graph.initializer)
    peaks = next((peak for name, peak in PEAKS.items() if name in gpu), None)
    if peaks is None:
        return Floor(flops, weights, len(graph.node), None, None)
    fp32, fp16, bandwidth = peaks
    fp32_ms, fp16_ms = 1000 * max(flops / fp32, weights / bandwidth), 1000 * max(flops / fp16, weights / 2 / bandwidth)
    return Floor(flops, weights, len(graph.node), fp32_ms, fp16_ms)


def _flops(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> float:
    """Two for each multiplication and addition of convolutions and matrix products; the rest is little beside them."""
    if node.op_type == "Conv":
        return 2.0 * float(np.prod(shapes[node.output[0]])) * float(np.prod(shapes[node.input[1]][1:]))
    if node.op_type in ("MatMul", "Gemm"):
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return 2.0 * float(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][0 if transposed else -1]
    return 0.0
