"""An operator who shows known hands to the node `retarget` over DDS, and the robot that listens to its commands."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from generic_hands import generic_hand, joints_of
from hands import CAMERA, hand_at
from node_process import FRAME_ID, Client, RosProcess, ros_process
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_ros.images.intrinsics import ImageIntrinsics, IntrinsicsOrigin
from handos_ros.messages.hand_messages import ImageRecord, hand_array_message
from handos_ros.msg import HandArray, TeleoperationState
from handos_ros.topics.qos import HANDS_QOS

PERIOD = 1 / 30
"""Seconds between two images."""
STAMP_STEP = 1 / 60
"""Seconds between the stamps of two images: they decide what is a jump and what is steady, not how busy this machine
is. Less than between the images themselves, so that images that are skipped are no jump."""
EVERY_MESSAGE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""For subscriptions that lose nothing while this process is busy."""
MAX_SPEED = max(speed or 0.0 for speed in generic_hand("right").max_velocities)
"""Radians per second of the generic hand's fastest joints."""
LATE = 0.03
"""Seconds by which a command may be computed after its stamp on a busy machine."""
AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""(3, 3) from the hand frame to the camera's: fingers up, palm away from the camera."""
FIST = 0.8
"""Fraction of the joints' upper limits to which the fingers of a fist are bent."""


def known_hand(
    side: Handedness, positions: Mapping[str, float] | None = None, x: float = 0.0, number: int | None = None
) -> Hand:
    """A tracked hand with the joint angles of the generic robot hand (0 where not given).

    Parameters
    ----------
    side
        Of the hand.
    positions
        Radians, by the names of the robot's joints.
    x
        Metres to the right of the camera's axis, where the wrist is, half a metre away.
    number
        Its id; by default 1 for left and 2 for right hands.
    """
    joints = joints_of(generic_hand(side), positions or {}) @ AXES.T + (x, 0.05, 0.5)
    pixels = project(joints, CAMERA).astype(np.float32)
    metric = MetricHand(joints.astype(np.float32), np.full(21, 0.003, np.float32), np.zeros((0, 3), np.float32))
    return replace(
        hand_at(320.0, side=side),
        id=number or (1 if side == "left" else 2),
        joints_2d=pixels,
        box=np.concatenate([pixels.min(0), pixels.max(0)]),
        metric=metric,
    )


def fist(side: Handedness, x: float = 0.0, number: int | None = None) -> Hand:
    """A hand whose four fingers are nearly closed."""
    robot = generic_hand(side)
    upper = robot.limits[:, 1]
    positions = {
        name: FIST * limit
        for name, limit in zip(robot.joint_names, upper.tolist(), strict=True)
        if name.endswith(("_mcp", "_pip")) and "thumb" not in name
    }
    return known_hand(side, positions, x, number)


class Operator:
    """Publishes HandArrays as the node handos does."""

    def __init__(self, client: Client, topic: str = "/hands") -> None:
        self._client = client
        self._clock = client.node.get_clock()
        self._taken = self._clock.now().nanoseconds
        self.hands = client.node.create_publisher(HandArray, topic, HANDS_QOS)

    def message(self, *hands: Hand, frame_id: str = FRAME_ID, stamp: Time | None = None, age: float = 0.0) -> HandArray:
        """The hands of an image that was taken at `stamp`, by default the next one, and received `age` seconds ago."""
        received = _stamp(self._clock.now().nanoseconds - int(age * 1e9))
        self._taken += int(STAMP_STEP * 1e9)
        header = Header(stamp=_stamp(self._taken) if stamp is None else stamp, frame_id=frame_id)
        intrinsics = ImageIntrinsics(CAMERA, IntrinsicsOrigin.CALIBRATED)
        record = ImageRecord(header, intrinsics, received, received, dropped=0)
        return hand_array_message(hands, record, "", with_meshes=False)

    def show(self, *hands: Hand, frame_id: str = FRAME_ID) -> HandArray:
        """Publish the hands of one image."""
        message = self.message(*hands, frame_id=frame_id)
        self.hands.publish(message)
        return message

    def show_for(self, seconds: float, *hands: Hand) -> None:
        """Show the same hands for some time."""
        self.show_moving(seconds, lambda elapsed: hands)

    def show_moving(self, seconds: float, hands_at: Callable[[float], Sequence[Hand]]) -> None:
        """Show hands that depend on the seconds since the start."""
        self.send_for(seconds, lambda elapsed: self.message(*hands_at(elapsed)))

    def send_for(self, seconds: float, message_at: Callable[[float], HandArray]) -> None:
        """Publish messages at the camera's rate, and receive."""
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < seconds:
            self.hands.publish(message_at(elapsed))
            self._client.spin(PERIOD)

    def show_until(self, condition: Callable[[], object], *hands: Hand) -> None:
        """Show the same hands until a condition holds."""
        shown = 0.0

        def step() -> None:
            nonlocal shown
            if time.monotonic() - shown > PERIOD:
                shown = time.monotonic()
                self.show(*hands)

        self._client.until(condition, step)


class RobotHandListener:
    """What one side of a robot hears."""

    def __init__(self, client: Client, side: Handedness, node: str = "/retarget") -> None:
        self.joints: list[Any] = client.collect(JointState, f"{node}/{side}/joint_command", EVERY_MESSAGE)
        self.states: list[Any] = client.collect(TeleoperationState, f"{node}/{side}/state", EVERY_MESSAGE)

    @property
    def state(self) -> int:
        """The newest one."""
        return self.states[-1].state if self.states else -1

    @property
    def positions(self) -> dict[str, float]:
        """The newest command, radians by joint."""
        return dict(zip(self.joints[-1].name, self.joints[-1].position, strict=True))

    def clear(self) -> None:
        """Forget what was heard."""
        self.joints.clear()
        self.states.clear()


def assert_smooth(robot: RobotHandListener) -> None:
    """No joint moves faster than it may from one command to the next."""
    for before, after in itertools.pairwise(robot.joints):
        seconds = seconds_of(after.header.stamp) - seconds_of(before.header.stamp) + LATE
        assert np.abs(np.subtract(after.position, before.position)).max() <= MAX_SPEED * seconds
        assert np.abs(after.velocity).max() <= MAX_SPEED + 1e-6


def seconds_of(stamp: Time) -> float:
    """A stamp in seconds."""
    return stamp.sec + stamp.nanosec / 1e9


def _stamp(nanoseconds: int) -> Time:
    sec, nanosec = divmod(nanoseconds, 10**9)
    return Time(sec=sec, nanosec=nanosec)


@contextmanager
def running_retarget(*ros_arguments: object, log: Path) -> Iterator[RosProcess]:
    """Run the node `retarget` until the end of the block; it is ready when the block starts."""
    with ros_process("retarget", "--ros-args", *ros_arguments, log=log) as process:
        process.wait_for_log("ready")
        yield process
