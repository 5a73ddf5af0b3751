"""Stands in for tf2_ros, which is not on PyPI. It behaves like the real one where the node and its tests use it.

Transforms travel as messages of their own, because TFMessage is not on PyPI either.
"""

import bisect
import math
from typing import Any

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time

CACHE = 10_000_000_000
"""Nanoseconds for which transforms are remembered."""
MAX_QUATERNION_ERROR = 10e-3


class TransformException(Exception):  # noqa: N818  # tf2's name
    """Base of all others."""


class LookupException(TransformException):
    """A frame is unknown."""


class ConnectivityException(TransformException):
    """Two frames belong to different trees."""


class ExtrapolationException(TransformException):
    """The time is outside of what is known."""


class InvalidArgumentException(TransformException):
    """This cannot be the name of a frame."""


class _Motion:
    """What is known of a frame in its parent: one transform, or several by time."""

    def __init__(self, parent: str, is_static: bool) -> None:
        self.parent, self.is_static = parent, is_static
        self.stamps: list[int] = []
        self._poses: list[np.ndarray] = []

    def add(self, stamp: int, pose: np.ndarray) -> None:
        if self.is_static:
            self.stamps, self._poses = [stamp], [pose]
        elif not self.stamps or stamp >= self.stamps[-1] - CACHE:
            position = bisect.bisect(self.stamps, stamp)
            self.stamps.insert(position, stamp)
            self._poses.insert(position, pose)

    def at(self, stamp: int) -> np.ndarray:
        if self.is_static:
            return self._poses[0]
        if not self.stamps[0] <= stamp <= self.stamps[-1]:
            way = "future" if stamp > self.stamps[-1] else "past"
            raise ExtrapolationException(f"Lookup would require extrapolation into the {way}")
        after = min(bisect.bisect(self.stamps, stamp), len(self.stamps) - 1)
        before = max(after - 1, 0)
        span = self.stamps[after] - self.stamps[before]
        return _between(self._poses[before], self._poses[after], (stamp - self.stamps[before]) / span if span else 0.0)


class Buffer:
    """Remembers transforms and finds the way from one frame to another."""

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        self._motions: dict[str, _Motion] = {}

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        self._add(transform, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        self._add(transform, is_static=True)

    def clear(self) -> None:
        self._motions = {name: motion for name, motion in self._motions.items() if motion.is_static}

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Any, timeout: Duration | None = None
    ) -> TransformStamped:
        stamp = _nanoseconds(time)
        target, source = self._chain(target_frame), self._chain(source_frame)
        if target[-1] != source[-1]:
            raise ConnectivityException(f"Could not find a connection between '{target_frame}' and '{source_frame}'")
        if stamp == 0:
            stamp = self.get_latest_common_time(target_frame, source_frame).nanoseconds
        matrix = _combined(_inverse(self._in_root(target, stamp)), self._in_root(source, stamp))
        message = TransformStamped(child_frame_id=source_frame, transform=_message(matrix))
        message.header.frame_id = target_frame
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        return message

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Time:
        target, source = self._chain(target_frame), self._chain(source_frame)
        if target[-1] != source[-1]:
            raise TransformException(f"Could not find a connection between '{target_frame}' and '{source_frame}'")
        moving = [
            self._motions[frame].stamps[-1]
            for frame in set(target) ^ set(source)
            if frame in self._motions and not self._motions[frame].is_static
        ]
        return Time(nanoseconds=min(moving, default=0))

    def _add(self, transform: TransformStamped, *, is_static: bool) -> None:
        child, parent = transform.child_frame_id.removeprefix("/"), transform.header.frame_id.removeprefix("/")
        matrix = _matrix(transform.transform)
        if not child or not parent or child == parent or matrix is None:
            return  # the real one logs an error
        motion = self._motions.get(child)
        if motion is None or motion.is_static != is_static or motion.parent != parent:
            motion = self._motions[child] = _Motion(parent, is_static)
        motion.add(_nanoseconds(transform.header.stamp), matrix)

    def _chain(self, frame: str) -> list[str]:
        """The frame and all above it."""
        if not frame or frame.startswith("/"):
            raise InvalidArgumentException(f"tf2 frame_ids cannot be empty or start with a '/': {frame!r}")
        known = {*self._motions, *(motion.parent for motion in self._motions.values())}
        if frame not in known:
            raise LookupException(f'"{frame}" passed to lookupTransform argument does not exist. ')
        chain = [frame]
        while chain[-1] in self._motions:
            chain.append(self._motions[chain[-1]].parent)
        return chain

    def _in_root(self, chain: list[str], stamp: int) -> np.ndarray:
        matrix = np.eye(4)
        for frame in chain[:-1]:
            matrix = _combined(self._motions[frame].at(stamp), matrix)
        return matrix


