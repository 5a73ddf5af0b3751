"""Reading MANO_RIGHT.pkl: a file of the same layout is read and never executed, any other file is rejected.

The test file contains the project's own hand in MANO's arrays, pickled as MANO is: protocol 2, with a SciPy matrix and
with objects of chumpy, which is not installed.
"""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph
from scipy import sparse

from handos_model.architecture.contract import WeightsError
from handos_model.hand.handedness import signed_volume
from handos_model.hand.mano import read_mano
from handos_model.hand.mano_conventions import FREIHAND_TIPS, TO_MANO_ORDER
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import HandPipeline

OWN = HandTopology.load()
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
TURN *= np.linalg.det(TURN)


@pytest.fixture
def chumpy_select() -> Iterator[type]:
    """A class that pickles as one of chumpy, and no longer exists when the file is read."""
    module, kind = ModuleType("chumpy.reordering"), type("Select", (), {"__module__": "chumpy.reordering"})
    module.Select = kind  # type: ignore[attr-defined]
    sys.modules.update({"chumpy": ModuleType("chumpy"), "chumpy.reordering": module})
    yield kind
    del sys.modules["chumpy"], sys.modules["chumpy.reordering"]


@pytest.fixture
def contents(chumpy_select: type) -> dict[str, Any]:
    shapedirs = chumpy_select()
    shapedirs.__dict__.update(a=np.zeros((778, 3, 10)), idxs=np.arange(4))
    return {
        "f": OWN.faces_right.astype(np.uint32),
        "J_regressor": sparse.csc_matrix(OWN.joint_regressor[TO_MANO_ORDER][:16].astype(np.float64)),
        "weights": OWN.skin_weights[:, TO_MANO_ORDER][:, :16].astype(np.float64),
        "v_template": OWN.mean_vertices @ TURN.T + np.array([0.1, 0.02, -0.3]),
        "shapedirs": shapedirs,
        "kintree_table": np.zeros((2, 16), np.int64),
        "bs_type": "lrotmin",
    }


def write_pickle(path: Path, contents: object) -> Path:
    path.write_bytes(pickle.dumps(contents, protocol=2))
    return path


@pytest.fixture
def topology(tmp_path: Path, contents: dict[str, Any]) -> HandTopology:
    path = write_pickle(tmp_path / "MANO_RIGHT.pkl", contents)
    del sys.modules["chumpy.reordering"].Select  # type: ignore[attr-defined]
    return read_mano(path)


def test_faces_regressor_and_skin_weights_are_in_the_order_of_the_skeleton(topology: HandTopology) -> None:
    np.testing.assert_array_equal(topology.faces_right, OWN.faces_right)
    tips = [4, 8, 12, 16, 20]
    inner = [joint for joint in range(21) if joint not in tips]
    np.testing.assert_allclose(topology.joint_regressor[inner], OWN.joint_regressor[inner], atol=1e-6)
    np.testing.assert_array_equal(topology.joint_regressor[tips].argmax(axis=1), FREIHAND_TIPS)
    np.testing.assert_allclose(topology.joint_regressor.sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(topology.skin_weights[:, inner], OWN.skin_weights[:, inner], atol=1e-6)
    assert not topology.skin_weights[:, tips].any()
    np.testing.assert_array_equal(topology.wrist_loop, OWN.wrist_loop)


def test_mean_hand_is_in_the_common_frame_of_topologies(topology: HandTopology) -> None:
    joints = topology.joint_regressor @ topology.mean_vertices
    np.testing.assert_allclose(joints[0], 0, atol=1e-6)
    np.testing.assert_allclose(joints[9, [0, 2]], 0, atol=1e-5)
    assert joints[9, 1] > 0.05
    assert joints[5, 0] > joints[17, 0]
    assert signed_volume(topology.mean_vertices, topology) > 0
    span = np.linalg.norm(topology.mean_vertices[:, None] - topology.mean_vertices, axis=-1)
    np.testing.assert_allclose(span, np.linalg.norm(OWN.mean_vertices[:, None] - OWN.mean_vertices, axis=-1), atol=1e-5)


def test_upsampling_is_the_identity(topology: HandTopology) -> None:
    assert topology.id == "mano"
    np.testing.assert_array_equal(topology.upsampling @ topology.mean_vertices, topology.mean_vertices)


class Malice:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_malicious_file_is_rejected_without_executing_it(tmp_path: Path, contents: dict[str, Any]) -> None:
    contents["J_regressor"] = Malice(tmp_path / "executed")
    with pytest.raises(ValueError, match=r"MANO_RIGHT\.pkl .*not allowed"):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))
    assert not (tmp_path / "executed").exists()


