"""One ONNX file: the whole model with its normalisation inside, and what the runtime must know in its metadata."""

import copy
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from handos_model.architecture.decoder_layers import InteractiveLayer, JointLayer
from handos_model.architecture.exported_attention import ExportedAttention
from handos_model.architecture.handos import OUTPUT_NAMES, HandOS

_OPSET = 17
"""The newest that TensorRT 8.6 parses."""
_EXPORTED_OPSET = 18
"""The oldest that torch writes."""


def _running_maximum(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """cummax along the last dimension, which ONNX lacks; Grounding DINO finds the phrases of its prompt with it."""
    assert dim in (-1, values.ndim - 1)
    count = values.shape[-1]
    later = torch.ones(count, count, dtype=torch.bool, device=values.device).triu(diagonal=1)
    repeated = values.unsqueeze(-2).expand(*values.shape, count)
    largest, place = repeated.masked_fill(later, torch.iinfo(values.dtype).min).max(dim=-1)
    return largest, place


def _running_minimum(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    largest, place = _running_maximum(-values, dim)
    return -largest, place


_RUNNING_EXTREMES = {
    torch.ops.aten.cummax.default: _running_maximum,
    torch.ops.aten.cummin.default: _running_minimum,
}


@dataclass(frozen=True)
class ExportProperties:
    """What the file says about itself."""

    preset: str
    topology: str
    image_size: int
    """Side in pixels of the square input; one of other sides has about as many pixels."""
    score_threshold: float
    handedness_slope: float


class _PreciseLayerNorm(nn.Module):
    """Layer normalisation in single precision amid half precision: its variance overflows there."""

    def __init__(self, normalise: nn.LayerNorm) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.normalise(x.float())
        return normalised.to(x.dtype)


def export_onnx(model: HandOS, properties: ExportProperties, path: Path, *, half: bool = False) -> None:
    """Write `model` to `path`, beside it first.

    Where its detector takes images of any aspect ratio the graph's sides stay open. In half precision, where everything
    is but layer normalisation, the input and the outputs, they do not: fixing them later is ONNX Runtime's work, whose
    CPU kernels would first turn the file to single precision.

    Raises
    ------
    ValueError
        If the image size does not suit the model.
    onnx.checker.ValidationError
        If the exported graph is not valid ONNX.
    """
    model.detector.require_sizes(properties.image_size)
    model = _with_exported_attention(model)
    if half:
        model = to_half_precision(model)
    multiple = properties.image_size if half or not model.detector.takes_any_aspect else model.detector.input_multiple
    program = torch.onnx.export(
        _without_running_extremes(_captured(model.eval(), properties.image_size, multiple)),
        input_names=["image"],
        output_names=list(OUTPUT_NAMES),
        opset_version=_EXPORTED_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    _lower_opset(graph)
    _forget_origin(graph)
    _name_open_sides(graph)
    metadata = {f"handos.{name}": str(value) for name, value in vars(properties).items()}
    metadata["handos.image_multiple"] = str(multiple)
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    unfinished = path.with_suffix(".unfinished")
    onnx.save(graph, unfinished)
    unfinished.replace(path)


def _captured(model: HandOS, image_size: int, multiple: int) -> torch.export.ExportedProgram:
    """The graph for the square only, or for sides that are any multiples."""
    if multiple == image_size:
        image = torch.full((1, image_size, image_size, 3), 114, dtype=torch.uint8)
        return torch.export.export(model, (image,), strict=False)
    # Sides of two lengths, so that nothing that is captured can take them for equal.
    image = torch.full((1, image_size, image_size + multiple, 3), 114, dtype=torch.uint8)
    rows, columns = (torch.export.Dim(name, min=2) for name in ("rows", "columns"))
    sides = {1: multiple * rows, 2: multiple * columns}
    return torch.export.export(model, (image,), dynamic_shapes=(sides,), strict=False)


def _without_running_extremes(captured: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    if any(node.target in _RUNNING_EXTREMES for node in captured.graph.nodes):
        return captured.run_decompositions(_RUNNING_EXTREMES)
    # Decomposing captures everything once more, which takes as long as the first time.
    return captured


def to_half_precision(model: HandOS) -> HandOS:
    """A copy in half precision with layer normalisation in single precision."""
    halved = copy.deepcopy(model).half()
    for parent in list(halved.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.LayerNorm):
                parent.add_module(name, _PreciseLayerNorm(child.float()))
    return halved


def _with_exported_attention(model: HandOS) -> HandOS:
    """Copy the model, deformable attention in the form that runtimes do fast."""
    model = copy.deepcopy(model)
    for layer in (*model.decoder.joint_layers, *model.decoder.interactive_layers):
        assert isinstance(layer, JointLayer | InteractiveLayer)
        layer.read.attention = ExportedAttention.of(layer.read.attention)
    return model


def _lower_opset(model: onnx.ModelProto) -> None:
    """Rewrite operators of `_EXPORTED_OPSET` in the form that they have in `_OPSET`, in place.

    ONNX's own converter cannot step back over Pad, whose new form is not even used here. What does differ: reductions
    took their axes as an attribute, and some attributes, all at their defaults, did not exist.
    """
    constants = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    for node in model.graph.node:
        known = onnx.defs.get_schema(node.op_type, _OPSET).attributes
        if "axes" in known and len(node.input) == 2:
            node.attribute.append(onnx.helper.make_attribute("axes", constants[node.input.pop()].tolist()))
        kept = [attribute for attribute in node.attribute if attribute.name in known]
        del node.attribute[:]
        node.attribute.extend(kept)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", _OPSET))


def _name_open_sides(model: onnx.ModelProto) -> None:
    """Give the open sides of the input their names, in place, and forget the formulas in which they had others."""
    (image,) = model.graph.input
    height, width = image.type.tensor_type.shape.dim[1:3]
    if height.dim_param:
        height.dim_param, width.dim_param = "height", "width"
        del model.graph.value_info[:]


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes about the Python code behind each node, a twentieth of the file; in place."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
