"""`handos doctor`: what is installed, what can run the network, and why."""

import platform
from dataclasses import dataclass
from importlib import metadata, util
from typing import Final

import typer

_REQUIRED: Final = ("numpy", "opencv-python-headless", "onnxruntime", "typer", "tqdm")
_OPTIONAL: Final = {
    "onnx": "needed by `handos train`, `handos export` and the backend tensorrt",
    "torch": "needed by `handos train`, `handos export`, and the backends torch and torch-cuda",
    "transformers": "needed by `handos train`, `handos export`, and the backends torch and torch-cuda",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    state: str
    works: bool = True
    """False if something that the network needs to run is missing."""
    present: bool = True
    """False if it is not there, and need not be."""

    @property
    def verdict(self) -> str:
        """First column of the report."""
        return "FAIL" if not self.works else "ok  " if self.present else "-   "


def doctor() -> None:
    """Say what is installed, what runs the network, and why; exit code 1 if the network cannot run."""
    findings = examine()
    for finding in findings:
        typer.echo(f"{finding.verdict} {finding.subject}: {finding.state}")
    raise typer.Exit(0 if all(finding.works for finding in findings) else 1)


def examine() -> list[Finding]:
    """Check everything that running the network needs."""
    return [
        Finding("python", f"{platform.python_version()} on {platform.machine()}"),
        *(_required_version(name) for name in _REQUIRED),
        *(_optional_version(name, purpose) for name, purpose in _OPTIONAL.items()),
        _ros(),
        *_backends(),
        _pipeline(),
    ]


def _required_version(distribution: str) -> Finding:
    try:
        return Finding(distribution, metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return Finding(distribution, "missing: `pip install` this project again", works=False)


def _optional_version(distribution: str, purpose: str) -> Finding:
    try:
        return Finding(distribution, metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return Finding(distribution, f"not installed ({purpose})", present=False)


def _ros() -> Finding:
    if util.find_spec("rclpy") is None:
        state = "rclpy cannot be imported: source a ROS 2 installation to run the node"
        return Finding("ROS 2", state, present=False)
    return Finding("ROS 2", "rclpy can be imported")


def _backends() -> list[Finding]:
    from handos_model.inference.backends.selection import BACKENDS

    reasons = {name: spec.unavailable_reason() for name, spec in BACKENDS.items()}
    return [Finding(f"backend {name}", reason or "works", present=reason is None) for name, reason in reasons.items()]


def _pipeline() -> Finding:
    from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline

    try:
        pipeline = HandPipeline.load()
    except (OSError, ValueError, ImportError) as error:
        return Finding("network", str(error), works=False)
    properties = pipeline.engine.properties
    return Finding(
        "network",
        f"preset {properties.preset}, {properties.input_sizes}, hand {properties.topology_id}, from {DEFAULT_WEIGHTS}; "
        f"runs on {pipeline.engine.description}",
    )
