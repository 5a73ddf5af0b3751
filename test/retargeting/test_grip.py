"""Grip signals: aperture, closing, gripping with hysteresis, pinch."""

import numpy as np
import pytest

from handos_model.hand.skeleton import FINGERTIPS
from handos_model.retargeting.grip import (
    DEFAULT_GRIP,
    FINGERS,
    GripCalibration,
    GripSettings,
    GripTracker,
    aperture,
    calibrated_grip,
    learned_grip,
)

AT_ONCE = GripSettings(calibration=GripCalibration(0.1, 0.0), settle_time=0.0)
SETTLING = GripSettings(calibration=GripCalibration(0.1, 0.0), settle_time=0.1)


def hand(index: float, middle: float = 0.1, ring: float = 0.1, pinky: float = 0.1) -> np.ndarray:
    """(21, 3) joints with the fingertips at these distances from the tip of the thumb, in metres."""
    joints = np.random.default_rng(0).normal(0, 0.05, (21, 3))
    for tip, distance in zip(FINGERTIPS[1:], (index, middle, ring, pinky), strict=True):
        joints[tip] = joints[FINGERTIPS[0]] + (0.0, 0.6 * distance, 0.8 * distance)
    return joints


def test_aperture_is_the_distance_of_the_tips_of_thumb_and_index_finger() -> None:
    assert aperture(hand(0.07)) == pytest.approx(0.07)


def test_the_uncertainty_of_both_tips_adds_up_in_the_aperture() -> None:
    sigma = np.full(21, 0.001, np.float32)
    sigma[4], sigma[8] = 0.003, 0.004
    assert GripTracker().update(0.0, hand(0.05), sigma).aperture_sigma == pytest.approx(0.005)
    assert GripTracker().update(0.0, hand(0.05)).aperture_sigma is None


@pytest.mark.parametrize(("metres", "closing"), [(0.3, 0.0), (0.1, 0.0), (0.025, 0.75), (0.0, 1.0)])
def test_closing_runs_from_open_to_closed(metres: float, closing: float) -> None:
    assert GripTracker(AT_ONCE).update(0.0, hand(metres)).closing == pytest.approx(closing)


def test_gripping_has_hysteresis() -> None:
    grip = GripTracker(AT_ONCE)
    apertures = [0.1, 0.03, 0.02, 0.05, 0.06, 0.04, 0.02]  # grips at 0.025 and below, until beyond 0.055
    gripping = [grip.update(0.1 * k, hand(metres)).gripping for k, metres in enumerate(apertures)]
    assert gripping == [False, False, True, True, False, False, True]


def test_a_single_bad_image_changes_nothing() -> None:
    grip = GripTracker(SETTLING)
    apertures = [0.01, 0.01, 0.1, 0.01, 0.01]
    assert all(grip.update(0.033 * k, hand(metres)).gripping for k, metres in enumerate(apertures))


def test_a_change_that_lasts_is_reported_after_the_settle_time() -> None:
    grip = GripTracker(SETTLING)
    stamps = np.arange(0, 0.4, 0.04)
    gripping = [grip.update(stamp, hand(0.1 if stamp < 0.1 else 0.0)).gripping for stamp in stamps]
    first = float(stamps[gripping.index(True)])
    assert first == pytest.approx(0.12 + 0.12)  # first closed image, and the first at least 0.1 s later


def test_the_settle_time_is_seconds_not_images() -> None:
    for rate in (15, 60, 240):
        grip, stamp = GripTracker(SETTLING), 0.0
        grip.update(stamp, hand(0.1))
        while not grip.update(stamp, hand(0.0)).gripping:
            stamp += 1 / rate
        assert 0.1 <= stamp <= 0.1 + 1.01 / rate


@pytest.mark.parametrize("gap", [10.0, -1.0], ids=["long gap", "clock set back"])
def test_after_a_gap_nothing_of_the_past_counts(gap: float) -> None:
    grip = GripTracker(SETTLING)
    assert grip.update(5.0, hand(0.0)).gripping
    assert not grip.update(5.0 + gap, hand(0.05)).gripping  # between release and grip: open, unless it gripped before


