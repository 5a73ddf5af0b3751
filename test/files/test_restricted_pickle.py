"""Pickles are read without executing them."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from handos_model.files.restricted_pickle import PickledObject, read_pickle

ANNOTATION = {
    "camMat": np.array([[614.6, 0, 320.3], [0, 614.6, 241.7], [0, 0, 1]]),
    "handPose": np.arange(48, dtype=np.float32),
    "big_endian": np.arange(3, dtype=">f8"),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "flags": np.array([True, False]),
    "names": np.array(["a", "bc"]),
    "empty": np.zeros((0, 3)),
    "scalar": np.float64(0.5),
    "label": 7,
    "objName": "003_cracker_box",
    "handJoints3D": None,
    "nested": [(np.ones(2), "x"), {"y": np.zeros(1)}],
}


class Attack:
    """Runs a command when it is unpickled normally."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.victim}",)


def write_pickle(path: Path, value: object, protocol: int = pickle.HIGHEST_PROTOCOL) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_values_are_read(tmp_path: Path, protocol: int) -> None:
    read = read_pickle(write_pickle(tmp_path / "a.pkl", ANNOTATION, protocol))
    assert list(read) == list(ANNOTATION)
    for name, value in ANNOTATION.items():
        if isinstance(value, np.ndarray):
            assert read[name].dtype == value.dtype
            np.testing.assert_array_equal(read[name], value)
    assert (read["scalar"], read["label"], read["objName"], read["handJoints3D"]) == (0.5, 7, "003_cracker_box", None)
    np.testing.assert_array_equal(read["nested"][0][0], np.ones(2))
    np.testing.assert_array_equal(read["nested"][1]["y"], np.zeros(1))


def test_arrays_are_writable(tmp_path: Path) -> None:
    array = read_pickle(write_pickle(tmp_path / "a.pkl", np.zeros(3)))
    array += 1
    np.testing.assert_array_equal(array, np.ones(3))


def test_arrays_of_python_2_are_read(tmp_path: Path) -> None:
    # What Python 2.7 with NumPy 1.16 writes for {'a': np.array([1., 2.])}, protocol 2.
    data = (
        b"\x80\x02}q\x00U\x01aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b"
        b"\x87Rq\x04(K\x01K\x02\x85cnumpy\ndtype\nq\x05U\x02f8K\x00K\x01\x87Rq\x06(K\x03U\x01<NNNJ\xff\xff\xff\xffJ"
        b"\xff\xff\xff\xffK\x00tb\x89U\x10\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00@tbs."
    )
    (tmp_path / "a.pkl").write_bytes(data)
    np.testing.assert_array_equal(read_pickle(tmp_path / "a.pkl")["a"], [1.0, 2.0])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_runs_nothing(tmp_path: Path, protocol: int) -> None:
    victim = tmp_path / "victim"
    path = write_pickle(tmp_path / "a.pkl", {"camMat": np.eye(3), "handPose": Attack(victim)}, protocol)
    with pytest.raises(ValueError, match=r"a\.pkl .*(posix|nt)\.system"):
        read_pickle(path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n(c__builtin__\nobject\nS'__subclasses__'\ntR.",
        b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
        b"ccopyreg\n_reconstructor\n(cnumpy\ndtype\nc__builtin__\nobject\nNtR.",
        b"c_codecs\nencode\n(Vx\nVzip\ntR.",
    ],
)
def test_programs_are_refused(tmp_path: Path, program: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(program)
    with pytest.raises(ValueError, match="not allowed"):
        read_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize("dtype", ["O", "M8[s]", "f8,i4"])
def test_arrays_of_anything_but_numbers_and_text_are_refused(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(ValueError, match="holds an array of"):
        read_pickle(write_pickle(tmp_path / "a.pkl", np.zeros(2, dtype), 2))


def test_a_forged_data_type_cannot_turn_numbers_into_pointers(tmp_path: Path) -> None:
    reconstruct, arguments, state = np.zeros(2).__reduce__()

    class Forged:
        def __reduce__(self) -> tuple[Any, ...]:
            return reconstruct, arguments, (*state[:2], np.dtype("O"), False, b"\x41" * 16)

    with pytest.raises(ValueError, match="array of object"):
        read_pickle(write_pickle(tmp_path / "a.pkl", Forged(), 2))


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_objects_of_allowed_classes_are_returned_as_records(tmp_path: Path, protocol: int) -> None:
    matrix = csc_matrix(np.array([[0.0, 2.0], [1.0, 0.0]]))
    name = f"{type(matrix).__module__}.{type(matrix).__name__}"
    path = write_pickle(tmp_path / "a.pkl", {"J_regressor": matrix}, protocol)
    record = read_pickle(path, objects=[name])["J_regressor"]
    assert isinstance(record, PickledObject)
    assert record.class_name == name
    again = csc_matrix((record.state["data"], record.state["indices"], record.state["indptr"]), record.state["_shape"])
    np.testing.assert_array_equal(again.toarray(), matrix.toarray())


def test_objects_of_other_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="csc_matrix, which is not allowed"):
        read_pickle(write_pickle(tmp_path / "a.pkl", csc_matrix(np.eye(2))))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.pkl"):
        read_pickle(tmp_path / "missing.pkl")


@pytest.mark.parametrize("kept", [0, 1, 40, 300])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = write_pickle(tmp_path / "a.pkl", ANNOTATION)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"a\.pkl is damaged or incomplete"):
        read_pickle(path)
