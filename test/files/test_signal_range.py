"""Short samples in long containers become images of full brightness, whose gain does not flicker."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handos_model.files.signal_range import SIGNAL_BITS, SignalRange

FULL = np.linspace(0, 255, 256).astype(np.uint16).reshape(16, 16)


@pytest.mark.parametrize("bits", SIGNAL_BITS)
def test_the_bits_of_a_signal_at_the_lower_end_are_found(bits: int) -> None:
    samples = SignalRange()
    np.testing.assert_array_equal(samples.to_eight_bits(FULL << (bits - 8)), FULL)
    assert samples.bits == bits


def test_a_signal_at_the_upper_end_has_sixteen_bits() -> None:
    twelve_bits = np.arange(4096, dtype=np.uint16)
    np.testing.assert_array_equal(SignalRange().to_eight_bits(twelve_bits << 4), twelve_bits >> 4)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20))
def test_bits_only_rise_so_dark_images_do_not_flicker(brightest: list[int]) -> None:
    samples, seen = SignalRange(), []
    for value in brightest:
        samples.to_eight_bits(np.array([[0, value]], np.uint16))
        seen.append(samples.bits)
    assert seen == sorted(seen)
    assert seen[-1] == min(bits for bits in SIGNAL_BITS if max(brightest) < 2**bits)


def test_dark_images_after_bright_ones_stay_dark() -> None:
    samples = SignalRange()
    samples.to_eight_bits(FULL << 4)
    np.testing.assert_array_equal(samples.to_eight_bits(FULL), FULL >> 4)


def test_known_bits_are_kept_and_what_exceeds_them_is_white() -> None:
    samples = SignalRange(12)
    np.testing.assert_array_equal(
        samples.to_eight_bits(np.array([[0, 255, 4095, 5000, 65535]], np.uint16)), [[0, 15, 255, 255, 255]]
    )
    assert samples.bits == 12
