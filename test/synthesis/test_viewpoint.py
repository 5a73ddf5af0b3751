"""Random cameras and orientations."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")

from handos_model.geometry.projection import project
from handos_model.synthesis.viewpoint import random_hand_rotation, random_viewpoint


def test_hand_fills_the_requested_fraction_of_the_frame() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        view = random_viewpoint(rng, 0.15, 0.4, 256)
        corners = view.centre + np.float32([[-0.075, 0, 0], [0.075, 0, 0]])
        pixels = project(corners, view.camera)
        assert 0.25 * 256 < pixels[1, 0] - pixels[0, 0] < 0.41 * 256
        centre = project(view.centre[None], view.camera)[0]
        assert ((centre > 0) & (centre < 256)).all()


def test_palm_and_back_both_face_the_camera_often() -> None:
    rng = np.random.default_rng(2)
    towards_camera = np.array([-random_hand_rotation(rng)[2, 2] for _ in range(400)])
    assert (towards_camera > 0.5).mean() > 0.2
    assert (towards_camera < -0.5).mean() > 0.2
