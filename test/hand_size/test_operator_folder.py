"""Sizes of operators in files, and everything that may be wrong with them."""

import datetime
import re
from pathlib import Path

import pytest

from handos_model.hand_size.operator_folder import OperatorFolder
from handos_model.hand_size.operator_size import OperatorSize
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH

TODAY = datetime.date(2026, 1, 31)
ANNA = OperatorSize("anna", 0.0981, 0.0051, 143, "depth", TODAY)


def test_a_size_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = OperatorFolder(tmp_path / "new" / "folder")
    path = folder.write(ANNA)
    assert path.name == "anna.yaml"
    assert folder.read("anna") == ANNA
    assert folder.names() == ["anna"]
    assert [entry.name for entry in path.parent.iterdir()] == ["anna.yaml"]


def test_a_second_measurement_replaces_the_first(tmp_path: Path) -> None:
    folder = OperatorFolder(tmp_path)
    folder.write(ANNA)
    typed = OperatorSize.typed("anna", 0.101)
    folder.write(typed)
    assert folder.read("anna") == typed
    assert (typed.source, typed.images) == ("typed", 0)


def test_the_scale_compares_with_the_palm_that_the_network_assumes() -> None:
    assert OperatorSize.typed("anna", 1.2 * ASSUMED_PALM_LENGTH).scale == pytest.approx(1.2)


def test_the_default_folder_is_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert OperatorFolder.at(None).path == tmp_path / "handos" / "operators"
    for unset in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", unset)
        assert OperatorFolder.at(None).path == Path.home() / ".local" / "share" / "handos" / "operators"
    assert OperatorFolder.at(tmp_path).path == tmp_path


def test_an_unknown_operator_is_named_with_those_who_are_known(tmp_path: Path) -> None:
    folder = OperatorFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'bob'.*bob\.yaml.*known: nobody.*handos calibrate bob"):
        folder.read("bob")
    folder.write(ANNA)
    with pytest.raises(FileNotFoundError, match="known: anna"):
        folder.read("bob")


@pytest.mark.parametrize("name", ["", "../anna", "a/b", ".hidden", "-x", "a b", "ä", "x" * 65, "anna\n"])
def test_a_name_that_cannot_be_a_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        OperatorFolder(tmp_path).read(name)
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        OperatorSize.typed(name, 0.1)


@pytest.mark.parametrize("length", [0.0, -0.1, 10.4, 104, 0.0499, 0.161, float("nan"), float("inf")])
def test_a_palm_length_that_no_hand_has_is_refused(length: float) -> None:
    with pytest.raises(ValueError, match=f"{length:g} m.*0.05..0.16"):
        OperatorSize.typed("anna", length)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("palm_length: 104", "palm length 104 m"),
        ("palm_length: wide", "palm_length is 'wide'"),
        ("palm_length: true", "palm_length is True"),
        ("palm_length: .nan", "palm_length is nan"),
        ("sigma: 0", "sigma is 0.0 m"),
        ("sigma: -0.1", "sigma is -0.1 m"),
        ("images: -3", "images is -3"),
        ("images: [3]", r"images is \[3\]"),
        ("source: guessed", "source is 'guessed'"),
        ("source: [typed]", "source"),
        ("date: yesterday", "date is 'yesterday'"),
        ("date: 2026-13-45", "month"),
        ("name: bob", "name is 'bob', the file's is 'anna'"),
        ("colour: red", "unknown entry colour"),
        ("sigma: [", "while parsing"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(line: str, named: str, tmp_path: Path) -> None:
    folder = OperatorFolder(tmp_path)
    path = folder.write(ANNA)
    key = line.partition(":")[0]
    kept = [entry for entry in path.read_text().splitlines() if not entry.startswith(f"{key}:")]
    path.write_text("\n".join([*kept, line]) + "\n")
    with pytest.raises(ValueError, match=rf"anna\.yaml cannot be used .*{named}"):
        folder.read("anna")


@pytest.mark.parametrize("content", [b"", b"just text", b"- a\n- b", b"\xff\xfe\x00", b"[" * 5000])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "anna.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"anna\.yaml cannot be used"):
        OperatorFolder(tmp_path).read("anna")


def test_a_file_with_a_missing_entry_names_it(tmp_path: Path) -> None:
    folder = OperatorFolder(tmp_path)
    path = folder.write(ANNA)
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines() if not line.startswith("sigma")))
    with pytest.raises(ValueError, match="sigma missing"):
        folder.read("anna")
