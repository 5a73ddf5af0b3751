"""`handos build-engine`: compile the network with TensorRT ahead of time."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from handos_model.commands.options import parse_resolution


def build_engine(
    onnx: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped one.")] = None,
    architectures: Annotated[
        str | None,
        typer.Option("--for", metavar="SM,...", help="GPUs of other machines, as sm86,sm89; default: this one's."),
    ] = None,
    precision: Annotated[
        Literal["fp16", "fp32"], typer.Option(help="Of the heavy operators; backend tensorrt runs fp16.")
    ] = "fp16",
    resolution: Annotated[
        str, typer.Option(metavar="WxH", help="Size of the camera's images: an engine is for one aspect ratio.")
    ] = "640x480",
    side: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="What the node's parameter resolution will be: side of a square with as many pixels as the network's "
            "inputs. Default: that of GPUs, up to 640.",
        ),
    ] = None,
    workspace: Annotated[
        int | None, typer.Option(metavar="MIB", min=1, help="GPU memory that a layer may use; default: unlimited.")
    ] = None,
) -> None:
    """Compile the network with TensorRT and keep the engine; the node does the same on first use.

    With --for, this machine needs no GPU: copy the engines to the same folder of the machine that has it.
    """
    import logging
    from contextlib import AbstractContextManager, nullcontext

    from handos_model.architecture.contract import RunChoices
    from handos_model.inference.backends.engine import BackendError
    from handos_model.inference.backends.selection import require_backend
    from handos_model.inference.pipeline import shipped_weights

    logging.basicConfig(level=logging.INFO, format="handos: %(message)s")
    try:
        if architectures is None:
            require_backend("tensorrt")
    except BackendError as error:
        raise BackendError(f"{error}; to build for the GPU of another machine, name it with --for") from error
    from handos_model.inference.backends.onnxruntime_engine import read_properties
    from handos_model.inference.backends.tensorrt.cuda_libraries import open_cuda_device
    from handos_model.inference.backends.tensorrt.library import target_named, target_of
    from handos_model.inference.backends.tensorrt.tensorrt_engine import build_stored_engine, engine_store

    context: AbstractContextManager[None] = nullcontext()
    if architectures is None:
        device = open_cuda_device()
        targets, context = [target_of(device)], device.active()
    else:
        targets = [target_named(name) for name in architectures.split(",")]
    weights = shipped_weights() if onnx is None else onnx
    limit = None if workspace is None else workspace << 20
    properties = RunChoices(side).apply_on_gpu(read_properties(weights))
    size = properties.input_sizes.for_image(*parse_resolution(resolution))
    backend = "tensorrt" if precision == "fp16" else "tensorrt-fp32"
    with context:
        for target in targets:
            stored = build_stored_engine(weights, properties, size, precision, target, engine_store(), limit)
            typer.echo(
                f"{stored.path} ({len(stored.plan) / 2**20:.1f} MiB), for {target.library}, used by backend {backend} "
                f"for inputs of {size}"
            )