def test_reset_forgets_the_grip() -> None:
    grip = GripTracker(SETTLING)
    assert grip.update(0.0, hand(0.0)).gripping
    grip.reset()
    assert not grip.update(0.01, hand(0.05)).gripping


@pytest.mark.parametrize("finger", FINGERS)
def test_the_pinching_finger_is_named(finger: str) -> None:
    distances = {name: 0.01 if name == finger else 0.08 for name in FINGERS}
    grip = GripTracker(AT_ONCE).update(0.0, hand(**distances))
    assert grip.pinch == finger
    assert grip.pinch_distance == pytest.approx(0.01)


def test_an_open_hand_pinches_with_no_finger() -> None:
    assert GripTracker(AT_ONCE).update(0.0, hand(0.09)).pinch is None


def test_a_pinch_is_held_until_the_finger_is_away() -> None:
    grip = GripTracker(AT_ONCE)
    pinches = [grip.update(0.1 * k, hand(metres)).pinch for k, metres in enumerate((0.03, 0.02, 0.035, 0.045, 0.035))]
    assert pinches == [None, "index", "index", None, None]


def test_a_pinch_stays_with_its_finger_while_another_comes_nearer() -> None:
    grip = GripTracker(AT_ONCE)
    assert grip.update(0.0, hand(0.01, middle=0.08)).pinch == "index"
    assert grip.update(0.1, hand(0.02, middle=0.01)).pinch == "index"
    assert grip.update(0.2, hand(0.03, middle=0.01)).pinch == "middle"


def test_calibration_takes_the_medians() -> None:
    calibration = calibrated_grip([0.1, 0.11, 0.12, 0.11, 0.5], [0.02, 0.02, 0.03, 0.02, 0.0])
    assert calibration == GripCalibration(0.11, 0.02)


@pytest.mark.parametrize(
    ("open_apertures", "closed_apertures", "expected"),
    [
        ([0.1] * 4, [0.02] * 5, "4 apertures of the open hand"),
        ([0.1] * 5, [0.02] * 4 + [float("nan")], "closed hand"),
        ([0.05] * 5, [0.04] * 5, "0.050 m.*0.040 m"),
        ([0.02] * 5, [0.1] * 5, "open must exceed closed"),
    ],
)
def test_a_calibration_that_says_nothing_is_refused(
    open_apertures: list[float], closed_apertures: list[float], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        calibrated_grip(open_apertures, closed_apertures)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"grip_at": 0.4}, "release_at"),
        ({"grip_at": 1.5}, "grip_at"),
        ({"pinch_at": 0.05}, "pinch_release_at"),
        ({"settle_time": -1.0}, "settle_time"),
        ({"forget_after": float("nan")}, "forget_after"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, float], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        GripSettings(**wrong)


def test_fingertips_that_are_not_finite_are_refused_and_change_nothing() -> None:
    grip, broken = GripTracker(SETTLING), hand(0.1)
    broken[8, 0] = np.inf
    assert grip.update(0.0, hand(0.0)).gripping
    with pytest.raises(ValueError, match="not finite"):
        grip.update(0.05, broken)
    assert grip.update(0.06, hand(0.05)).gripping


def test_a_stamp_that_is_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="stamp is nan"):
        GripTracker().update(float("nan"), hand(0.1))


def test_default_grip_is_that_of_the_settings() -> None:
    assert GripSettings().calibration == DEFAULT_GRIP


def test_open_and_closed_are_learned_from_a_hand_that_opens_and_pinches() -> None:
    rng = np.random.default_rng(3)
    motion = 0.065 + 0.045 * np.sin(np.linspace(0, 8 * np.pi, 150)) + rng.normal(0, 0.002, 150)
    motion[40] = 0.3  # one bad image
    grip = learned_grip(motion.tolist())
    assert grip.open_aperture == pytest.approx(0.105, abs=0.006)
    assert grip.closed_aperture == pytest.approx(0.025, abs=0.006)


@pytest.mark.parametrize("apertures", [[], [0.1, 0.02], [0.06] * 100, [0.06, 0.061] * 50, [0.1, 0.02] * 20 + [np.nan]])
def test_a_hand_that_hardly_moves_or_was_hardly_seen_calibrates_nothing(apertures: list[float]) -> None:
    with pytest.raises(ValueError, match="calibrat"):
        learned_grip(apertures)
