"""What the node must never do, as an error, and what single numbers must be like."""

from typing import Any

import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import Quaternion

Key = tuple[int, int, str]
"""Stamp and frame of a message: what must be those of an image that was sent."""


class BrokenPromiseError(AssertionError):
    """The node has broken a promise."""


def require(holds: Any, promise: str) -> None:
    """Raise BrokenPromiseError unless a promise holds."""
    if not holds:
        raise BrokenPromiseError(promise)


def require_within(values: npt.ArrayLike, low: float, high: float, name: str) -> None:
    """Every number is finite and in a range; float32 may round it beyond by a millionth."""
    numbers = np.asarray(values, np.float64)
    within = np.isfinite(numbers) & (numbers >= low - 1e-6 * abs(low)) & (numbers <= high + 1e-6 * abs(high))
    require(within.all(), f"{name} lies in {low:g}..{high:g}, it is {numbers[~within][:5]}")


def require_finite(values: npt.ArrayLike, name: str) -> None:
    """Every number is finite."""
    require(np.isfinite(np.asarray(values, np.float64)).all(), f"{name} is finite, it is {np.ravel(values)[:9]}")


def require_unit(rotation: Quaternion, name: str) -> None:
    """A quaternion is a rotation."""
    norm = np.linalg.norm([rotation.x, rotation.y, rotation.z, rotation.w])
    require(abs(norm - 1) < 1e-5, f"{name} is a unit quaternion, its length is {norm}: {rotation}")


def key_of(header: Any) -> Key:
    """Stamp and frame of a header."""
    return header.stamp.sec, header.stamp.nanosec, header.frame_id
