"""The closed-form fit of a hand's position to its joints."""

from dataclasses import replace

import numpy as np
import pytest
from fixed_answer_graph import HANDEDNESS_SLOPE, INPUT_SIZE, two_hands
from scipy.optimize import least_squares

from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.camera_geometry import back_project, pixels_per_metre, project, ray_rotation, to_ray_frame
from handos_model.inference.engine import EngineOutput
from handos_model.inference.input_size import InputSize
from handos_model.inference.postprocessing import HandReader
from handos_model.inference.preprocessing import Letterbox
from handos_model.inference.translation_fit import fit_root_position
from handos_model.io.frame import CameraIntrinsics

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


def test_true_joints_give_the_true_position(joints: np.ndarray) -> None:
    pixels = project(joints, CAMERA)
    fitted = fit_root_position(pixels, np.ones((2, 21)), to_ray_frame(joints, ROOTS), pixels[:, ROOT_JOINT], CAMERA)
    np.testing.assert_allclose(fitted, ROOTS, atol=1e-9)


def test_uncertain_joints_count_less(joints: np.ndarray) -> None:
    pixels = project(joints, CAMERA)
    wrong = pixels.copy()
    wrong[:, 4:9] += 15
    spread = np.ones((2, 21))
    relative = to_ray_frame(joints, ROOTS)

    def error(spread: np.ndarray) -> float:
        return float(np.abs(fit_root_position(wrong, spread, relative, pixels[:, ROOT_JOINT], CAMERA) - ROOTS).max())

    trusting = error(spread)
    spread[:, 4:9] = 100
    assert error(spread) < 1e-4 < trusting


def test_fit_is_near_the_least_reprojection_error(joints: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    relative, pixels = to_ray_frame(joints, ROOTS), project(joints, CAMERA)
    seen = pixels + rng.normal(0, 0.7, pixels.shape)
    spread = rng.uniform(0.5, 3, (2, 21))
    fitted = fit_root_position(seen, spread, relative, pixels[:, ROOT_JOINT], CAMERA)
    for hand in range(2):
        turned = relative[hand] @ ray_rotation(back_project(pixels[hand, ROOT_JOINT], CAMERA)).T

        def residuals(root: np.ndarray, hand: int = hand, turned: np.ndarray = turned) -> np.ndarray:
            return ((project(turned + root, CAMERA) - seen[hand]) / spread[hand, :, None]).ravel()

        best = least_squares(residuals, ROOTS[hand]).x
        np.testing.assert_allclose(fitted[hand], best, atol=0.01 * ROOTS[hand, 2])


def test_reader_takes_the_fit_where_asked(joints: np.ndarray) -> None:
    """The camera head says twice the true scale; the joints know better."""
    letterbox = Letterbox.of_image(INPUT_SIZE, INPUT_SIZE, InputSize(INPUT_SIZE, INPUT_SIZE))
    pixels = project(joints, CAMERA)
    scale = 2 * pixels_per_metre(ROOTS, CAMERA)
    answer = {name: values[:2] for name, values in two_hands(TOPOLOGY).items()}
    output = replace(
        EngineOutput(**answer),
        joints_2d=pixels.astype(np.float32),
        joints_3d=to_ray_frame(joints, ROOTS).astype(np.float32),
        camera=np.column_stack([pixels[:, ROOT_JOINT], scale]).astype(np.float32),
    )
    reader = HandReader(TOPOLOGY, HANDEDNESS_SLOPE, score_threshold=0.5)
    by_head = reader(output, letterbox, CAMERA)
    by_fit = replace(reader, fits_translation=True)(output, letterbox, CAMERA)
    for hand in range(2):
        assert by_head[hand].joints_3d is not None
        assert by_fit[hand].joints_3d is not None
        np.testing.assert_allclose(by_head[hand].joints_3d[ROOT_JOINT], ROOTS[hand] / 2, atol=1e-4)
        np.testing.assert_allclose(by_fit[hand].joints_3d, joints[hand], atol=1e-4)
        sigma = np.sqrt(2) * output.joint_spread[hand] * 2 / scale[hand]
        np.testing.assert_allclose(by_fit[hand].joint_sigma, sigma, rtol=1e-3)
