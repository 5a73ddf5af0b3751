"""Hands from the network's output: pixels, metres, sides, scores, and errors for invalid numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest
from fixed_answer_graph import HANDEDNESS_SLOPE, INPUT_SIZE, two_hands

from handos_model.architecture.contract import OUTPUT_NAMES, NetworkOutput
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.output_check import NetworkOutputError
from handos_model.inference.postprocessing import Postprocessor
from handos_model.inference.preprocessing import Letterbox

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(600, 600, 320, 240)
LETTERBOX = Letterbox.of_image(640, 480, InputSize(INPUT_SIZE, INPUT_SIZE))
"""Halves the image and adds 40 grey rows above it."""


@pytest.fixture
def output() -> NetworkOutput:
    return NetworkOutput(**two_hands(TOPOLOGY))


def postprocess(
    output: NetworkOutput,
    camera: CameraIntrinsics | None = CAMERA,
    score_threshold: float = 0.5,
    max_hands: int | None = None,
) -> tuple[Hand, ...]:
    return Postprocessor(TOPOLOGY, HANDEDNESS_SLOPE, score_threshold, max_hands)(output, LETTERBOX, camera)


def test_slots_above_the_threshold_become_hands_best_first(output: NetworkOutput) -> None:
    assert [hand.score for hand in postprocess(output)] == pytest.approx([0.9, 0.8])
    assert [hand.score for hand in postprocess(output, score_threshold=0.85)] == pytest.approx([0.9])
    assert len(postprocess(output, max_hands=1)) == 1
    assert postprocess(output, score_threshold=0.95) == ()


def test_slots_out_of_order_are_sorted(output: NetworkOutput) -> None:
    shuffled = NetworkOutput(**{name: values[::-1] for name, values in vars(output).items()})
    assert [hand.score for hand in postprocess(shuffled)] == pytest.approx([0.9, 0.8])


def test_coordinates_are_pixels_of_the_image(output: NetworkOutput) -> None:
    hand = postprocess(output)[0]
    expected = (output.joints_2d[0] + 0.5 - (0, 40)) * 2 - 0.5
    np.testing.assert_allclose(hand.joints_2d, expected, atol=1e-4)
    np.testing.assert_allclose(hand.box, [*expected.min(0), *expected.max(0)], atol=1e-4)


def test_boxes_are_clipped_to_the_image(output: NetworkOutput) -> None:
    boxes = np.tile(np.array([-50, 0, 400, 400], np.float32), (4, 1))
    np.testing.assert_array_equal(postprocess(replace(output, boxes=boxes))[0].box, [0, 0, 639, 479])


def test_the_root_position_follows_from_pixel_scale_and_intrinsics(output: NetworkOutput) -> None:
    u, v, scale = output.camera[0]
    depth = 300 / scale  # the input is half as large as the image, and so is its focal length
    expected = depth * np.array([(u - 159.75) / 300, (v - 159.75) / 300, 1])
    hand = postprocess(output)[0]
    assert hand.joints_3d is not None
    np.testing.assert_allclose(hand.joints_3d[ROOT_JOINT], expected, atol=1e-5)


def test_mesh_and_joints_stay_consistent_and_keep_their_size(output: NetworkOutput) -> None:
    hand = postprocess(output)[0]
    assert hand.vertices is not None
    assert hand.joints_3d is not None
    np.testing.assert_allclose(TOPOLOGY.joint_regressor @ hand.vertices, hand.joints_3d, atol=1e-5)
    spans = np.linalg.norm(hand.joints_3d - hand.joints_3d[0], axis=1)
    np.testing.assert_allclose(spans, np.linalg.norm(output.joints_3d[0] - output.joints_3d[0, 0], axis=1), atol=1e-5)


def test_handedness_follows_from_the_mesh(output: NetworkOutput) -> None:
    hands = postprocess(output)
    assert [hand.handedness for hand in hands] == ["right", "left"]
    assert all(0.5 < hand.handedness_score <= 1 for hand in hands)


def test_joint_scores_are_the_probability_of_a_laplace_error_within_a_tenth_of_the_box(output: NetworkOutput) -> None:
    side = (output.boxes[0, 2:] - output.boxes[0, :2]).max()
    samples = np.random.default_rng(0).laplace(scale=output.joint_spread[0], size=(200_000, 21))
    np.testing.assert_allclose(postprocess(output)[0].joint_scores, (np.abs(samples) < 0.1 * side).mean(0), atol=0.005)


def test_joint_sigma_is_the_standard_deviation_in_metres(output: NetworkOutput) -> None:
    samples = np.random.default_rng(0).laplace(scale=output.joint_spread[0], size=(200_000, 21))
    metric = postprocess(output)[0].metric
    assert metric is not None
    np.testing.assert_allclose(metric.joint_sigma, samples.std(0) / output.camera[0, 2], rtol=0.02)


def test_without_a_camera_there_are_no_metres(output: NetworkOutput) -> None:
    hand = postprocess(output, camera=None)[0]
    assert hand.metric is None
    assert hand.joints_3d is None
    assert hand.vertices is None
    assert hand.handedness == "right"


@pytest.mark.parametrize("name", OUTPUT_NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(output: NetworkOutput, name: str, value: float) -> None:
    getattr(output, name).flat[0] = value
    with pytest.raises(NetworkOutputError, match=rf"{name} are not finite"):
        postprocess(output)


def test_unused_slots_are_not_checked(output: NetworkOutput) -> None:
    output.vertices[3] = np.nan
    assert len(postprocess(output)) == 2


def test_scales_that_are_not_positive_are_refused(output: NetworkOutput) -> None:
    output.camera[1, 2] = -3
    with pytest.raises(NetworkOutputError, match=r"pixels_per_metre .*-3"):
        postprocess(output)


@pytest.mark.parametrize("name", OUTPUT_NAMES)
def test_outputs_of_another_shape_are_refused(output: NetworkOutput, name: str) -> None:
    values = getattr(output, name)
    with pytest.raises(NetworkOutputError, match=rf"{name} .*{re.escape(str(values[..., None].shape))}"):
        postprocess(replace(output, **{name: values[..., None]}))


@pytest.mark.parametrize("name", [name for name in OUTPUT_NAMES if name != "scores"])
def test_outputs_of_another_number_of_slots_are_refused(output: NetworkOutput, name: str) -> None:
    with pytest.raises(NetworkOutputError, match=rf"{name} .*\(3"):
        postprocess(replace(output, **{name: getattr(output, name)[:3]}))


@pytest.mark.parametrize("name", ["joints_2d", "joint_spread", "joints_3d", "vertices"])
def test_a_joint_or_vertex_too_few_is_refused(output: NetworkOutput, name: str) -> None:
    values = getattr(output, name)[:, 1:]
    with pytest.raises(NetworkOutputError, match=rf"{name} .*{re.escape(str(values.shape))}"):
        postprocess(replace(output, **{name: values}))


def test_outputs_that_are_not_floating_point_numbers_are_refused(output: NetworkOutput) -> None:
    with pytest.raises(NetworkOutputError, match="boxes are int64"):
        postprocess(replace(output, boxes=output.boxes.astype(np.int64)))


@pytest.mark.parametrize("score", [5, 1.001, -0.001])
@pytest.mark.parametrize("slot", [0, 3])
def test_scores_outside_0_to_1_are_refused_in_any_slot(output: NetworkOutput, score: float, slot: int) -> None:
    output.scores[slot] = score
    with pytest.raises(NetworkOutputError, match=rf"scores must lie in 0\.\.1.*{score}"):
        postprocess(output)


def test_the_backend_is_named(output: NetworkOutput) -> None:
    output.joints_3d[0, 0] = np.nan
    postprocessor = Postprocessor(TOPOLOGY, HANDEDNESS_SLOPE, 0.5, backend="torch 2.9, CPU")
    with pytest.raises(NetworkOutputError, match=r"joints_3d .*torch 2\.9, CPU"):
        postprocessor(output, LETTERBOX, None)


def test_a_network_without_slots_finds_no_hands(output: NetworkOutput) -> None:
    assert postprocess(NetworkOutput(**{name: values[:0] for name, values in vars(output).items()})) == ()
