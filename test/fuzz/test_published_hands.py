"""The checks of the bombardment: a good HandArray passes, and every broken promise is noticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from broken_promise import BrokenPromiseError, key_of
from builtin_interfaces.msg import Time
from hands import CAMERA, TOPOLOGY, hand_at
from limits_in_force import LimitsInForce
from published_hands import PublishedHands, SentImages
from std_msgs.msg import Header

from handos_ros.images.intrinsics import ImageIntrinsics, IntrinsicsOrigin
from handos_ros.messages.hand_messages import ImageRecord, hand_array_message
from handos_ros.msg import Hand, HandArray

Spoil = Callable[[HandArray], Any]


def good_message(second: int, **changes: Any) -> HandArray:
    """A message of the camera's image at this second."""
    hands = [replace(hand_at(200), id=1), replace(hand_at(450, side="left"), id=2, **changes)]
    header = Header(stamp=Time(sec=second), frame_id="camera")
    record = ImageRecord(
        header, ImageIntrinsics(CAMERA, IntrinsicsOrigin.CALIBRATED), Time(sec=second), Time(sec=second), dropped=second
    )
    message = hand_array_message(hands, record, TOPOLOGY.id, with_meshes=True)
    message.finished = Time(sec=second, nanosec=1)
    return message


@pytest.fixture
def published() -> PublishedHands:
    sent = SentImages()
    for second in range(20):
        sent.add(key_of(good_message(second).header), (480, 640))
    return PublishedHands(sent, LimitsInForce())


def test_good_messages_pass(published: PublishedHands) -> None:
    for second in range(3):
        published.check(good_message(second))


def spoil(name: str, index: int, value: float) -> Spoil:
    def change(message: HandArray) -> None:
        getattr(message.hands[0], name)[index] = value

    return change


def setting(name: str, value: Any, of_hand: bool = True) -> Spoil:
    return lambda message: setattr(message.hands[0] if of_hand else message, name, value)


@pytest.mark.parametrize(
    "spoiled",
    [
        setting("header", Header(frame_id="other"), of_hand=False),
        setting("header", Header(stamp=Time(sec=100), frame_id="camera"), of_hand=False),
        setting("intrinsics", 0, of_hand=False),
        setting("topology_id", "other", of_hand=False),
        setting("received", Time(sec=9), of_hand=False),
        setting("dropped", 0, of_hand=False),
        lambda message: message.k.__setitem__(0, np.inf),
        lambda message: message.k.__setitem__(0, 900.0),
        setting("id", 2),
        setting("id", 0),
        setting("state", 7),
        setting("handedness", 0),
        setting("handedness_score", 0.4),
        setting("score", 1.01),
        spoil("box", 0, 600.0),
        spoil("joints_2d", 3, np.nan),
        spoil("joint_scores", 3, -0.1),
        spoil("joints_3d", 3, np.inf),
        spoil("joints_3d", 2, -0.1),
        spoil("vertices", 2, -0.1),
        spoil("joint_sigma", 0, 0.0),
        lambda message: setattr(message.hands[0].wrist_pose.orientation, "w", 2.0),
        lambda message: setattr(message.hands[0].wrist_pose.position, "x", 2.0),
        lambda message: message.hands[0].vertices.pop(),
        lambda message: message.hands[0].joint_sigma.pop(),
    ],
)
def test_every_broken_promise_is_noticed(spoiled: Spoil, published: PublishedHands) -> None:
    published.check(good_message(1))
    message = good_message(2)
    spoiled(message)
    with pytest.raises(BrokenPromiseError):
        published.check(message)


def test_a_hand_that_stays_too_long_is_noticed(published: PublishedHands) -> None:
    published.check(good_message(1))
    published.check(good_message(2, coasting=True))
    with pytest.raises(BrokenPromiseError, match="hand 2 is gone after coast_time"):
        published.check(good_message(3, coasting=True))


def test_an_id_that_is_used_again_is_noticed(published: PublishedHands) -> None:
    published.check(good_message(1))
    message = good_message(2)
    message.hands.pop()
    published.check(message)
    with pytest.raises(BrokenPromiseError, match="id 1 is not used again"):
        published.check(good_message(10))


def test_a_hand_that_is_carried_on_without_having_been_seen_is_noticed(published: PublishedHands) -> None:
    with pytest.raises(BrokenPromiseError, match="hand 2 was seen before"):
        published.check(good_message(1, coasting=True))


def test_hands_farther_than_allowed_are_noticed_unless_the_limit_was_raised(published: PublishedHands) -> None:
    published.limits.add("min_distance", 5.0)
    published.check(good_message(1))
    published.limits = LimitsInForce()
    published.limits.add("max_hand_length", 10.0)
    message = good_message(2)
    far: Hand = message.hands[0]
    far.joints_3d = (np.asarray(far.joints_3d) * 100).astype(np.float32)
    with pytest.raises(BrokenPromiseError):
        published.check(message)