class TransformBroadcaster:
    """Publishes transforms."""

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        self.pub_tf = node.create_publisher(TransformStamped, "/tf", qos or QoSProfile(depth=100))

    def sendTransform(self, transform: Any) -> None:  # noqa: N802  # tf2's name
        for each in transform if hasattr(transform, "__iter__") else [transform]:
            self.pub_tf.publish(each)


class StaticTransformBroadcaster(TransformBroadcaster):
    """Publishes transforms that do not change."""

    def __init__(self, node: Node) -> None:
        self.pub_tf = node.create_publisher(TransformStamped, "/tf_static", _latched())


class TransformListener:
    """Fills a buffer."""

    def __init__(self, buffer: Buffer, node: Node) -> None:
        self.node = node
        self._subscriptions = [
            node.create_subscription(TransformStamped, "/tf", lambda t: buffer.set_transform(t, "tf"), 100),
            node.create_subscription(
                TransformStamped, "/tf_static", lambda t: buffer.set_transform_static(t, "tf"), _latched()
            ),
        ]

    def unregister(self) -> None:
        for subscription in self._subscriptions:
            self.node.destroy_subscription(subscription)


def _latched() -> QoSProfile:
    return QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def _nanoseconds(time: Any) -> int:
    if hasattr(time, "sec") and hasattr(time, "nanosec"):
        return int(time.sec) * 10**9 + int(time.nanosec)
    if hasattr(time, "nanoseconds"):
        return int(time.nanoseconds)
    raise TypeError("time must have sec and nanosec, or nanoseconds.")


def _matrix(transform: Transform) -> np.ndarray | None:
    """(4, 4) matrix; None for what the real class refuses."""
    offset, turn = transform.translation, transform.rotation
    x, y, z, w = turn.x, turn.y, turn.z, turn.w
    numbers = np.array([offset.x, offset.y, offset.z, x, y, z, w])
    if np.isnan(numbers).any() or not abs(numbers[3:] @ numbers[3:] - 1) < MAX_QUATERNION_ERROR:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = numbers[:3]
    return matrix


def _combined(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The product; what is not finite stays in the translation."""
    matrix = np.eye(4)
    matrix[:3, :3] = second[:3, :3] @ first[:3, :3]
    with np.errstate(invalid="ignore"):
        matrix[:3, 3] = second[:3, :3] @ first[:3, 3] + second[:3, 3]
    return matrix


def _inverse(matrix: np.ndarray) -> np.ndarray:
    inverse = np.eye(4)
    inverse[:3, :3] = matrix[:3, :3].T
    inverse[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return inverse


def _message(matrix: np.ndarray) -> Transform:
    x, y, z, w = _quaternion(matrix)
    offset = matrix[:3, 3].tolist()
    return Transform(
        translation=Vector3(x=offset[0], y=offset[1], z=offset[2]), rotation=Quaternion(x=x, y=y, z=z, w=w)
    )


def _quaternion(matrix: np.ndarray) -> tuple[float, float, float, float]:
    angle = math.acos(min(1.0, max(-1.0, (np.trace(matrix[:3, :3]) - 1) / 2)))
    if math.pi - angle < 1e-6:  # the axis is the eigenvector of the eigenvalue 1
        axis = np.linalg.svd(matrix[:3, :3] - np.eye(3))[2][-1]
    else:
        axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
        axis /= max(float(np.linalg.norm(axis)), 1e-300)
    x, y, z = (axis * math.sin(angle / 2)).tolist()
    return x, y, z, math.cos(angle / 2)


def _between(first: np.ndarray, second: np.ndarray, fraction: float) -> np.ndarray:
    """Straight on, and around the axis that turns the one into the other."""
    x, y, z, w = _quaternion(_combined(_inverse(first), second))
    half = math.acos(min(1.0, w))
    scale = math.sin(half * fraction) / math.sin(half) if half > 1e-9 else 0.0
    step = Transform(rotation=Quaternion(x=x * scale, y=y * scale, z=z * scale, w=math.cos(half * fraction)))
    turned = _matrix(step)
    assert turned is not None
    result = _combined(first, turned)
    result[:3, 3] = (1 - fraction) * first[:3, 3] + fraction * second[:3, 3]
    return result
