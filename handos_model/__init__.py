"""HandOS: the hands in a camera image as 2D joints, 3D joints and meshes in metres. Independent of ROS."""

import os
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handos_model.geometry.intrinsics import CameraIntrinsics
    from handos_model.hand.hand import Hand
    from handos_model.hand.topology import HandTopology
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.recordings.hands_in import hands_in

__all__ = ["CameraIntrinsics", "Hand", "HandPipeline", "HandTopology", "__version__", "hands_in"]

# ONNX Runtime's wheels report their use to their makers, unless they are told not to before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# colcon installs no commands, which the node does not need. Where its copy of this package is found first, those that
# pip installed are still found beside it.
__path__ = extend_path(__path__, __name__)

__version__: str

_MODULES = {
    "CameraIntrinsics": "handos_model.geometry.intrinsics",
    "Hand": "handos_model.hand.hand",
    "HandPipeline": "handos_model.inference.pipeline",
    "HandTopology": "handos_model.hand.topology",
    "hands_in": "handos_model.recordings.hands_in",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `handos --help` and each submodule stay light."""
    if name == "__version__":
        return _installed_version()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def _installed_version() -> str:
    """The version in pyproject.toml; colcon installs no record of it."""
    from importlib import metadata

    try:
        return metadata.version("handos")
    except metadata.PackageNotFoundError:
        return "unknown (not installed by pip)"
