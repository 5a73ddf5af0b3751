"""Several processes that need the same engine: one builds it, all get it whole."""

import multiprocessing
import os
import time
from pathlib import Path

from handos_model.architecture.contract import NetworkProperties
from handos_model.architecture.input_size import InputSizes
from handos_model.inference.backends.tensorrt.engine_store import EngineIdentity, EngineStore

IDENTITY = EngineIdentity("0123", "fp16", "image=1x192x192x3", "10.3.0", "Orin", "8.7")
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
