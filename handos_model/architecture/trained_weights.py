"""Trained weights of the whole model as a safetensors file, with the properties of its network as metadata.

An ONNX file is what runs; it cannot be trained further, because export folds batch normalisation and drops the heads
that only training uses. This file can.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from handos_model.architecture.contract import NetworkProperties, WeightsError
from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.presets import preset_named
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology


@dataclass(frozen=True)
class TrainedWeights:
    """Contents of a file."""

    properties: NetworkProperties
    tensors: dict[str, Tensor]
    """State dict of `HandOS`."""


def write_trained_weights(model: HandOS, properties: NetworkProperties, path: Path) -> None:
    """Write the weights of `model`; an interrupted write leaves an earlier file intact."""
    # Clones, because safetensors refuses tensors that share memory, and the detector has two names for its heads.
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=properties.to_metadata())


def read_trained_weights(path: Path) -> TrainedWeights:
    """Read a file that `handos export` wrote.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    WeightsError
        If it is damaged or not a file of HandOS weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: check the path")
    try:
        with safe_open(path, framework="pt") as file:
            properties = NetworkProperties.from_metadata(file.metadata() or {})
            return TrainedWeights(properties, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, WeightsError) as error:
        raise WeightsError(f"weights file {path} does not hold HandOS weights: {error}") from error


def read_trained_model(path: Path, topology: HandTopology) -> tuple[HandOS, NetworkProperties]:
    """Build the model of a file, with its weights, for inference.

    Raises
    ------
    FileNotFoundError, WeightsError
        As `read_trained_weights`; also if the weights are for another mesh than `topology`.
    ValueError
        If this version has no such preset.
    """
    weights = read_trained_weights(path)
    properties = weights.properties
    if properties.topology_id != topology.id:
        raise WeightsError(f"weights file {path} is for the mesh {properties.topology_id!r}, not for {topology.id!r}")
    model = build_model(preset_named(properties.preset), topology)
    try:
        model.load_state_dict(weights.tensors)
    except RuntimeError as error:
        raise WeightsError(f"weights file {path} does not hold all of preset {properties.preset!r}: {error}") from error
    return model.eval(), properties
