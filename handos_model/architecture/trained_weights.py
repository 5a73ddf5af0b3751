"""Trained weights of the whole model as a safetensors file, with the properties of its network as metadata.

An ONNX file is what runs; it cannot be trained further, because export folds batch normalisation and drops the heads
that only training uses. This file can.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from handos_model.architecture.contract import REEXPORT, NetworkProperties, WeightsError
from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.presets import preset_named
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology


def write_trained_weights(model: HandOS, properties: NetworkProperties, path: Path) -> None:
    """Write the weights of `model`; an interrupted write leaves an earlier file intact."""
    # Clones, because safetensors refuses tensors that share memory, and the detector has two names for its heads.
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=properties.to_metadata())


@contextmanager
def _open(path: Path) -> Iterator[tuple[Any, NetworkProperties]]:
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: check the path")
    try:
        with safe_open(path, framework="pt") as file:
            yield file, NetworkProperties.from_metadata(file.metadata() or {})
    except (SafetensorError, WeightsError) as error:
        raise WeightsError(f"weights file {path} does not hold HandOS weights: {error}") from error


def read_trained_properties(path: Path) -> NetworkProperties:
    """Read the metadata of a file that `handos export` wrote.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    WeightsError
        If it is damaged or not a file of HandOS weights.
    """
    with _open(path) as (_, properties):
        return properties


def require_mesh(path: Path, topology: HandTopology) -> NetworkProperties:
    """Read the metadata of a file, whose mesh must be this one.

    Raises
    ------
    FileNotFoundError, WeightsError
        As for `read_trained_properties`; also if the weights are for another mesh.
    """
    properties = read_trained_properties(path)
    if properties.topology_id != topology.id:
        raise WeightsError(f"weights file {path} is for the mesh {properties.topology_id!r}, not for {topology.id!r}")
    return properties


def read_trained_weights(path: Path) -> dict[str, Tensor]:
    """Read the state dict of `HandOS` from a file.

    Raises
    ------
    FileNotFoundError, WeightsError
        As for `read_trained_properties`; also if a number is not finite.
    """
    with _open(path) as (file, _):
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, tensor in weights.items():
            if not torch.isfinite(tensor).all():
                raise WeightsError(f"its tensor {name} holds numbers that are not finite: {REEXPORT}")
        return weights


def read_trained_model(
    path: Path, topology: HandTopology, preset: str | None = None
) -> tuple[HandOS, NetworkProperties]:
    """Build the model of a file, with its weights, for inference.

    Parameters
    ----------
    path
        File that `handos export` wrote.
    topology
        Mesh of the weights.
    preset
        Name of the design to load the weights into; ``None``: that of the file. Another one may have more hand slots
        and queries, which have no weights of their own.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    WeightsError
        If it is not a file of HandOS weights, or one of another mesh, or they do not fit the preset.
    ValueError
        If this version has no such preset.
    """
    properties = require_mesh(path, topology)
    name = properties.preset if preset is None else preset
    model = build_model(preset_named(name), topology)
    try:
        model.load_state_dict(read_trained_weights(path))
    except RuntimeError as error:
        raise WeightsError(
            f"weights file {path}, of preset {properties.preset!r}, does not hold all of preset {name!r}: {error}"
        ) from error
    # Neither slots nor queries change what the weights were trained on.
    slots = model.slots if preset_named(name).decodes_found else None
    return model.eval(), replace(properties, preset=name, max_hands=slots)
