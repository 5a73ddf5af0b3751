"""Files are replaced whole or not at all."""

import errno
import multiprocessing
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from full_disk import size_limit

from handos_model.files.atomic_write import atomic_write, partial_path

SIZE = 1 << 20


def write_then_fail(path: Path, *, keep_partial: bool = False) -> None:
    with atomic_write(path, keep_partial=keep_partial) as temporary:
        temporary.write_text("half")
        raise RuntimeError("the disk is on fire")


def write_repeatedly(path: Path, value: int) -> None:
    for _ in range(20):
        with atomic_write(path) as temporary:
            temporary.write_bytes(bytes([value]) * SIZE)


def test_a_file_is_created_together_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "report.json"
    with atomic_write(path) as temporary:
        temporary.write_text("{}")
        assert not path.exists()
    assert path.read_text() == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="on fire"):
        write_then_fail(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "clip.mp4", keep_partial=True):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_partial_file_is_kept_on_request(tmp_path: Path) -> None:
    path = tmp_path / "hands.jsonl"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="on fire"):
        write_then_fail(path, keep_partial=True)
    assert path.read_text() == "old"
    assert (tmp_path / "hands.partial.jsonl").read_text() == "half"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_success_after_a_partial_file_writes_the_file_itself(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "hands.jsonl", keep_partial=True) as temporary:
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["hands.jsonl"]


def test_the_temporary_file_has_the_same_suffix_and_folder(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "clip.mp4") as temporary:
        temporary.touch()
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path


def test_nested_writers_of_the_same_file_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with atomic_write(path) as first, atomic_write(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


def test_many_processes_that_write_the_same_file_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "timing.cache"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_repeatedly, args=(path, value)) for value in range(4)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == SIZE
            assert len(set(content)) == 1
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert list(tmp_path.iterdir()) == [path]


def fail_with(error: Exception, path: Path, *, keep_partial: bool = False) -> None:
    with atomic_write(path, keep_partial=keep_partial) as temporary:
        temporary.touch()
        raise error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_full_disk_is_reported_with_the_name_of_the_file(tmp_path: Path, code: int, keep_partial: bool) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(OSError, match="make room") as caught:
        fail_with(OSError(code, "full"), path, keep_partial=keep_partial)
    assert (caught.value.errno, caught.value.filename) == (code, str(path))


def test_a_full_disk_that_a_library_reports_in_its_own_way_is_reported_likewise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="make room") as caught:
        fail_with(RuntimeError("PytorchStreamWriter failed writing file"), tmp_path / "decoder.pt")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "decoder.pt"))
    assert not list(tmp_path.iterdir())


def test_an_error_of_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"other\.png") as caught:
        fail_with(OSError(errno.ENOSPC, "full", "other.png"), tmp_path / "report.json")
    assert caught.value.filename == "other.png"


def test_a_file_beyond_the_size_limit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(OSError, match=r"report\.json"), size_limit(1000), atomic_write(path) as temporary:
        temporary.write_bytes(bytes(2000))
    assert not list(tmp_path.iterdir())


def test_a_partial_file_is_there_under_its_name_while_it_is_written(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "hands.jsonl", keep_partial=True) as temporary:
        assert temporary == tmp_path / "hands.partial.jsonl" == partial_path(tmp_path / "hands.jsonl")
        temporary.touch()
