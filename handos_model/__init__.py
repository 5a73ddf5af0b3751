"""HandOS: hands of a camera image as 2D joints, 3D joints and meshes in metres. Knows nothing of ROS."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handos_model.hand.hand import Hand
    from handos_model.hand.topology import HandTopology
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.io.frame import CameraIntrinsics

__all__ = ["CameraIntrinsics", "Hand", "HandPipeline", "HandTopology"]

_HOMES = {
    "CameraIntrinsics": "handos_model.io.frame",
    "Hand": "handos_model.hand.hand",
    "HandPipeline": "handos_model.inference.pipeline",
    "HandTopology": "handos_model.hand.topology",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `handos --help` and each submodule stay light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
