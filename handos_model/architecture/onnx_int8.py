"""Convolutions of an exported network in int8, for processors with dot products of bytes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from handos_model.architecture.contract import INPUT_NAME
from handos_model.architecture.quiet_libraries import quiet_libraries
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray

_FLOAT_CONVOLUTIONS: Final = 3
"""The first convolutions, at half the image's resolution, stay in single precision: in int8 they would move the joints
as far as all others together, and run no faster."""


def export_int8(network: Path, inputs: Iterable[ImageArray], path: Path) -> None:
    """Write a network with its convolutions in int8 to `path`; it runs in ONNX Runtime on CPUs only.

    Weights have a scale per channel. Activations have one per tensor, from the extremes that occur in `inputs`
    (Jacob et al., Quantization and Training of Neural Networks, CVPR 2018). Attention, normalisation, matrix products
    and everything that computes positions stay in single precision.

    Parameters
    ----------
    network
        File that `export_onnx` wrote, in single precision.
    inputs
        (1, H, W, 3) BGR uint8 images, each of an input size of the network; a few dozen images of hands.

    Raises
    ------
    ValueError
        If there are no inputs.
    """
    with atomic_write(path) as temporary, quiet_libraries():
        quantize_static(
            network,
            temporary,
            _Images(inputs),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=_nodes_in_int8(onnx.load(network).graph),
        )


def _nodes_in_int8(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions, of the activations that follow them, and of the sums of residual blocks."""
    convolutions = [node for node in graph.node if node.op_type == "Conv"][_FLOAT_CONVOLUTIONS:]
    quantised = {node.output[0] for node in convolutions}
    read_by_convolutions = {node.input[0] for node in convolutions}
    names = [node.name for node in convolutions]
    for node in graph.node:
        is_activation = node.op_type == "Clip" and node.input[0] in quantised
        is_residual = node.op_type == "Add" and quantised.issuperset(node.input)
        if is_activation or (is_residual and node.output[0] in read_by_convolutions):
            quantised.add(node.output[0])
            names.append(node.name)
    return names


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: Iterable[ImageArray]) -> None:
        self._inputs = iter(inputs)
        self._count = 0

    def get_next(self) -> dict[str, ImageArray] | None:
        image = next(self._inputs, None)
        if image is None and self._count == 0:
            raise ValueError("int8 needs images of hands to calibrate with, but there is none: give a few dozen")
        self._count += 1
        return None if image is None else {INPUT_NAME: image}
