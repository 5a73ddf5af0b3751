"""tf2_ros for tests: the real one where it is installed, otherwise a stand-in."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from std_msgs.msg import Header

_STAND_IN = str(Path(__file__).parent / "stand_in_tf2")


def import_tf2_ros() -> Any:
    """The module; what comes later on the path is the stand-in."""
    if _STAND_IN not in sys.path:
        sys.path.append(_STAND_IN)
    import tf2_ros

    return tf2_ros


@contextmanager
def tf2_for_children() -> Iterator[None]:
    """Let processes that are started meanwhile find the real tf2_ros or the stand-in."""
    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{path}:{_STAND_IN}"
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = path


def transform(
    parent: str,
    child: str,
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
    nanoseconds: int = 0,
) -> TransformStamped:
    """A transform of tf2; metres, quaternion x, y, z, w."""
    x, y, z = translation
    qx, qy, qz, qw = rotation
    return TransformStamped(
        header=Header(frame_id=parent, stamp=stamp(nanoseconds)),
        child_frame_id=child,
        transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)),
    )


def stamp(nanoseconds: int) -> Time:
    """A stamp of so many nanoseconds."""
    sec, nanosec = divmod(nanoseconds, 10**9)
    return Time(sec=sec, nanosec=nanosec)
