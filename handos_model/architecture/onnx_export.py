"""One ONNX file: the whole model with its normalisation inside, and what the runtime must know in its metadata."""

import copy
import os
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from handos_model.architecture.decoder_layers import InteractiveLayer, JointLayer
from handos_model.architecture.exported_attention import ExportedAttention
from handos_model.architecture.handos import OUTPUT_NAMES, HandOS

_OPSET = 17
"""The newest that TensorRT 8.6 parses."""
_EXPORTED_OPSET = 18
"""The oldest that torch writes."""


@dataclass(frozen=True)
class ExportProperties:
    """What the file says about itself, beside its shapes."""

    preset: str
    topology: str
    score_threshold: float
    handedness_slope: float


def export_onnx(model: HandOS, image_size: int, properties: ExportProperties, path: Path) -> None:
    """Write `model` for images of `image_size` pixels to `path`, beside it first.

    Raises
    ------
    onnx.checker.ValidationError
        If the exported graph is not valid ONNX.
    """
    # The deformable attention of transformers checks its inputs with an operator that ONNX does not have.
    os.environ["TRANSFORMERS_DISABLE_TORCH_CHECK"] = "1"
    image = torch.full((1, image_size, image_size, 3), 114, dtype=torch.uint8)
    program = torch.onnx.export(
        _with_exported_attention(model).eval(),
        (image,),
        input_names=["image"],
        output_names=list(OUTPUT_NAMES),
        opset_version=_EXPORTED_OPSET,
        dynamo=True,
        external_data=False,
    )
    assert program is not None
    graph = program.model_proto
    _lower_opset(graph)
    metadata = {f"handos.{name}": str(value) for name, value in vars(properties).items()}
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    unfinished = path.with_suffix(".unfinished")
    onnx.save(graph, unfinished)
    unfinished.replace(path)


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
