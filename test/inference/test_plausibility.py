"""What cannot be true is removed, with the reason."""

from dataclasses import replace

import numpy as np
import pytest
from hands import CAMERA, hand_at
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand, MetricHand
from handos_model.inference.plausibility import PlausibilityLimits, Rejection, check_hands

SHAPE = (480, 640, 3)
LIMITS = PlausibilityLimits()


def metric_of(hand: Hand) -> MetricHand:
    assert hand.metric is not None
    return hand.metric


def moved(hand: Hand, x: float, y: float, z: float) -> Hand:
    return replace(hand, metric=metric_of(hand).translated([x, y, z]))


def scaled(hand: Hand, factor: float) -> Hand:
    return replace(hand, metric=metric_of(hand).transformed(lambda points: points * np.float32(factor)))


def with_first(values: np.ndarray, value: float) -> np.ndarray:
    changed = values.copy()
    changed.reshape(-1)[0] = value
    return changed


def test_plausible_hands_are_returned_as_they_are() -> None:
    hands = (hand_at(200), hand_at(400, side="left"), replace(hand_at(100), metric=None))
    checked = check_hands(hands, SHAPE, CAMERA)
    assert checked.hands == hands
    assert checked.rejections == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["score", "handedness_score", "box", "joints_2d", "joint_scores"])
def test_a_hand_whose_pixels_are_not_finite_is_dropped(name: str, value: float) -> None:
    hand = hand_at(200)
    before = getattr(hand, name)
    bad = replace(hand, **{name: value if isinstance(before, float) else with_first(before, value)})
    checked = check_hands([bad, hand], SHAPE, CAMERA)
    assert checked.hands == (hand,)
    assert checked.rejections == ("pixels not finite",)


@pytest.mark.parametrize("corners", [[30, 20, 10, 40], [10, 40, 30, 20]])
def test_a_hand_whose_box_is_upside_down_is_dropped(corners: list[int]) -> None:
    hand = replace(hand_at(200), box=np.array(corners, np.float32))
    checked = check_hands([hand], SHAPE, CAMERA)
    assert checked.hands == ()
    assert checked.rejections == ("box upside down",)


@pytest.mark.parametrize("step", [(-900, 0), (1500, 0), (0, -900), (0, 1200)])
def test_a_hand_far_outside_the_image_is_dropped(step: tuple[int, int]) -> None:
    hand = replace(hand_at(200), joints_2d=hand_at(200).joints_2d + np.array(step, np.float32))
    assert check_hands([hand], SHAPE, CAMERA).rejections == ("outside the image",)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["joints_3d", "vertices", "joint_sigma"])
def test_metres_that_are_not_finite_are_removed(name: str, value: float) -> None:
    hand = hand_at(200)
    metric = replace(metric_of(hand), **{name: with_first(getattr(metric_of(hand), name), value)})
    checked = check_hands([replace(hand, metric=metric)], SHAPE, CAMERA)
    assert [kept.metric for kept in checked.hands] == [None]
    assert checked.rejections == ("metres not finite",)
    assert np.array_equal(checked.hands[0].joints_2d, hand.joints_2d)


@pytest.mark.parametrize(
    ("hand", "rejection"),
    [
        (moved(hand_at(320), 0, 0, -1.0), "behind the camera"),
        (moved(hand_at(320), 0, 0, -0.5), "behind the camera"),
        (moved(hand_at(320), 0, 0, 30.0), "distance"),
        (scaled(hand_at(320), 60), "distance"),
        (scaled(hand_at(320), 2), "size"),
        (scaled(hand_at(320), 0.3), "size"),
        (moved(hand_at(320), 0.1, 0, 0), "reprojection"),
        (moved(hand_at(100), 0, 0, 1.0), "reprojection"),
    ],
)
def test_metres_that_contradict_camera_image_or_anatomy_are_removed(hand: Hand, rejection: Rejection) -> None:
    checked = check_hands([hand], SHAPE, CAMERA)
    assert checked.rejections == (rejection,)
    assert [kept.metric for kept in checked.hands] == [None]


def test_a_vertex_behind_the_camera_is_enough() -> None:
    hand = hand_at(320)
    vertices = metric_of(hand).vertices.copy()
    vertices[5, 2] = -0.01
    bad = replace(hand, metric=replace(metric_of(hand), vertices=vertices))
    assert check_hands([bad], SHAPE, CAMERA).rejections == ("behind the camera",)


def test_a_hand_more_uncertain_than_it_is_long_has_no_metres() -> None:
    hand = hand_at(320)
    unsure = replace(hand, metric=replace(metric_of(hand), joint_sigma=np.full(21, 0.4, np.float32)))
    assert check_hands([unsure], SHAPE, CAMERA).rejections == ("uncertainty",)


def test_joints_are_projected_through_the_lens() -> None:
    lens = LensDistortion("fisheye", (0.0, 0.0, 0.0, 0.0))
    hand = hand_at(620)
    seen = replace(hand, joints_2d=lens.project(metric_of(hand).joints_3d, CAMERA).astype(np.float32))
    limits = replace(LIMITS, max_reprojection_error=0.05)
    assert check_hands([seen], SHAPE, CAMERA, lens, limits).rejections == ()
    assert check_hands([seen], SHAPE, CAMERA, None, limits).rejections == ("reprojection",)


def test_without_intrinsics_there_are_no_metres() -> None:
    checked = check_hands([hand_at(200)], SHAPE, None)
    assert [hand.metric for hand in checked.hands] == [None]


@pytest.mark.parametrize("limits", [{"min_distance": 3.0, "max_distance": 2.0}, {"min_length": -1.0}])
def test_limits_that_exclude_everything_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="min_"):
        PlausibilityLimits(**limits)


any_float = st.floats(width=32)


@given(
    hnp.arrays(np.float32, (21, 3), elements=any_float),
    hnp.arrays(np.float32, (21, 2), elements=any_float),
    st.floats(-1, 1, width=32),
)
def test_whatever_passes_is_finite_in_front_of_the_camera_and_projects_to_its_pixels(
    joints_3d: np.ndarray, joints_2d: np.ndarray, amount: float
) -> None:
    hand = hand_at(320)
    noise = np.float32(amount)
    with np.errstate(all="ignore"):
        metric = replace(metric_of(hand), joints_3d=metric_of(hand).joints_3d + noise * joints_3d)
        noisy = replace(hand, metric=metric, joints_2d=hand.joints_2d + noise * joints_2d)
        checked = check_hands([noisy], SHAPE, CAMERA)
    for kept in checked.hands:
        assert np.isfinite(kept.joints_2d).all()
        if kept.joints_3d is not None:
            assert np.isfinite(kept.joints_3d).all()
            assert (kept.joints_3d[:, 2] > 0).all()
            errors = np.linalg.norm(project(kept.joints_3d, CAMERA) - kept.joints_2d, axis=1)
            size = np.ptp(kept.joints_2d, axis=0).max()
            assert np.sqrt((errors**2).mean()) <= LIMITS.max_reprojection_error * max(size, 1) * 1.001