def test_left_hand_is_rejected(tmp_path: Path, contents: dict[str, Any]) -> None:
    contents["v_template"] = contents["v_template"] * np.array([-1, 1, 1])
    with pytest.raises(ValueError, match=r"MANO_LEFT\.pkl .*left hand.*MANO_RIGHT\.pkl"):
        read_mano(write_pickle(tmp_path / "MANO_LEFT.pkl", contents))


@pytest.mark.parametrize("name", ["f", "J_regressor", "weights", "v_template"])
def test_missing_array_is_named(tmp_path: Path, contents: dict[str, Any], name: str) -> None:
    del contents[name]
    with pytest.raises(ValueError, match=rf"its {name} "):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


def test_chumpy_object_as_a_required_array_is_rejected(tmp_path: Path, contents: dict[str, Any]) -> None:
    contents["v_template"] = contents["shapedirs"]
    with pytest.raises(ValueError, match=r"v_template .*chumpy\.reordering\.Select"):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


@pytest.mark.parametrize("name", ["J_regressor", "weights", "v_template"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named(
    name: str, value: float, tmp_path: Path, contents: dict[str, Any]
) -> None:
    contents[name] = sparse.csc_matrix(contents[name]) if name == "J_regressor" else contents[name].copy()
    (contents[name].data if name == "J_regressor" else contents[name])[3] = value
    with pytest.raises(ValueError, match=rf"MANO_RIGHT\.pkl .*its {name} should be finite"):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


@pytest.mark.parametrize("name", ["f", "J_regressor", "weights", "v_template"])
def test_arrays_of_another_shape_are_named(name: str, tmp_path: Path, contents: dict[str, Any]) -> None:
    contents[name] = contents[name][:-1]
    with pytest.raises(ValueError, match=rf"its {name} "):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


@pytest.mark.parametrize(
    ("vertex", "problem"), [(-1, r"0 to 777"), (778, r"0 to 777"), (0.5, r"0 to 777"), (5, "wrist")]
)
def test_faces_that_are_no_hand_are_refused(
    vertex: float, problem: str, tmp_path: Path, contents: dict[str, Any]
) -> None:
    contents["f"] = contents["f"].astype(np.float64)
    contents["f"][::7, 0] = vertex
    with pytest.raises(ValueError, match=rf"its f .*{problem}"):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


@pytest.mark.parametrize("scale", [0, 1000])
def test_a_hand_of_no_hands_size_is_refused(scale: float, tmp_path: Path, contents: dict[str, Any]) -> None:
    contents["v_template"] = contents["v_template"] * scale
    with pytest.raises(ValueError, match=r"MANO_RIGHT\.pkl .*no hand's size"):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


def test_a_sparse_matrix_that_claims_a_huge_shape_is_refused(tmp_path: Path, contents: dict[str, Any]) -> None:
    contents["J_regressor"] = sparse.csc_matrix((1 << 40, 1 << 20), dtype=np.float64)
    with pytest.raises(ValueError, match="its J_regressor "):
        read_mano(write_pickle(tmp_path / "MANO_RIGHT.pkl", contents))


@pytest.mark.parametrize("other", [[1, 2], {"f": np.zeros((3, 3))}])
def test_other_pickle_is_rejected(tmp_path: Path, other: object) -> None:
    with pytest.raises(ValueError, match=r"is not MANO_RIGHT\.pkl"):
        read_mano(write_pickle(tmp_path / "other.pkl", other))


def test_mano_is_refused_for_weights_of_another_mesh(tmp_path: Path, topology: HandTopology) -> None:
    weights = write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(OWN), metadata(OWN.id))
    with pytest.raises(WeightsError, match=rf"MANO_RIGHT\.pkl.*'{OWN.id}'"):
        HandPipeline.load(weights, mano=tmp_path / "MANO_RIGHT.pkl")
    with pytest.raises(FileNotFoundError, match=r"gone\.pkl"):
        HandPipeline.load(weights, mano=tmp_path / "gone.pkl")


def test_weights_with_mano_mesh_require_the_users_file(tmp_path: Path, topology: HandTopology) -> None:
    weights = write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(HandTopology.load()), metadata("mano"))
    with pytest.raises(WeightsError, match=r"MANO_RIGHT\.pkl.*--mano"):
        HandPipeline.load(weights)
    pipeline = HandPipeline.load(weights, mano=tmp_path / "MANO_RIGHT.pkl")
    assert np.array_equal(pipeline.topology.faces_right, topology.faces_right)
    assert len(pipeline(np.full((240, 320, 3), 90, np.uint8))) == 2
