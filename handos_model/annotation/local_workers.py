"""Workers on this machine: processes that are replaced when they die, and die with the process that made them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final

import cv2
from tqdm import tqdm

from handos_model.annotation.recording_annotator import RecordingAnnotator
from handos_model.annotation.task import Outcome, Task
from handos_model.inference.backends.nvidia_driver import gpu_count
from handos_model.inference.backends.processor_threads import limit_threads

_WORKERS_PER_GPU: Final = 2
"""While one decodes and writes, the GPU works for the other."""
_SPAWN: Final = multiprocessing.get_context("spawn")


def default_workers() -> int:
    """As many workers as the machine has GPUs for, or cores."""
    return min(_WORKERS_PER_GPU * gpu_count(), available_cores()) or available_cores()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


class LocalWorkers:
    """Worker processes of one thread each, which share the GPUs.

    Parameters
    ----------
    annotator
        What they do.
    count
        Number of workers.
    """

    def __init__(self, annotator: RecordingAnnotator, count: int) -> None:
        self._annotator, self._count = annotator, count
        self._gpus = _visible_gpus()
        self._workers = [self._start(number) for number in range(count)]

    def capacity(self) -> int:
        """As `Workers`."""
        return self._count

    def submit(self, task: Task) -> None:
        """As `Workers`."""
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task = task
        with suppress(OSError):  # it is dead, which `wait` notices
            worker.connection.send(task)

    def wait(self) -> Outcome:
        """As `Workers`."""
        busy = [worker for worker in self._workers if worker.task is not None]
        ready = wait([worker.connection for worker in busy])  # a connection that broke is ready, too
        worker = next(worker for worker in busy if worker.connection in ready)
        task, worker.task = worker.task, None
        assert task is not None
        try:
            return worker.connection.recv()
        except (EOFError, OSError):
            return self._replace(worker, task)

    def close(self) -> None:
        """As `Workers`."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def _replace(self, worker: "_Worker", task: Task) -> Outcome:
        worker.process.join()
        code = worker.process.exitcode or 0
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        worker.connection.close()
        self._workers[worker.number] = self._start(worker.number)
        return Outcome(task, error=f"the worker died ({cause}), perhaps for lack of memory", may_retry=True)

    def _start(self, number: int) -> "_Worker":
        here, there = _SPAWN.Pipe()
        gpu = self._gpus[number % len(self._gpus)] if self._gpus else None
        process = _SPAWN.Process(target=_work, args=(there, self._annotator), daemon=True)
        with _environment_of_worker(gpu):
            process.start()
        there.close()  # so that its end is noticed
        return _Worker(number, process, here)


@dataclass
class _Worker:
    number: int
    process: SpawnProcess
    connection: "Connection"
    task: Task | None = None


def _work(connection: "Connection", annotator: RecordingAnnotator) -> None:
    """Main function of a worker.

    It uses one thread: many of them fill the cores best, and how a network's sums are rounded depends on the number.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that hands out the work
    threading.Thread(target=_die_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    tqdm.set_lock(threading.RLock())  # its own is for several processes, and is left behind when this one is killed
    with limit_threads(1):
        while True:
            try:
                task = connection.recv()
            except EOFError:
                return
            connection.send(annotator.perform(task))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _visible_gpus() -> list[str]:
    """The GPUs as CUDA numbers them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(number) for number in range(gpu_count())]


@contextmanager
def _environment_of_worker(gpu: str | None) -> Iterator[None]:
    """Settings that libraries read when they are imported."""
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
