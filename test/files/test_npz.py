"""Files of arrays are read whole, or refused by name, whatever they claim to hold."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from handos_model.files import npz
from handos_model.files.npz import read_npz


def test_arrays_of_numbers_and_text_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", numbers=np.arange(6.0).reshape(2, 3), names=np.array(["a", "bc"]))
    arrays = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(arrays["numbers"], np.arange(6.0).reshape(2, 3))
    assert arrays["names"].tolist() == ["a", "bc"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.npz"):
        read_npz(tmp_path / "gone.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_named(value: float, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", good=np.ones(3), bad=np.array([1, value]))
    with pytest.raises(ValueError, match=r"a\.npz: its bad holds numbers that are not finite"):
        read_npz(tmp_path / "a.npz")


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", bad=np.array([{}], object))
    with pytest.raises(ValueError, match=r"a\.npz .*Object arrays"):
        read_npz(tmp_path / "a.npz")


def test_a_file_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "_MAX_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(1 << 21))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"a\.npz .*unpack"):
            read_npz(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_an_array_that_claims_more_than_the_memory_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("huge.npy", header.getvalue())
    with pytest.raises(ValueError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04"])
def test_damaged_files_are_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz")


def test_a_member_that_is_not_an_array_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("notes.txt", b"not an array")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        read_npz(tmp_path / "a.npz")
