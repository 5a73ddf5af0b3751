"""The 778-vertex hand: a clean mesh, consistent matrices, and clear errors for damaged files."""

from pathlib import Path

import numpy as np
import pytest

from handos_model.hand.skeleton import JOINT_NAMES, JOINT_PARENTS
from handos_model.hand.topology import HandTopology

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@pytest.fixture(scope="module")
def topology() -> HandTopology:
    return HandTopology.load()


@pytest.fixture
def file_arrays() -> dict[str, np.ndarray]:
    import handos_model.hand.topology as module

    with np.load(Path(module.__file__).with_name("hand_778.npz")) as file:
        return dict(file)


def directed_edges(topology: HandTopology) -> np.ndarray:
    return topology.faces_right[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def test_has_778_vertices_which_all_belong_to_faces(topology: HandTopology) -> None:
    assert topology.vertex_count == 778
    assert np.array_equal(np.unique(topology.faces_right), np.arange(778))


def test_is_manifold_and_consistently_oriented(topology: HandTopology) -> None:
    directed = directed_edges(topology)
    assert len(np.unique(directed, axis=0)) == len(directed)


def test_is_watertight_except_for_the_wrist_loop(topology: HandTopology) -> None:
    directed = {(int(a), int(b)) for a, b in directed_edges(topology)}
    boundary = {edge for edge in directed if edge[::-1] not in directed}
    loop = topology.wrist_loop.tolist()
    assert boundary == set(zip(loop, loop[1:] + loop[:1], strict=True))


def test_has_the_topology_of_a_disc(topology: HandTopology) -> None:
    edges = np.unique(np.sort(directed_edges(topology), axis=1), axis=0)
    assert topology.vertex_count - len(edges) + len(topology.faces_right) == 1


def test_has_no_slivers(topology: HandTopology) -> None:
    corners = topology.mean_vertices[topology.faces_right]
    squared_sides = ((corners - np.roll(corners, 1, axis=1)) ** 2).sum(axis=(1, 2))
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert (4 * np.sqrt(3) * areas / squared_sides).min() > 0.6


def test_normals_point_away_from_the_bones(topology: HandTopology) -> None:
    joints = topology.joint_regressor @ topology.mean_vertices
    corners = topology.mean_vertices[topology.faces_right]
    centres = corners.mean(axis=1)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    bone_points = np.concatenate(
        [
            joints[parent] + fraction * (joints[joint] - joints[parent])
            for joint, parent in enumerate(JOINT_PARENTS)
            if parent >= 0
            for fraction in np.linspace(0, 0.9, 10)
        ]
    )
    bone_points = bone_points.reshape(-1, 3)
    nearest = bone_points[np.linalg.norm(centres[:, None] - bone_points, axis=2).argmin(axis=1)]
    outward = ((centres - nearest) * normals).sum(axis=1) > 0
    assert outward.mean() > 0.97


def test_left_faces_have_the_reverse_winding_of_the_right_ones(topology: HandTopology) -> None:
    assert np.array_equal(topology.faces_left[:, ::-1], topology.faces_right)


@pytest.mark.parametrize("name", ["joint_regressor", "skin_weights", "upsampling", "source_weights"])
def test_matrix_rows_sum_to_one(topology: HandTopology, name: str) -> None:
    assert np.allclose(getattr(topology, name).sum(axis=1), 1.0, atol=1e-5)


def test_joints_are_in_anatomical_order(topology: HandTopology) -> None:
    joints = dict(zip(JOINT_NAMES, topology.joint_regressor @ topology.mean_vertices, strict=True))
    for finger in FINGERS:
        chain = [joints["wrist"], *(joints[name] for name in JOINT_NAMES if name.startswith(finger))]
        from_wrist = [np.linalg.norm(joint - joints["wrist"]) for joint in chain]
        assert from_wrist == sorted(from_wrist)
    across = [joints[f"{finger}_mcp"][0] for finger in ("index", "middle", "ring", "pinky")]
    assert across == sorted(across, reverse=True)


def test_hand_has_human_size(topology: HandTopology) -> None:
    joints = topology.joint_regressor @ topology.mean_vertices
    length = np.linalg.norm(joints[JOINT_NAMES.index("middle_tip")] - joints[JOINT_NAMES.index("wrist")])
    assert 0.17 < length < 0.21


def test_fingertip_vertices_move_with_the_last_bone(topology: HandTopology) -> None:
    joints = topology.joint_regressor @ topology.mean_vertices
    for finger in FINGERS:
        tip = JOINT_NAMES.index(f"{finger}_tip")
        nearest = np.linalg.norm(topology.mean_vertices - joints[tip], axis=1).argmin()
        assert topology.skin_weights[nearest].argmax() == tip - 1


def test_upsampling_restores_the_mean_hand_from_its_coarse_vertices(topology: HandTopology) -> None:
    restored = topology.upsampling @ topology.mean_vertices[topology.coarse_vertices]
    errors = np.linalg.norm(restored - topology.mean_vertices, axis=1)
    assert errors.mean() < 0.001
    assert errors[topology.coarse_vertices].max() < 1e-6


def test_coarse_vertices_include_fingertips_and_wrist(topology: HandTopology) -> None:
    coarse = topology.coarse_vertices
    assert len(coarse) == len(set(coarse.tolist())) == 98
    assert np.intersect1d(coarse, topology.wrist_loop).size >= 4
    tips = (topology.joint_regressor @ topology.mean_vertices)[[JOINT_NAMES.index(f"{f}_tip") for f in FINGERS]]
    distances = np.linalg.norm(topology.mean_vertices[coarse] - tips[:, None], axis=2).min(axis=1)
    assert distances.max() < 0.003


def test_missing_file_error_names_path_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz .*reinstall"):
        HandTopology.load(tmp_path / "nowhere.npz")


def test_truncated_file_error_names_path_and_remedy(tmp_path: Path, file_arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "short.npz"
    np.savez_compressed(path, **file_arrays)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match=r"short\.npz .*reinstall"):
        HandTopology.load(path)


def test_corrupted_file_is_rejected(tmp_path: Path, file_arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "flipped.npz"
    np.savez_compressed(path, **file_arrays)
    corrupted = bytearray(path.read_bytes())
    corrupted[2_000:2_100] = bytes(100)
    path.write_bytes(corrupted)
    with pytest.raises(ValueError, match=r"flipped\.npz"):
        HandTopology.load(path)


def test_file_without_a_required_array_is_rejected(tmp_path: Path, file_arrays: dict[str, np.ndarray]) -> None:
    del file_arrays["upsampling"]
    np.savez(tmp_path / "less.npz", **file_arrays)
    with pytest.raises(ValueError, match="upsampling"):
        HandTopology.load(tmp_path / "less.npz")


def test_arrays_of_inconsistent_shape_are_rejected(tmp_path: Path, file_arrays: dict[str, np.ndarray]) -> None:
    file_arrays["joint_regressor"] = file_arrays["joint_regressor"][:, :-1]
    np.savez(tmp_path / "odd.npz", **file_arrays)
    with pytest.raises(ValueError, match=r"odd\.npz .*has shape"):
        HandTopology.load(tmp_path / "odd.npz")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("mean_vertices", np.nan, "mean_vertices .*not finite"),
        ("faces_right", 778, r"faces_right .*outside 0\.\.777"),
    ],
)
def test_invalid_values_are_rejected(
    tmp_path: Path, file_arrays: dict[str, np.ndarray], name: str, value: float, problem: str
) -> None:
    file_arrays[name][0, 0] = value
    np.savez(tmp_path / "odd.npz", **file_arrays)
    with pytest.raises(ValueError, match=problem):
        HandTopology.load(tmp_path / "odd.npz")
