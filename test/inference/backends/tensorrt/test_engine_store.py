"""Several processes that need the same engine: one builds it, all get it whole, and nobody else can replace it."""

import hashlib
import json
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from handos_model.architecture.contract import NetworkProperties
from handos_model.architecture.input_size import InputSizes
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.private_files import read_private_file, write_private_file
from handos_model.inference.backends.tensorrt.engine_store import EngineIdentity, EngineStore

IDENTITY = EngineIdentity("0123", "fp16", "image=1x192x192x3", "TensorRT", "10.3.0", "Orin", "8.7")
PROPERTIES = NetworkProperties("edge", "hand", InputSizes(192, 32), 0.5, 3.0)
SIZE = 1 << 20


def slow_build(timing_cache: Path) -> bytes:
    """An engine that consists of the process id of its builder."""
    with (timing_cache.parent / "builds").open("a") as builds:
        builds.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    return os.getpid().to_bytes(4, "big") * (SIZE // 4)


def get_engine(folder: Path, plans: "multiprocessing.Queue[bytes]") -> None:
    plans.put(EngineStore(folder).get(IDENTITY, PROPERTIES, slow_build).plan)


def die_while_building(folder: Path) -> None:
    def build(timing_cache: Path) -> bytes:
        os._exit(1)

    EngineStore(folder).get(IDENTITY, PROPERTIES, build)


def test_processes_that_need_the_same_engine_build_it_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    plans = spawn.Queue()
    processes = [spawn.Process(target=get_engine, args=(tmp_path, plans)) for _ in range(3)]
    for process in processes:
        process.start()
    received = {plans.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(received) == 1
    assert len(received.pop()) == SIZE
    assert len((tmp_path / "builds").read_text().splitlines()) == 1


def test_a_process_that_dies_while_building_releases_the_lock_and_leaves_no_engine(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=die_while_building, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 1
    assert not list(tmp_path.glob("*.engine"))
    assert len(EngineStore(tmp_path).get(IDENTITY, PROPERTIES, slow_build).plan) == SIZE


def test_an_engine_without_its_sidecar_is_built_again(tmp_path: Path) -> None:
    store = EngineStore(tmp_path)
    path = store.get(IDENTITY, PROPERTIES, slow_build).path
    path.with_suffix(".json").unlink()
    store.get(IDENTITY, PROPERTIES, slow_build)
    assert len((tmp_path / "builds").read_text().splitlines()) == 2


def test_what_keeps_an_engine_that_was_made_ahead_from_being_used_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store = EngineStore(tmp_path)
    store.get(replace(IDENTITY, profile="image=1x96x192x3", onnx_sha256="4567"), PROPERTIES, quick_build)
    made_ahead = store.get(replace(IDENTITY, tensorrt="10.3.1"), PROPERTIES, quick_build)
    made_ahead.path.with_suffix(".lock").unlink()
    store.get(IDENTITY, PROPERTIES, quick_build)
    assert f"in {made_ahead.path.stem}, tensorrt is '10.3.1' instead of '10.3.0'" in caplog.messages[-1]
    assert count_builds(tmp_path) == 3


FORGED = b"a program of somebody else"


def quick_build(timing_cache: Path) -> bytes:
    with (timing_cache.parent / "builds").open("a") as builds:
        builds.write("built\n")
    return bytes(SIZE)


def count_builds(folder: Path) -> int:
    return len((folder / "builds").read_text().splitlines())


def forge(path: Path) -> None:
    """Replace an engine by another that its sidecar fits."""
    sidecar = path.with_suffix(".json")
    description = json.loads(sidecar.read_text())
    path.write_bytes(FORGED)
    sidecar.write_text(json.dumps(description | {"sha256": hashlib.sha256(FORGED).hexdigest()}))


def give_to_another_user(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give files away")
    os.chown(path, 12345, -1)


@pytest.fixture
def store(tmp_path: Path) -> EngineStore:
    return EngineStore(tmp_path / "store")


@pytest.fixture
def stored(store: EngineStore) -> Path:
    """The file of an engine that was built."""
    return store.get(IDENTITY, PROPERTIES, quick_build).path


def test_folder_and_files_are_for_this_user_alone(store: EngineStore, stored: Path) -> None:
    assert store.folder.stat().st_mode & 0o777 == 0o700
    for path in (stored, stored.with_suffix(".json"), stored.with_suffix(".lock")):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_forged_engine_in_a_folder_that_others_can_write_is_not_used(
    mode: int, store: EngineStore, stored: Path
) -> None:
    forge(stored)
    store.folder.chmod(mode)
    with pytest.raises(BackendError, match=rf"{store.folder} .*mode {mode:o}.*chmod go-w"):
        store.get(IDENTITY, PROPERTIES, quick_build)


@pytest.mark.parametrize("suffix", [".engine", ".json"])
def test_a_file_that_others_could_write_is_built_again(
    suffix: str, store: EngineStore, stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forge(stored)
    stored.with_suffix(suffix).chmod(0o666)
    assert store.get(IDENTITY, PROPERTIES, quick_build).plan != FORGED
    assert count_builds(store.folder) == 2
    assert f"other users could have written {stored.with_suffix(suffix).name}" in caplog.text
    assert stored.with_suffix(suffix).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "engine", "json"])
def test_what_belongs_to_another_user_is_refused(name: str, store: EngineStore, stored: Path) -> None:
    forge(stored)
    path = stored.with_suffix(f".{name}") if name else store.folder
    give_to_another_user(path)
    with pytest.raises(BackendError, match=rf"{path} .*another user \(id 12345\).*XDG_CACHE_HOME"):
        store.get(IDENTITY, PROPERTIES, quick_build)


def test_a_folder_that_is_a_link_is_refused(store: EngineStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    store.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackendError, match=rf"{store.folder} is a link"):
        store.get(IDENTITY, PROPERTIES, quick_build)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BackendError, match=r"file/store .*XDG_CACHE_HOME"):
        EngineStore(tmp_path / "file" / "store").get(IDENTITY, PROPERTIES, quick_build)


@pytest.mark.parametrize("exists", [False, True])
def test_a_lock_that_is_a_link_is_not_followed(exists: bool, store: EngineStore, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    if exists:
        victim.write_text("precious")
    store.folder.mkdir(mode=0o700)
    lock = store.path_of(IDENTITY, PROPERTIES).with_suffix(".lock")
    lock.symlink_to(victim)
    with pytest.raises(BackendError, match=rf"{lock} is a symbolic link: remove it"):
        store.get(IDENTITY, PROPERTIES, quick_build)
    assert victim.exists() == exists
    assert not exists or victim.read_text() == "precious"


def test_a_lock_keeps_its_content(store: EngineStore, stored: Path) -> None:
    stored.with_suffix(".lock").write_text("written before")
    store.get(IDENTITY, PROPERTIES, quick_build)
    assert stored.with_suffix(".lock").read_text() == "written before"


@pytest.mark.parametrize("suffix", [".engine", ".json"])
def test_an_engine_or_sidecar_that_is_a_link_is_replaced_and_not_followed(
    suffix: str, store: EngineStore, stored: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    stored.with_suffix(suffix).rename(victim)
    content = victim.read_bytes()
    stored.with_suffix(suffix).symlink_to(victim)
    store.get(IDENTITY, PROPERTIES, quick_build)
    assert count_builds(store.folder) == 2
    assert victim.read_bytes() == content
    assert not stored.with_suffix(suffix).is_symlink()


def test_a_pipe_instead_of_a_sidecar_does_not_wait(store: EngineStore, stored: Path) -> None:
    stored.with_suffix(".json").unlink()
    os.mkfifo(stored.with_suffix(".json"), 0o600)
    store.get(IDENTITY, PROPERTIES, quick_build)
    assert count_builds(store.folder) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 60_000,
        b"[" * 200_000,
        b'{"identity": ' * 5_000,
        b"\xff\xfe",
        b"null",
        b"1" * 5_000,
        b"{}" + b" " * 100_000,
    ],
    ids=["nested lists", "more nested lists", "nested objects", "not text", "null", "number", "long"],
)
def test_a_malformed_sidecar_counts_as_none_and_is_logged(
    content: bytes, store: EngineStore, stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored.with_suffix(".json").write_bytes(content)
    store.get(IDENTITY, PROPERTIES, quick_build)
    assert count_builds(store.folder) == 2
    assert f"{stored.with_suffix('.json').name} is damaged" in caplog.text


def test_an_engine_that_cannot_be_stored_is_used(
    store: EngineStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def disk_full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("handos_model.inference.backends.tensorrt.engine_store.write_private_file", disk_full)
    assert len(store.get(IDENTITY, PROPERTIES, quick_build).plan) == SIZE
    assert "No space left on device" in caplog.text
    assert str(store.path_of(IDENTITY, PROPERTIES)) in caplog.text


def replace_timing_cache(path: Path, content: bytes, failures: "multiprocessing.Queue[str]") -> None:
    try:
        for _ in range(100):
            write_private_file(path, content)
            assert len(set(read_private_file(path))) == 1
    except Exception as error:
        failures.put(repr(error))
    failures.put("")


def test_processes_that_replace_one_file_never_fail_nor_mix_their_contents(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    failures = spawn.Queue()
    path = tmp_path / "timing.cache"
    contents = [bytes([number]) * (50_000 + number) for number in range(3)]
    processes = [spawn.Process(target=replace_timing_cache, args=(path, content, failures)) for content in contents]
    for process in processes:
        process.start()
    assert [failures.get(timeout=60) for _ in processes] == [""] * 3
    for process in processes:
        process.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def get_engine_of_precision(folder: Path, precision: str, plans: "multiprocessing.Queue[int]") -> None:
    plans.put(len(EngineStore(folder).get(replace(IDENTITY, precision=precision), PROPERTIES, slow_build).plan))


def test_two_engines_are_built_at_the_same_time(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    plans = spawn.Queue()
    processes = [
        spawn.Process(target=get_engine_of_precision, args=(tmp_path, precision, plans)) for precision in ("a", "b")
    ]
    for process in processes:
        process.start()
    assert [plans.get(timeout=60) for _ in processes] == [SIZE, SIZE]
    for process in processes:
        process.join()
    assert len(list(tmp_path.glob("*.engine"))) == 2
