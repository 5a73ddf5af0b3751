"""Matrices are read one by one from JSON in any layout; incomplete files are rejected."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from handos_model.datasets.json_matrices import JsonMatrices

MATRICES = np.random.default_rng(0).normal(size=(5, 7, 3)).tolist()


@pytest.mark.parametrize("indent", [None, 1])
def test_matrices_equal_those_that_json_parses(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(MATRICES, indent=indent))
    read = JsonMatrices(path)
    assert len(read) == 5
    for matrix, expected in zip(read, MATRICES, strict=True):
        np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(read[-1], MATRICES[-1])
    np.testing.assert_array_equal(read[1:3], MATRICES[1:3])


def test_nested_lists_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([MATRICES, [[[1e-7, 2, -3.5e3]]]]))
    read = JsonMatrices(tmp_path / "a.json")
    assert len(read) == 6
    np.testing.assert_array_equal(read[5], [[1e-7, 2, -3.5e3]])


def test_a_truncated_file_is_rejected_wherever_it_ends(tmp_path: Path) -> None:
    text = json.dumps(MATRICES[:2])
    path = tmp_path / "a.json"
    for end in range(len(text)):
        path.write_text(text[:end])
        with pytest.raises(ValueError, match=r"a\.json"):
            JsonMatrices(path)


def test_a_matrix_that_is_not_numeric_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[[[1, 2], [3, 4]], [[1, x], [3, 4]]]")
    with pytest.raises(ValueError, match="matrix 1"):
        JsonMatrices(tmp_path / "a.json")[1]


@pytest.mark.parametrize(
    "matrix",
    [
        "[[1, NaN]]",
        "[[1, Infinity]]",
        "[[1, null]]",
        "[[1, 1e999]]",
        "[[1, {}]]",
        "[[1, 2], 3]]",
        "[[1" + "0" * 400 + "]]",
    ],
    ids=["NaN", "infinity", "null", "overflow", "object", "number beside a row", "huge integer"],
)
def test_anything_but_rows_of_finite_numbers_is_named(matrix: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f"[[[1, 2], [3, 4]], {matrix}]")
    with pytest.raises(ValueError, match=r"a\.json .*matrix 1"):
        JsonMatrices(tmp_path / "a.json")[1]


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[[1, " + "[0, " * 100_000 + "1" + "]" * 100_002)
    with pytest.raises(ValueError, match=r"a\.json"):
        JsonMatrices(tmp_path / "a.json")[0]


def test_closing_brackets_alone_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("x" + "]" * 2_000_000)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"a\.json .*no matrices"):
        JsonMatrices(tmp_path / "a.json")
    assert time.monotonic() - start < 5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.json"):
        JsonMatrices(tmp_path / "gone.json")
