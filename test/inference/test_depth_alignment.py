"""Hands are moved to the distance measured by a depth image."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hands import TOPOLOGY, centred_vertices, right_hand_from

from handos_model.geometry.depth_residual import DepthRange
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import project
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.visualization.triangle_painting import MIN_DEPTH

CAMERA = CameraIntrinsics(420.0, 425.0, 322.0, 238.0)


def render_depth(vertices: np.ndarray, background: float) -> np.ndarray:
    """Depth of the mesh in front of a wall, drawn with the painter's algorithm."""
    depth = np.full((480, 640), background, np.float32)
    corners = vertices[TOPOLOGY.faces_right]
    assert (corners[..., 2] > MIN_DEPTH).all()
    for triangle in corners[np.argsort(-corners[..., 2].mean(axis=1))]:
        pixels = np.round(project(triangle, CAMERA)).astype(np.int32)
        cv2.fillConvexPoly(depth, pixels, float(triangle[:, 2].mean()))
    return depth


@pytest.mark.parametrize("error", [-0.08, 0.0, 0.15])
def test_depth_moves_a_hand_to_its_measured_distance_along_its_line_of_sight(error: float) -> None:
    true_root = np.array([0.05, -0.03, 0.6])
    depth = render_depth(centred_vertices() + true_root, background=1.5)
    estimated_root = true_root * (1 + error / true_root[2])
    (hand,) = align_to_depth([right_hand_from(centred_vertices() + estimated_root, CAMERA)], depth, TOPOLOGY, CAMERA)
    assert hand.metric is not None
    np.testing.assert_allclose(hand.metric.joints_3d[ROOT_JOINT], true_root, atol=0.005)
    assert hand.metric.depth_residual == pytest.approx(-error, abs=0.005)


@pytest.mark.parametrize("invalid", [0.0, float("nan"), float("inf"), 1e-6, 65.535, 3e38])
def test_without_measured_depth_a_hand_is_not_moved(invalid: float) -> None:
    hand = right_hand_from(centred_vertices() + np.array([0, 0, 0.5]), CAMERA)
    (same,) = align_to_depth([hand], np.full((480, 640), invalid, np.float32), TOPOLOGY, CAMERA)
    assert same is hand


def test_a_hand_is_not_moved_behind_the_camera() -> None:
    hand = right_hand_from(centred_vertices() + np.array([0, 0, 0.5]), CAMERA)
    assert hand.metric is not None
    nearer_root = replace(hand.metric, joints_3d=hand.metric.joints_3d - np.array([0, 0, 0.46], np.float32))
    hand = replace(hand, metric=nearer_root)
    (same,) = align_to_depth([hand], np.full((480, 640), 0.06, np.float32), TOPOLOGY, CAMERA)
    assert same is hand


def test_parts_that_the_lens_does_not_see_measure_nothing() -> None:
    lens = LensDistortion("radial_tangential", (-0.3, 0, 0, 0))
    hand = right_hand_from(centred_vertices() + np.array([0.9, 0, 0.5]), CAMERA)
    (same,) = align_to_depth([hand], np.full((480, 640), 0.4, np.float32), TOPOLOGY, CAMERA, lens)
    assert same is hand


def test_the_range_of_depths_can_be_changed() -> None:
    hand = right_hand_from(centred_vertices() + np.array([0, 0, 0.5]), CAMERA)
    depth = np.full((480, 640), 0.4, np.float32)
    (moved,) = align_to_depth([hand], depth, TOPOLOGY, CAMERA)
    (same,) = align_to_depth([hand], depth, TOPOLOGY, CAMERA, depth_range=DepthRange(0.6, 2.0))
    assert moved is not hand
    assert same is hand
