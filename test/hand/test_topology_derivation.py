"""Deriving a topology: remeshing of open surfaces to exact vertex counts, and the joint regressor."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="deriving a topology needs the train extra")
pytest.importorskip("trimesh", reason="deriving a topology needs the dev extra")

from handos_model.hand.derivation.derive_topology import main
from handos_model.hand.derivation.fitted_matrices import fit_joint_regressor
from handos_model.hand.derivation.remeshing import EditableMesh, Surface, remesh
from handos_model.hand.topology import boundary_loop

RINGS, SPOKES = 8, 24


@pytest.fixture(scope="module")
def dome() -> EditableMesh:
    """Half a unit sphere: a pole, then rings down to the equator."""
    polar, azimuth = np.meshgrid(
        np.linspace(0, np.pi / 2, RINGS + 1)[1:], 2 * np.pi * np.arange(SPOKES) / SPOKES, indexing="ij"
    )
    rings = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1)
    spoke = np.arange(SPOKES)
    following = (spoke + 1) % SPOKES
    faces = [np.column_stack([np.zeros(SPOKES), 1 + spoke, 1 + following])]
    for ring in range(RINGS - 1):
        inner, outer = 1 + ring * SPOKES, 1 + (ring + 1) * SPOKES
        faces.append(np.column_stack([inner + spoke, outer + spoke, outer + following]))
        faces.append(np.column_stack([inner + spoke, outer + following, inner + following]))
    return EditableMesh(np.vstack([[0.0, 0.0, 1.0], rings.reshape(-1, 3)]), np.vstack(faces).astype(np.int64))


@pytest.fixture(scope="module")
def remeshed(dome: EditableMesh) -> EditableMesh:
    return remesh(
        Surface(dome.vertices, dome.faces),
        EditableMesh(dome.vertices.copy(), dome.faces.copy()),
        vertex_count=90,
        boundary_count=12,
        edge_length=lambda points: np.ones(len(points)),
        anchors=np.array([[0.0, 0.0, 1.0]]),
    )


def test_remeshing_yields_the_requested_vertex_counts(remeshed: EditableMesh) -> None:
    assert len(remeshed.vertices) == len(remeshed.used()) == 90
    assert len(boundary_loop(remeshed.faces)) == 12
    assert len(remeshed.faces) == 2 * 90 - 2 - 12


def test_remeshed_vertices_lie_on_the_surface_and_its_boundary(dome: EditableMesh, remeshed: EditableMesh) -> None:
    nearest, ids, weights = Surface(dome.vertices, dome.faces).project(remeshed.vertices)
    assert np.allclose(nearest, remeshed.vertices, atol=1e-6)
    assert np.allclose(np.einsum("nk,nkx->nx", weights, dome.vertices[ids]), remeshed.vertices, atol=1e-6)
    assert np.allclose(remeshed.vertices[boundary_loop(remeshed.faces), 2], 0.0, atol=1e-6)


def test_remeshed_vertices_are_evenly_spaced_inside_and_along_the_boundary(remeshed: EditableMesh) -> None:
    # Separately: the two vertex counts imply two different spacings.
    edges, on_boundary = remeshed.edges()
    lengths = np.linalg.norm(remeshed.vertices[edges[:, 0]] - remeshed.vertices[edges[:, 1]], axis=1)
    assert lengths[on_boundary].max() < 1.5 * lengths[on_boundary].min()
    assert lengths[~on_boundary].max() < 3 * lengths[~on_boundary].min()


def test_there_is_a_vertex_at_each_anchor(remeshed: EditableMesh) -> None:
    assert np.linalg.norm(remeshed.vertices - [0.0, 0.0, 1.0], axis=1).min() == 0.0


def test_closed_mesh_has_no_boundary_loop() -> None:
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    with pytest.raises(ValueError, match="closed"):
        boundary_loop(tetrahedron)


@pytest.mark.parametrize(
    "faces",
    [[[0, 1, 2], [2, 3, 4], [4, 5, 2]], [[0, 1, 2], [0, 3, 4], [1, 5, 6], [3, 5, 7]]],
    ids=["three faces around a vertex", "faces that share vertices only"],
)
def test_a_boundary_that_meets_itself_is_an_error(faces: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="boundary"):
        boundary_loop(np.array(faces))


def test_two_boundary_loops_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"6 vertices.*after 3"):
        boundary_loop(np.array([[0, 1, 2], [3, 4, 5]]))


def test_joint_regressor_recovers_a_joint_that_is_a_mean_of_vertices() -> None:
    hands = np.random.default_rng(0).normal(size=(40, 100, 3))
    joints = np.full((40, 1, 3), 0.0)
    joints[:, 0] = hands[:, [3, 7, 11]].mean(axis=1)
    rest = np.zeros((100, 3))
    rest[:, 0] = np.arange(100)
    regressor = fit_joint_regressor(hands, joints, rest, rest[[7]])
    assert np.flatnonzero(regressor[0] > 1e-3).tolist() == [3, 7, 11]
    assert np.allclose(regressor @ hands, joints, atol=1e-3)


def test_missing_hand_asset_is_named_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"right_hand\.npz.*--assets"):
        main(assets=tmp_path, out=tmp_path / "hand.npz")
