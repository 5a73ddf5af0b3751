"""The closed-form fit of a hand's position to its joints."""

from dataclasses import replace

import numpy as np
import pytest
from fixed_answer_graph import HANDEDNESS_SLOPE, INPUT_SIZE, two_hands
from scipy.optimize import least_squares

from handos_model.architecture.contract import NetworkOutput
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project, pixels_per_metre, project, ray_rotation, to_ray_frame
from handos_model.geometry.translation_fit import fit_root_position
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.postprocessing import Postprocessor
from handos_model.inference.preprocessing import Letterbox

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(310, 300, 150, 165)
ROOTS = np.array([[0.1, -0.05, 0.5], [-0.2, 0.1, 0.9]])


@pytest.fixture
def joints() -> np.ndarray:
    """(2, 21, 3) two hands in the optical frame, one tilted."""
    rest = TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices
    relative = rest - rest[ROOT_JOINT]
    tilt = ray_rotation([0.5, 0.3, 0.8])
    return np.stack([relative * [1, -1, -1], relative @ tilt.T]) + ROOTS[:, None]


def test_the_fit_to_true_joints_is_the_true_position(joints: np.ndarray) -> None:
    pixels = project(joints, CAMERA)
    fitted = fit_root_position(pixels, np.ones((2, 21)), to_ray_frame(joints, ROOTS), pixels[:, ROOT_JOINT], CAMERA)
    np.testing.assert_allclose(fitted, ROOTS, atol=1e-9)


def test_uncertain_joints_have_less_weight(joints: np.ndarray) -> None:
    pixels = project(joints, CAMERA)
    wrong = pixels.copy()
    wrong[:, 4:9] += 15
    spread = np.ones((2, 21))
    relative = to_ray_frame(joints, ROOTS)

    def error(spread: np.ndarray) -> float:
        return float(np.abs(fit_root_position(wrong, spread, relative, pixels[:, ROOT_JOINT], CAMERA) - ROOTS).max())

    error_with_equal_weights = error(spread)
    spread[:, 4:9] = 100
    assert error(spread) < 1e-4 < error_with_equal_weights


def test_the_fit_is_near_the_minimum_reprojection_error(joints: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    relative, pixels = to_ray_frame(joints, ROOTS), project(joints, CAMERA)
    noisy = pixels + rng.normal(0, 0.7, pixels.shape)
    spread = rng.uniform(0.5, 3, (2, 21))
    fitted = fit_root_position(noisy, spread, relative, pixels[:, ROOT_JOINT], CAMERA)
    for hand in range(2):
        rotated = relative[hand] @ ray_rotation(back_project(pixels[hand, ROOT_JOINT], CAMERA)).T

        def residuals(root: np.ndarray, hand: int = hand, rotated: np.ndarray = rotated) -> np.ndarray:
            return ((project(rotated + root, CAMERA) - noisy[hand]) / spread[hand, :, None]).ravel()

        best = least_squares(residuals, ROOTS[hand]).x
        np.testing.assert_allclose(fitted[hand], best, atol=0.01 * ROOTS[hand, 2])


def test_the_postprocessor_uses_the_fit_on_request(joints: np.ndarray) -> None:
    """The scale of the camera head is twice the true one, the joints are right."""
    letterbox = Letterbox.of_image(INPUT_SIZE, INPUT_SIZE, InputSize(INPUT_SIZE, INPUT_SIZE))
    pixels = project(joints, CAMERA)
    scale = 2 * pixels_per_metre(ROOTS, CAMERA)
    outputs = {name: values[:2] for name, values in two_hands(TOPOLOGY).items()}
    output = replace(
        NetworkOutput(**outputs),
        joints_2d=pixels.astype(np.float32),
        joints_3d=to_ray_frame(joints, ROOTS).astype(np.float32),
        camera=np.column_stack([pixels[:, ROOT_JOINT], scale]).astype(np.float32),
    )
    postprocess = Postprocessor(TOPOLOGY, HANDEDNESS_SLOPE, score_threshold=0.5)
    by_head = postprocess(output, letterbox, CAMERA)
    by_fit = replace(postprocess, fit_translation=True)(output, letterbox, CAMERA)
    for hand in range(2):
        head, fit = by_head[hand].metric, by_fit[hand].metric
        assert head is not None
        assert fit is not None
        np.testing.assert_allclose(head.joints_3d[ROOT_JOINT], ROOTS[hand] / 2, atol=1e-4)
        np.testing.assert_allclose(fit.joints_3d, joints[hand], atol=1e-4)
        sigma = np.sqrt(2) * output.joint_spread[hand] * 2 / scale[hand]
        np.testing.assert_allclose(fit.joint_sigma, sigma, rtol=1e-3)
