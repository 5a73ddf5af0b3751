"""Compares the hands of two backends. Hands are matched first, because near-ties may swap their slots."""

import numpy as np

from handos_model.hand.hand import Hand


def assert_same_hands(
    hands: tuple[Hand, ...], reference: tuple[Hand, ...], pixels: float = 0.5, metres: float = 1e-3
) -> None:
    """Assert equal numbers of hands, boxes and 2D joints within `pixels`, 3D joints and vertices within `metres`."""
    assert len(hands) == len(reference)
    for expected in reference:
        hand = min(hands, key=lambda candidate: float(np.abs(candidate.box - expected.box).sum()))
        np.testing.assert_allclose(hand.box, expected.box, atol=pixels)
        np.testing.assert_allclose(hand.joints_2d, expected.joints_2d, atol=pixels)
        assert hand.handedness == expected.handedness
        for points, expected_points in ((hand.joints_3d, expected.joints_3d), (hand.vertices, expected.vertices)):
            assert points is not None
            assert expected_points is not None
            np.testing.assert_allclose(points, expected_points, atol=metres)
