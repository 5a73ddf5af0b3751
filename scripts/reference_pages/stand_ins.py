"""Stand-ins for what is not on PyPI (launch, tf2_ros, vision_msgs), where it is not installed."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Final

from std_msgs.msg import Header

_SUPPORT: Final = Path(__file__).parents[2] / "test/support"
_DETECTIONS: Final = ("Detection2DArray", "Detection3DArray")


def provide_launch() -> None:
    """Make launch and launch_ros importable."""
    if not _is_installed("launch_ros"):
        sys.modules.update(_stand_in("stand_in_launch_ros").stand_in_modules())


def provide_tf2_and_vision_msgs() -> None:
    """Make importable what the node publishes with packages that may not be installed."""
    if not _is_installed("tf2_ros"):
        sys.modules["tf2_ros"] = _stand_in("stand_in_tf2.tf2_ros")
    if not _is_installed("vision_msgs"):
        # They are only advertised, never filled, so any type that rclpy knows will do.
        kinds = {name: type(name, (Header,), {"__module__": "vision_msgs.msg"}) for name in _DETECTIONS}
        sys.modules["vision_msgs"] = ModuleType("vision_msgs")
        vars(sys.modules["vision_msgs"])["msg"] = SimpleNamespace(**kinds)


def _is_installed(package: str) -> bool:
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _stand_in(name: str) -> ModuleType:
    if str(_SUPPORT) not in sys.path:
        sys.path.append(str(_SUPPORT))
    return importlib.import_module(name)
