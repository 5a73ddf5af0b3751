"""One ONNX file: the whole model with its normalisation inside, and what the runtime must know in its metadata."""

import os
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from handos_model.architecture.handos import OUTPUT_NAMES, HandOS

_OPSET = 17
"""The newest that TensorRT 8.6 parses."""


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
        model.eval(),
        (image,),
        input_names=["image"],
        output_names=list(OUTPUT_NAMES),
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
    )
    assert program is not None
    graph = program.model_proto
    metadata = {f"handos.{name}": str(value) for name, value in vars(properties).items()}
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    unfinished = path.with_suffix(".unfinished")
    onnx.save(graph, unfinished)
    os.replace(unfinished, path)
