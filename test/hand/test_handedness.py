"""Handedness from the signed volume of the mesh."""

import numpy as np
import pytest

from handos_model.hand.handedness import handedness_from_mesh, signed_volume
from handos_model.hand.topology import HandTopology

MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def topology() -> HandTopology:
    return HandTopology.load()


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def volume_by_divergence_with_lid(vertices: np.ndarray, topology: HandTopology) -> float:
    """Flux of (x, 0, 0) through the surface, the wrist closed by a fan of triangles."""
    loop = topology.wrist_loop
    closed = np.vstack([vertices, vertices[loop].mean(axis=0)])
    lid = np.column_stack([np.roll(loop, -1), loop, np.full(len(loop), len(vertices))])
    corners = closed[np.vstack([topology.faces_right, lid])]
    area_x = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 0] / 2
    return float((corners[:, :, 0].mean(axis=1) * area_x).sum())


def test_volume_equals_that_of_the_closed_mesh(topology: HandTopology) -> None:
    vertices = topology.mean_vertices.astype(np.float64)
    assert signed_volume(vertices, topology) == pytest.approx(volume_by_divergence_with_lid(vertices, topology))


def test_volume_of_the_mean_hand_is_plausible(topology: HandTopology) -> None:
    assert 2e-4 < signed_volume(topology.mean_vertices, topology) < 5e-4


def test_volume_does_not_depend_on_position_or_orientation(topology: HandTopology) -> None:
    moved = topology.mean_vertices @ rotation_about(np.array([1.0, 2.0, 3.0]), 1.1).T + [0.3, -0.2, 0.9]
    assert signed_volume(moved, topology) == pytest.approx(signed_volume(topology.mean_vertices, topology), rel=1e-5)


def test_mirrored_hand_has_opposite_volume_and_handedness(topology: HandTopology) -> None:
    right = topology.mean_vertices
    assert signed_volume(right * MIRROR, topology) == pytest.approx(-signed_volume(right, topology))
    assert handedness_from_mesh(right, topology, slope=2.0)[0] == "right"
    assert handedness_from_mesh(right * MIRROR, topology, slope=2.0)[0] == "left"


def test_batch_gives_the_same_results_as_single_hands(topology: HandTopology) -> None:
    right = topology.mean_vertices
    batch = np.stack([[right, right * MIRROR], [right * MIRROR, 1.1 * right]]).astype(np.float32)
    handedness, scores = handedness_from_mesh(batch, topology, slope=2.0)
    assert handedness.tolist() == [["right", "left"], ["left", "right"]]
    assert scores[1, 1] == pytest.approx(handedness_from_mesh(batch[1, 1], topology, slope=2.0)[1])


def test_score_does_not_depend_on_size_or_orientation(topology: HandTopology) -> None:
    turned = 0.6 * topology.mean_vertices @ rotation_about(np.array([0.0, 1.0, 1.0]), 0.7).T
    expected = handedness_from_mesh(topology.mean_vertices, topology, slope=2.0)[1]
    assert handedness_from_mesh(turned, topology, slope=2.0)[1] == pytest.approx(expected)


def test_flattened_mesh_has_a_lower_score(topology: HandTopology) -> None:
    full = handedness_from_mesh(topology.mean_vertices, topology, slope=2.0)[1]
    flattened = handedness_from_mesh(topology.mean_vertices * [1.0, 1.0, 0.1], topology, slope=2.0)[1]
    assert 0.5 <= flattened < full <= 1.0


def test_mesh_collapsed_to_a_point_has_score_one_half(topology: HandTopology) -> None:
    assert handedness_from_mesh(np.zeros((778, 3), dtype=np.float32), topology, slope=2.0)[1] == pytest.approx(0.5)
