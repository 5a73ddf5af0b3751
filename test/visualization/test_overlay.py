"""Overlays: drawings lie where the hand is, in the side's colour, and leave the given image unchanged."""

from dataclasses import replace

import numpy as np
import pytest

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand, MetricHand
from handos_model.hand.topology import HandTopology
from handos_model.visualization.mesh_drawing import draw_meshes
from handos_model.visualization.overlay import draw_hands, draw_result

CAMERA = CameraIntrinsics.from_field_of_view(640, 480, degrees=60)
FINGERS_UP = np.array([1.0, -1.0, -1.0])
"""Rotates the rest hand by 180 degrees about x: fingers up in the image, palm towards the camera."""


@pytest.fixture(scope="module")
def topology() -> HandTopology:
    return HandTopology.load()


@pytest.fixture
def image() -> np.ndarray:
    return np.full((480, 640, 3), 128, dtype=np.uint8)


def hand_at(topology: HandTopology, position: tuple[float, float, float], side: str = "right") -> Hand:
    mirror = [-1.0, 1.0, 1.0] if side == "left" else [1.0, 1.0, 1.0]
    vertices = (topology.mean_vertices * mirror * FINGERS_UP + position).astype(np.float32)
    joints = topology.joint_regressor @ vertices
    outline = project(vertices, CAMERA)
    return Hand(
        score=0.9,
        box=np.concatenate([outline.min(axis=0), outline.max(axis=0)]).astype(np.float32),
        handedness=side,
        handedness_score=0.95,
        joints_2d=project(joints, CAMERA).astype(np.float32),
        joint_scores=np.ones(21, dtype=np.float32),
        metric=MetricHand(joints, np.full(21, 0.01, dtype=np.float32), vertices),
    )


def changed_pixels(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.argwhere((before != after).any(axis=2))[:, ::-1]


def test_drawing_does_not_change_the_given_image(topology: HandTopology, image: np.ndarray) -> None:
    draw_hands(image, [hand_at(topology, (0, 0.1, 0.5))], topology, CAMERA)
    assert (image == 128).all()


def test_the_mesh_fills_the_hand_and_nothing_else(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    changed = changed_pixels(image, draw_meshes(image, [hand], topology, CAMERA))
    assert np.abs(changed.min(axis=0) - hand.box[:2]).max() <= 1.5
    assert np.abs(changed.max(axis=0) - hand.box[2:]).max() <= 1.5
    palm = np.round(hand.joints_2d[[0, 5, 17]].mean(axis=0)).astype(int)
    assert (changed == palm).all(axis=1).any()


def test_left_hands_are_bluish_and_right_hands_orange(topology: HandTopology, image: np.ndarray) -> None:
    right, left = hand_at(topology, (0.15, 0.1, 0.5)), hand_at(topology, (-0.15, 0.1, 0.5), "left")
    drawn = draw_meshes(image, [right, left], topology, CAMERA).astype(int)
    for hand, blue_over_red in ((right, -1), (left, 1)):
        x, y = np.round(hand.joints_2d[[0, 5, 17]].mean(axis=0)).astype(int)
        assert np.sign(drawn[y, x, 0] - drawn[y, x, 2]) == blue_over_red


def test_the_nearer_hand_covers_the_farther_one_in_any_order(topology: HandTopology, image: np.ndarray) -> None:
    near, far = hand_at(topology, (0, 0.1, 0.4)), hand_at(topology, (0, 0.1, 0.8), "left")
    drawn = draw_meshes(image, [near, far], topology, CAMERA)
    assert np.array_equal(drawn, draw_meshes(image, [far, near], topology, CAMERA))
    x, y = np.round(near.joints_2d[[0, 5, 17]].mean(axis=0)).astype(int)
    assert drawn[y, x, 2] > drawn[y, x, 0]


def test_a_hand_behind_the_camera_or_out_of_view_has_no_visible_mesh(topology: HandTopology, image: np.ndarray) -> None:
    hands = [hand_at(topology, (0, 0.1, -0.5)), hand_at(topology, (5.0, 0.1, 0.5))]
    assert np.array_equal(draw_meshes(image, hands, topology, CAMERA), image)


def test_a_hand_partly_behind_the_camera_is_drawn_without_an_error(topology: HandTopology, image: np.ndarray) -> None:
    assert draw_meshes(image, [hand_at(topology, (0, 0.05, 0.02))], topology, CAMERA).shape == image.shape


def test_joints_are_drawn_at_their_pixels(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    drawn = draw_hands(image, [hand], topology, meshes=False)
    for x, y in np.round(hand.joints_2d).astype(int):
        assert (drawn[y, x] != 128).any()


def test_without_intrinsics_or_metres_no_mesh_is_drawn(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    flat = replace(hand, metric=None)
    expected = draw_hands(image, [hand], topology, meshes=False)
    assert np.array_equal(draw_hands(image, [flat], topology), expected)
    assert np.array_equal(draw_hands(image, [flat], topology, CAMERA), expected)


def test_the_label_contains_the_id(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    without = changed_pixels(image, draw_hands(image, [hand], topology, meshes=False))
    with_id = changed_pixels(image, draw_hands(image, [replace(hand, id=12)], topology, meshes=False))
    assert len(with_id) > len(without)


def test_joints_far_outside_the_image_are_no_error(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    far = replace(hand, joints_2d=hand.joints_2d + 1e9, box=hand.box - 1e9, metric=None)
    assert draw_hands(image, [far], topology, CAMERA).shape == image.shape


def test_a_result_shows_image_skeletons_and_meshes_side_by_side(topology: HandTopology, image: np.ndarray) -> None:
    hands = [hand_at(topology, (0, 0.1, 0.5))]
    wide = draw_result(image, hands, topology, CAMERA)
    left, middle, right = wide[:, :640], wide[:, 646:1286], wide[:, 1292:]
    assert np.array_equal(left, image)
    assert np.array_equal(middle, draw_hands(image, hands, topology, meshes=False))
    assert np.array_equal(right, draw_meshes(image, hands, topology, CAMERA))


def test_vertices_of_another_topology_are_an_error(topology: HandTopology, image: np.ndarray) -> None:
    hand = hand_at(topology, (0, 0.1, 0.5))
    assert hand.metric is not None
    other = replace(hand, metric=replace(hand.metric, vertices=hand.metric.vertices[:700]))
    with pytest.raises(ValueError, match=r"\(700, 3\).*778 vertices"):
        draw_hands(image, [other], topology, CAMERA)
