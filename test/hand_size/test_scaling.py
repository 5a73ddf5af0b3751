"""Scaling hands about the camera's centre."""

from dataclasses import replace

import numpy as np
import pytest
from hands import CAMERA, hand_at

from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import project
from handos_model.hand_size.palm import palm_length
from handos_model.hand_size.scaling import scale_hands

SCALE = 1.17


def test_size_distance_and_sigma_grow_by_the_same_factor() -> None:
    hand = hand_at(500, 100)
    (scaled,) = scale_hands([hand], SCALE)
    assert hand.metric is not None
    assert scaled.metric is not None
    assert palm_length(scaled.metric.joints_3d) == pytest.approx(SCALE * palm_length(hand.metric.joints_3d))
    distance = np.linalg.norm(hand.metric.joints_3d, axis=1)
    assert np.linalg.norm(scaled.metric.joints_3d, axis=1) == pytest.approx(SCALE * distance)
    assert scaled.metric.joint_sigma == pytest.approx(SCALE * hand.metric.joint_sigma)
    assert scaled.metric.joint_sigma.dtype == scaled.metric.vertices.dtype == np.float32


@pytest.mark.parametrize("scale", [0.5, 0.93, 1.0, 1.07, 1.6])
def test_joints_and_mesh_keep_projecting_onto_the_same_pixels(scale: float) -> None:
    hand = hand_at(600, 30)
    (scaled,) = scale_hands([hand], scale)
    assert hand.metric is not None
    assert scaled.metric is not None
    lens = LensDistortion("plumb_bob", (-0.2, 0.05, 0.001, -0.002, 0.0))
    for before, after in (
        (hand.metric.joints_3d, scaled.metric.joints_3d),
        (hand.metric.vertices, scaled.metric.vertices),
    ):
        assert project(after, CAMERA) == pytest.approx(project(before, CAMERA), abs=1e-3)
        assert lens.project(after, CAMERA) == pytest.approx(lens.project(before, CAMERA), abs=1e-3)


def test_pixels_and_hands_without_metres_stay_as_they_are() -> None:
    first, second = hand_at(200), replace(hand_at(400), metric=None)
    scaled = scale_hands([first, second], SCALE)
    assert scaled[1] is second
    assert scaled[0].joints_2d is first.joints_2d
    assert scaled[0].box is first.box
