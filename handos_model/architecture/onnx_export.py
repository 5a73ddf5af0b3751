"""Export of the whole model, normalisation included, to one ONNX file with the network's properties as metadata."""

import copy
import math
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from handos_model.architecture.contract import (
    HAND_COUNT_NAME,
    INPUT_NAME,
    MAX_HANDS_NAME,
    MIN_DECODED_SCORE,
    OUTPUT_NAMES,
    NetworkProperties,
    int8_beside,
)
from handos_model.architecture.exported_attention import with_gathered_attention
from handos_model.architecture.handos import HandOS
from handos_model.architecture.input_size import InputSize, InputSizes
from handos_model.architecture.quiet_libraries import quiet_libraries
from handos_model.files.atomic_write import atomic_write

_DOUBLE = onnx.TensorProto.DOUBLE

_SLOTS_NAME = "slots"

_OPSET = 17
"""The newest opset that TensorRT 8.6 parses."""
_EXPORTED_OPSET = 18
"""The oldest opset that torch writes."""


def _cummax(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """cummax along the last dimension. ONNX has none; Grounding DINO finds the phrases of its prompt with it."""
    assert dim in (-1, values.ndim - 1)
    count = values.shape[-1]
    later = torch.ones(count, count, dtype=torch.bool, device=values.device).triu(diagonal=1)
    repeated = values.unsqueeze(-2).expand(*values.shape, count)
    maxima, indices = repeated.masked_fill(later, torch.iinfo(values.dtype).min).max(dim=-1)
    return maxima, indices


def _cummin(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    maxima, indices = _cummax(-values, dim)
    return -maxima, indices


_DECOMPOSITIONS = {
    torch.ops.aten.cummax.default: _cummax,
    torch.ops.aten.cummin.default: _cummin,
}


class _Float32LayerNorm(nn.Module):
    """Layer normalisation in single precision within a half-precision model, where its variance would overflow."""

    def __init__(self, normalise: nn.LayerNorm) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.normalise(x.float())
        return normalised.to(x.dtype)


def export_sizes(model: HandOS, image_size: int, *, half: bool = False) -> InputSizes:
    """The input sizes of a file exported from `model`.

    Any aspect ratio if the detector takes any, else the square only. In half precision the square only, too: dynamic
    shapes are made static later by ONNX Runtime, whose CPU kernels would first convert the file to single precision.

    Raises
    ------
    ValueError
        If the image size does not fit the model.
    """
    model.detector.require_sizes(InputSize(image_size, image_size))
    square_only = half or not model.detector.takes_any_aspect
    return InputSizes(image_size, image_size if square_only else model.detector.input_multiple)


def export_onnx(model: HandOS, properties: NetworkProperties, path: Path, *, half: bool = False) -> None:
    """Write `model` to `path`; the int8 file of an earlier network beside it is deleted.

    Parameters
    ----------
    model
        Trained weights.
    properties
        Written to the file's metadata; the input sizes must be those of `export_sizes`.
    path
        ONNX file to write.
    half
        Half precision, except for layer normalisation, input and outputs.

    Raises
    ------
    onnx.checker.ValidationError
        If the exported graph is not valid ONNX.
    """
    model = with_gathered_attention(model)
    if half:
        model = to_half_precision(model)
    decodes_found = properties.max_hands is not None
    with quiet_libraries():
        program = torch.onnx.export(
            _decompose(_capture(model.eval(), properties.input_sizes, decodes_found=decodes_found)),
            input_names=[INPUT_NAME, *([_SLOTS_NAME] if decodes_found else [])],
            output_names=list(OUTPUT_NAMES),
            opset_version=_EXPORTED_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    if properties.max_hands is not None:
        count_found_hands(graph, properties.max_hands)
    _lower_opset(graph)
    write_cosines_as_sines(graph)
    _strip_exporter_metadata(graph)
    _name_dynamic_dimensions(graph)
    onnx.helper.set_model_props(graph, properties.to_metadata())
    onnx.checker.check_model(graph, full_check=True)
    write_network(graph, path)


def write_network(graph: onnx.ModelProto, path: Path) -> None:
    """Write a network in single or half precision; the int8 file of an earlier one beside it is deleted first."""
    int8_beside(path).unlink(missing_ok=True)
    with atomic_write(path) as temporary:
        onnx.save(graph, temporary)


class _WithSlots(nn.Module):
    """The model with the number of its slots as the length of an input: what torch captures as variable."""

    def __init__(self, model: HandOS) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, slots: Tensor) -> tuple[Tensor, ...]:
        self.model.slots = slots.shape[0]
        outputs: tuple[Tensor, ...] = self.model(image)
        return outputs


def _capture(model: HandOS, sizes: InputSizes, *, decodes_found: bool) -> torch.export.ExportedProgram:
    """Capture the graph, for the square only or with dynamic height and width, and with a variable number of hands."""
    if sizes.square_only:
        image = torch.zeros((1, sizes.side, sizes.side, 3), dtype=torch.uint8)
        return torch.export.export(model, (image,), strict=False)
    # The example is not square, so that no captured operation can assume equal sides.
    image = torch.zeros((1, sizes.side, sizes.side + sizes.multiple, 3), dtype=torch.uint8)
    rows, columns = (torch.export.Dim(name, min=2) for name in ("rows", "columns"))
    sides = {1: sizes.multiple * rows, 2: sizes.multiple * columns}
    if not decodes_found:
        return torch.export.export(model, (image,), dynamic_shapes=(sides,), strict=False)
    hands = torch.export.Dim("hands", min=1, max=model.slots)
    slots = torch.zeros(max(2, model.slots // 2), dtype=torch.uint8)
    return torch.export.export(_WithSlots(model), (image, slots), dynamic_shapes=(sides, {0: hands}), strict=False)


def _decompose(captured: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    if any(node.target in _DECOMPOSITIONS for node in captured.graph.nodes):
        return captured.run_decompositions(_DECOMPOSITIONS)
    # Decomposing would capture the graph again, which takes as long as the first time.
    return captured


def to_half_precision(model: HandOS) -> HandOS:
    """Copy the model in half precision, with layer normalisation in single precision."""
    halved = copy.deepcopy(model).half()
    for parent in list(halved.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.LayerNorm):
                parent.add_module(name, _Float32LayerNorm(child.float()))
    return halved


def _lower_opset(model: onnx.ModelProto) -> None:
    """Convert the graph from `_EXPORTED_OPSET` to `_OPSET`, in place.

    ONNX's own converter fails at Pad, although the graph does not use its new form. In the older opset reductions take
    their axes as an attribute, and some attributes, which have their default values here, do not exist.
    """
    constants = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    for node in model.graph.node:
        attributes = onnx.defs.get_schema(node.op_type, _OPSET).attributes
        if "axes" in attributes and len(node.input) == 2:
            node.attribute.append(onnx.helper.make_attribute("axes", constants[node.input.pop()].tolist()))
        kept = [attribute for attribute in node.attribute if attribute.name in attributes]
        del node.attribute[:]
        node.attribute.extend(kept)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", _OPSET))


def write_cosines_as_sines(model: onnx.ModelProto) -> None:
    """Write cosines of doubles as sines, in place: ONNX Runtime has none before 1.29, and Python 3.10 has only 1.23."""
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    cosines = [node for node in model.graph.node if node.op_type == "Cos" and types.get(node.input[0]) == _DOUBLE]
    for cosine in cosines:
        angle, shift, shifted = (f"{cosine.name}_{part}" for part in ("angle", "shift", "shifted"))
        model.graph.initializer.append(onnx.helper.make_tensor(shift, _DOUBLE, (), [math.pi / 2]))
        add = onnx.helper.make_node("Add", [cosine.input[0], shift], [shifted], name=angle)
        model.graph.node.insert(list(model.graph.node).index(cosine), add)
        cosine.op_type, cosine.input[0] = "Sin", shifted


def _name_dynamic_dimensions(model: onnx.ModelProto) -> None:
    """Name the dynamic dimensions, in place, and drop the shapes that are expressed in their old names."""
    image = model.graph.input[0]
    height, width = image.type.tensor_type.shape.dim[1:3]
    if height.dim_param:
        height.dim_param, width.dim_param = "height", "width"
        del model.graph.value_info[:]
    for output in model.graph.output:
        hands = output.type.tensor_type.shape.dim[0]
        if hands.dim_param:
            hands.dim_param = "hands"


def count_found_hands(model: onnx.ModelProto, max_hands: int) -> None:
    """Make the number of decoded hands that of the hands found instead of the length of an input, in place."""
    graph = model.graph
    (shape,) = (node for node in graph.node if _SLOTS_NAME in node.input)
    (select,) = (node for node in graph.node if shape.output[0] in node.input)
    select.input[1] = HAND_COUNT_NAME
    graph.node.remove(shape)
    graph.input.remove(next(value for value in graph.input if value.name == _SLOTS_NAME))
    graph.initializer.extend(
        (
            onnx.helper.make_tensor("min_decoded_score", onnx.TensorProto.FLOAT, (), [MIN_DECODED_SCORE]),
            onnx.helper.make_tensor("one_hand", onnx.TensorProto.INT64, (1,), [1]),
            onnx.helper.make_tensor(MAX_HANDS_NAME, onnx.TensorProto.INT64, (1,), [max_hands]),
        )
    )
    # As an input with a default, it may be set at each run.
    graph.input.append(onnx.helper.make_tensor_value_info(MAX_HANDS_NAME, onnx.TensorProto.INT64, (1,)))
    count = (
        _named_node("GreaterOrEqual", [select.input[0], "min_decoded_score"], "hand_is_found"),
        _named_node("Cast", ["hand_is_found"], "hand_is_found_as_number", to=onnx.TensorProto.INT64),
        _named_node("ReduceSum", ["hand_is_found_as_number"], "found_hand_count", keepdims=0),
        _named_node("Reshape", ["found_hand_count", "one_hand"], "found_hand_counts"),
        # One hand even if there is none: not all operators take empty tensors.
        _named_node("Max", ["found_hand_counts", "one_hand"], "some_hand_count"),
        _named_node("Min", ["some_hand_count", MAX_HANDS_NAME], HAND_COUNT_NAME),
    )
    place = list(graph.node).index(select)
    for offset, node in enumerate(count):
        graph.node.insert(place + offset, node)


def _named_node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """A node that is named after its output, by which profilers call it."""
    return onnx.helper.make_node(operator, inputs, [output], name=output, **attributes)


def _strip_exporter_metadata(model: onnx.ModelProto) -> None:
    """Drop the Python source locations of each node, a twentieth of the file, in place."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
