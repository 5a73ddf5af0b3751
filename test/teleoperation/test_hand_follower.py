"""Which hand is followed, and when it is not."""

from dataclasses import replace

import numpy as np
import pytest
from hands import hand_at

from handos_model.hand.hand import Hand, Handedness
from handos_model.teleoperation.hand_follower import FollowSettings, HandFollower, Observation

SETTINGS = FollowSettings(settle_time=0.25, max_speed=2.0)
PERIOD = 1 / 16
PIXELS_PER_METRE = 1000.0
"""At the depth of `hand_at`."""


def tracked(number: int, x: float = 320.0, side: Handedness = "right") -> Hand:
    return replace(hand_at(x, side=side), id=number)


def without_a_number(hand: Hand) -> Hand:
    assert hand.metric is not None
    joints = hand.metric.joints_3d.copy()
    joints[0, 2] = np.nan
    return replace(hand, metric=replace(hand.metric, joints_3d=joints))


class Operator:
    """Shows hands to a follower, image after image."""

    def __init__(self) -> None:
        self.follower = HandFollower("right", SETTINGS)
        self.now = 100.0

    def show(self, *hands: Hand, images: int = 1) -> Observation:
        for _ in range(images):
            self.now += PERIOD
            observation = self.follower.look(hands, self.now)
        return observation

    def settle(self, *hands: Hand) -> Observation:
        return self.show(*hands, images=6)


def followed(observation: Observation) -> int | None:
    return None if observation.hand is None else observation.hand.id


@pytest.fixture
def operator() -> Operator:
    return Operator()


def test_a_hand_is_followed_once_it_has_been_seen_for_a_while(operator: Operator) -> None:
    seen = [followed(operator.show(tracked(3))) for _ in range(6)]
    assert seen == [None, None, None, None, 3, 3]


def test_the_best_hand_of_the_side_is_chosen(operator: Operator) -> None:
    assert followed(operator.settle(tracked(1, side="left"), tracked(7), tracked(8, 500))) == 7


def test_a_better_hand_does_not_take_the_followed_ones_place(operator: Operator) -> None:
    operator.settle(tracked(7))
    assert followed(operator.settle(tracked(9, 100), tracked(7))) == 7


def test_a_side_flip_is_not_followed_and_no_other_hand_takes_over_silently(operator: Operator) -> None:
    operator.settle(tracked(7), tracked(8, 100, "left"))
    flipped = operator.show(tracked(7, side="left"), tracked(8, 100, "right"))
    assert flipped.hand is None
    assert "left" in flipped.reason
    assert followed(operator.show(tracked(7), tracked(8, 100, "left"))) is None  # steady for too short a time
    assert followed(operator.settle(tracked(7), tracked(8, 100, "left"))) == 7


def test_a_hand_that_became_the_other_side_for_good_makes_room_for_the_right_one(operator: Operator) -> None:
    operator.settle(tracked(7))
    operator.show(tracked(7, side="left"), tracked(8, 100), images=20)
    assert followed(operator.show(tracked(7, side="left"), tracked(8, 100))) == 8


def test_a_jump_is_not_followed_until_the_hand_is_steady_again(operator: Operator) -> None:
    operator.settle(tracked(7, 320))
    jumped = [followed(operator.show(tracked(7, 320 + 0.2 * PIXELS_PER_METRE))) for _ in range(6)]
    assert jumped == [None, None, None, None, 7, 7]


def test_the_fastest_motion_that_is_allowed_is_followed(operator: Operator) -> None:
    operator.settle(tracked(7, 100))
    step = SETTINGS.max_speed * PERIOD * PIXELS_PER_METRE
    assert [followed(operator.show(tracked(7, 100 + step * k))) for k in range(1, 4)] == [7, 7, 7]


def test_a_hidden_hand_is_not_followed_and_is_at_once_when_it_returns(operator: Operator) -> None:
    operator.settle(tracked(7))
    assert operator.show(replace(tracked(7), coasting=True)).hand is None
    assert followed(operator.show(tracked(7))) == 7


def test_a_hand_that_returns_far_from_where_it_hid_must_settle_first(operator: Operator) -> None:
    operator.settle(tracked(7, 0))
    operator.show(replace(tracked(7, 0), coasting=True), images=8)
    returned = [followed(operator.show(tracked(7, 0.6 * PIXELS_PER_METRE))) for _ in range(6)]
    assert returned == [None, None, None, None, 7, 7]


def test_a_new_id_must_settle_first(operator: Operator) -> None:
    operator.settle(tracked(7))
    assert operator.show(tracked(12)).hand is None
    assert followed(operator.settle(tracked(12))) == 12


@pytest.mark.parametrize(
    ("hand", "reason"),
    [
        (replace(tracked(7), tentative=True), "few images"),
        (replace(tracked(7), metric=None), "metres"),
        (replace(tracked(7), handedness_score=0.51), "uncertain"),
        (tracked(7, side="left"), "no right hand"),
        (tracked(0), "no id"),
        (without_a_number(tracked(7)), "not finite"),
    ],
)
def test_hands_that_cannot_be_believed_are_not_followed(operator: Operator, hand: Hand, reason: str) -> None:
    observation = operator.settle(hand)
    assert observation.hand is None
    assert reason in observation.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [("settle_time", -1.0), ("max_speed", 0.0), ("min_handedness_score", 0.2), ("max_speed", float("nan"))],
)
def test_settings_that_cannot_be_used_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        FollowSettings(**{name: value})
