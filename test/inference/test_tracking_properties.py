"""What holds for all sequences of plausible hands and times."""

import numpy as np
from any_hands import any_hands
from hypothesis import given, settings
from hypothesis import strategies as st

from handos_model.hand.frames import fingertip_orientation, wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import FINGERTIPS
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.tracking import HandTracker, TrackingSettings

Image = tuple[list[Hand], float, float]
"""Its hands, and the seconds from the last image to this one: of taking and of receiving it."""

INTERVALS = st.sampled_from([0.0, 1e-9, 1e-3, 0.033, 0.1, 0.35, 1.0, 100.0])
IMAGES = st.lists(st.tuples(st.lists(any_hands(), max_size=3), INTERVALS, INTERVALS), min_size=1, max_size=12)
SETTINGS = st.builds(
    TrackingSettings,
    coast_time=st.sampled_from([0.0, 0.3, 5.0]),
    smoothing=st.none() | st.builds(Smoothing, st.sampled_from([0.01, 1, 100]), st.sampled_from([0, 20, 1000])),
    birth_score=st.sampled_from([0.0, 0.5, 1.0]),
)
few = settings(max_examples=60, deadline=None)


def tracked(images: list[Image], setting: TrackingSettings) -> list[tuple[float, tuple[Hand, ...]]]:
    """When each image was received, and its hands."""
    tracker, seconds, received, results = HandTracker(), 0.0, 0.0, []
    for hands, step, waited in images:
        seconds, received = seconds + step, received + waited
        results.append((received, tracker.update(hands, seconds, setting, received=received)))
    return results


@few
@given(IMAGES, SETTINGS)
def test_all_numbers_are_finite_and_in_their_ranges(images: list[Image], setting: TrackingSettings) -> None:
    for _, hands in tracked(images, setting):
        for hand in hands:
            assert 0 <= hand.score <= 1
            assert 0.5 <= hand.handedness_score <= 1
            assert (hand.box[:2] <= hand.box[2:]).all()
            numbers = [hand.box, hand.joints_2d, hand.joint_scores]
            if hand.metric is not None:
                numbers += [hand.metric.joints_3d, hand.metric.vertices, hand.metric.joint_sigma]
                joints, side = hand.metric.joints_3d, hand.handedness
                turns = [wrist_orientation(joints, side), *(fingertip_orientation(joints, tip) for tip in FINGERTIPS)]
                np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-6)
            assert all(np.isfinite(values).all() for values in numbers)


@few
@given(IMAGES, SETTINGS)
def test_ids_differ_within_an_image_rise_and_are_never_used_again(
    images: list[Image], setting: TrackingSettings
) -> None:
    alive: set[int] = set()
    largest = 0
    for _, hands in tracked(images, setting):
        ids = [hand.id for hand in hands if hand.id is not None]
        assert len(ids) == len(set(ids)) == len(hands)
        assert all(number > largest for number in set(ids) - alive)
        largest, alive = max([largest, *ids]), set(ids)


@few
@given(IMAGES, SETTINGS)
def test_a_hand_that_is_not_seen_is_gone_after_coast_time_of_reception(
    images: list[Image], setting: TrackingSettings
) -> None:
    seen: dict[int | None, float] = {}
    for received, hands in tracked(images, setting):
        for hand in hands:
            if hand.coasting:
                assert received - seen[hand.id] <= setting.coast_time
            else:
                seen[hand.id] = received


@few
@given(IMAGES, SETTINGS)
def test_every_detection_that_may_be_born_is_returned_once_and_in_its_order(
    images: list[Image], setting: TrackingSettings
) -> None:
    for (hands, _, _), (_, results) in zip(images, tracked(images, setting), strict=True):
        returned = [hand.score for hand in results if not hand.coasting]
        remaining = iter([hand.score for hand in hands])
        assert all(score in remaining for score in returned)
        assert sum(score >= setting.birth_score for score in returned) == sum(
            hand.score >= setting.birth_score for hand in hands
        )
