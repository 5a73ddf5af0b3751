"""`handos doctor`: what is installed, what runs the network, and why."""

import platform
from dataclasses import dataclass
from importlib import metadata, util

from handos_model.inference.backends import BACKENDS
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline

_NEEDED = ("numpy", "opencv-python-headless", "onnxruntime", "typer", "tqdm")
_OPTIONAL = {
    "onnx": "needed for `handos train`, `handos export`, and the backends torch, torch-cuda and tensorrt",
    "torch": "needed for `handos train`, `handos export`, and the backends torch and torch-cuda",
    "transformers": "needed for `handos train` and `handos export`",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    state: str
    works: bool = True
    """False where something that running needs is missing."""


def examine() -> list[Finding]:
    """Look at everything that running rests on."""
    return [
        Finding("python", f"{platform.python_version()} on {platform.machine()}"),
        *(_version_of(name) for name in _NEEDED),
        *(_optional_version_of(name, purpose) for name, purpose in _OPTIONAL.items()),
        _ros(),
        *_backends(),
        _pipeline(),
    ]


def _version_of(distribution: str) -> Finding:
    try:
        return Finding(distribution, metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return Finding(distribution, "missing: `pip install` this project again", works=False)


def _optional_version_of(distribution: str, purpose: str) -> Finding:
    try:
        return Finding(distribution, metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return Finding(distribution, f"not installed ({purpose})")


def _ros() -> Finding:
    if util.find_spec("rclpy") is None:
        return Finding("ROS 2", "rclpy is not importable: source a ROS 2 installation to run the node")
    return Finding("ROS 2", "rclpy is importable")


def _backends() -> list[Finding]:
    return [Finding(f"backend {name}", kind.obstacle() or "works") for name, kind in BACKENDS.items()]


def _pipeline() -> Finding:
    try:
        pipeline = HandPipeline.load()
    except (OSError, ValueError, ImportError) as error:
        return Finding("network", str(error), works=False)
    properties = pipeline.engine.properties
    return Finding(
        "network",
        f"preset {properties.preset}, {properties.input_sizes}, hand "
        f"{properties.topology_id}, from {DEFAULT_WEIGHTS}; runs on {pipeline.engine.description}",
    )
