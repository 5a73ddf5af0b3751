"""`handos build-engine`: compile the network with TensorRT ahead of time."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from handos_model.commands.options import parse_resolution


def build_engine(
    onnx: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped one.")] = None,
    precision: Annotated[
        Literal["fp16", "fp32"], typer.Option(help="Of the heavy operators; backend tensorrt runs fp16.")
    ] = "fp16",
    resolution: Annotated[
        str, typer.Option(metavar="WxH", help="Size of the camera's images: an engine is for one aspect ratio.")
    ] = "640x480",
    workspace: Annotated[
        int | None, typer.Option(metavar="MIB", min=1, help="GPU memory that a layer may use; default: unlimited.")
    ] = None,
) -> None:
    """Compile the network with TensorRT for this machine's GPU and keep it; the node does the same on first use."""
    import logging

    from handos_model.inference.backends.selection import require_backend
    from handos_model.inference.pipeline import shipped_weights

    logging.basicConfig(level=logging.INFO, format="handos: %(message)s")
    require_backend("tensorrt")
    from handos_model.inference.backends.onnxruntime_engine import read_properties
    from handos_model.inference.backends.tensorrt.cuda_libraries import open_cuda_device
    from handos_model.inference.backends.tensorrt.tensorrt_engine import build_stored_engine, engine_store

    weights = shipped_weights() if onnx is None else onnx
    limit = None if workspace is None else workspace << 20
    properties = read_properties(weights)
    size = properties.input_sizes.for_image(*parse_resolution(resolution))
    stored = build_stored_engine(weights, properties, size, precision, open_cuda_device(), engine_store(), limit)
    backend = "tensorrt" if precision == "fp16" else "tensorrt-fp32"
    typer.echo(f"{stored.path} ({len(stored.plan) / 2**20:.1f} MiB), used by backend {backend} for inputs of {size}")
