"""Metres behind real lenses, against OpenCV's projections."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.camera_geometry import project, root_position, to_camera_frame, to_ray_frame
from handos_model.inference.depth_correction import placed_by_depth
from handos_model.inference.lens_distortion import LensDistortion, straightened
from handos_model.io.frame import CameraIntrinsics
from handos_model.io.mesh_drawing import NEAREST

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(420.0, 425.0, 322.0, 238.0)
MATRIX = np.array([[420.0, 0, 322], [0, 425, 238], [0, 0, 1]])
LENSES = [
    LensDistortion("radial_tangential", (-0.28, 0.07, 0.0011, -0.0006, 0.0)),
    LensDistortion("radial_tangential", (0.9, 0.4, 0.0, 0.0, 0.02, 1.25, 0.6, 0.09)),
    LensDistortion("fisheye", (-0.01, 0.03, -0.02, 0.004)),
]


def hand_from(vertices: np.ndarray) -> Hand:
    joints = TOPOLOGY.joint_regressor @ vertices
    pixels = project(joints, CAMERA).astype(np.float32)
    return Hand(
        score=0.9,
        box=np.concatenate([pixels.min(0), pixels.max(0)]),
        handedness="right",
        handedness_score=0.9,
        joints_2d=pixels,
        joint_scores=np.ones(21, np.float32),
        joints_3d=joints.astype(np.float32),
        joint_sigma=np.full(21, 0.004, np.float32),
        vertices=vertices.astype(np.float32),
    )


def centred_vertices() -> np.ndarray:
    return TOPOLOGY.mean_vertices - (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices)[ROOT_JOINT]


def seen_by(lens: LensDistortion, points: np.ndarray) -> np.ndarray:
    project_points = cv2.fisheye.projectPoints if lens.model == "fisheye" else cv2.projectPoints
    shaped = points.astype(np.float64).reshape(-1, 1, 3)
    return project_points(shaped, np.zeros(3), np.zeros(3), MATRIX, np.array(lens.coefficients))[0].reshape(-1, 2)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("root", [(0.0, 0.0, 0.5), (0.2, -0.1, 0.5), (-0.32, 0.15, 0.6)])
def test_a_hand_is_placed_where_the_lens_saw_it(lens: LensDistortion, root: tuple[float, float, float]) -> None:
    true_root = np.array(root)
    # What a perfect network reads from the distorted picture: the root's pixel and the pixels per metre around it.
    step = 1e-4
    around = true_root + step * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    pixels = seen_by(lens, around)
    per_metre = np.stack([pixels[1] - pixels[2], pixels[3] - pixels[4]]) / (2 * step)
    pinhole_root = root_position(pixels[0], np.sqrt(abs(np.linalg.det(per_metre))), CAMERA)
    shape = to_ray_frame(centred_vertices() + true_root, true_root)
    as_pinhole = hand_from(to_camera_frame(shape, pinhole_root))

    (hand,) = straightened([as_pinhole], CAMERA, lens)
    assert hand.vertices is not None
    np.testing.assert_allclose(hand.vertices, centred_vertices() + true_root, atol=2e-3)
    np.testing.assert_array_equal(hand.joints_2d, as_pinhole.joints_2d)


def test_no_lens_distortion_changes_nothing() -> None:
    hand = hand_from(centred_vertices() + np.array([0.1, 0.05, 0.6]))
    (same,) = straightened([hand], CAMERA, LensDistortion("radial_tangential", (0.0,) * 5))
    assert hand.vertices is not None
    assert same.vertices is not None
    np.testing.assert_allclose(same.vertices, hand.vertices, atol=1e-5)


def test_hands_without_metres_stay_without() -> None:
    hand = replace(
        hand_from(centred_vertices() + np.array([0, 0, 0.5])), joints_3d=None, vertices=None, joint_sigma=None
    )
    assert straightened([hand], CAMERA, LENSES[0]) == (hand,)


@pytest.mark.parametrize("coefficients", [(0.1,), (0.1, float("nan"), 0.0, 0.0)])
def test_unusable_coefficients_are_refused(coefficients: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="calibrate the camera again"):
        LensDistortion("fisheye", coefficients)


def depth_image_of(vertices: np.ndarray, background: float) -> np.ndarray:
    """Depth of the mesh, painted far faces first, before a wall."""
    depth = np.full((480, 640), background, np.float32)
    corners = vertices[TOPOLOGY.faces_right]
    assert (corners[..., 2] > NEAREST).all()
    for triangle in corners[np.argsort(-corners[..., 2].mean(axis=1))]:
        pixels = np.round(project(triangle, CAMERA)).astype(np.int32)
        cv2.fillConvexPoly(depth, pixels, float(triangle[:, 2].mean()))
    return depth


@pytest.mark.parametrize("error", [-0.08, 0.0, 0.15])
def test_depth_moves_a_hand_to_its_measured_distance_along_its_line_of_sight(error: float) -> None:
    true_root = np.array([0.05, -0.03, 0.6])
    depth = depth_image_of(centred_vertices() + true_root, background=1.5)
    estimated_root = true_root * (1 + error / true_root[2])
    (hand,) = placed_by_depth([hand_from(centred_vertices() + estimated_root)], depth, TOPOLOGY, CAMERA)
    assert hand.joints_3d is not None
    np.testing.assert_allclose(hand.joints_3d[ROOT_JOINT], true_root, atol=0.005)
    assert hand.depth_residual == pytest.approx(-error, abs=0.005)


@pytest.mark.parametrize("nothing", [0.0, float("nan")])
def test_without_measured_depth_a_hand_stays_where_it_is(nothing: float) -> None:
    hand = hand_from(centred_vertices() + np.array([0, 0, 0.5]))
    (same,) = placed_by_depth([hand], np.full((480, 640), nothing, np.float32), TOPOLOGY, CAMERA)
    assert same is hand
