"""Independent tasks in several processes of one thread each."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import IMapIterator
from multiprocessing.queues import SimpleQueue
from typing import Final, TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


_POLL_SECONDS: Final = 0.2
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_KEEP_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
"""glibc would return the memory of every image to the system; to get it again costs more than to render into it."""

_report: Callable[[int], object] | None = None
"""Takes the steps of the tasks that this process runs."""


def run_in_processes(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    progress: Callable[[int], object] = lambda steps: None,
) -> Iterator[Result]:
    """Yield the result of each task when it is there, in any order; one worker is this process.

    Parameters
    ----------
    function, tasks, workers
        What is called with each of the tasks, in how many processes.
    progress
        Called in this process with the numbers of steps that the tasks give to `report_steps`.
    """
    if workers == 1:
        with _reporting_to(progress):
            yield from map(function, tasks)
        return
    context = multiprocessing.get_context("spawn")
    steps: SimpleQueue[int] = context.SimpleQueue()
    with _environment_of_children(), context.Pool(workers, _start_worker, (steps,)) as pool:
        results = pool.imap_unordered(function, tasks)
        for _ in tasks:
            yield _next_result(results, steps, progress)


def report_steps(count: int) -> None:
    """Called by a task that takes long: it has done some more of its steps."""
    if _report is not None:
        _report(count)


def _next_result(
    results: "IMapIterator[Result]", steps: "SimpleQueue[int]", progress: Callable[[int], object]
) -> Result:
    while True:
        try:
            result = results.next(timeout=_POLL_SECONDS)
        except multiprocessing.TimeoutError:
            continue
        finally:
            while not steps.empty():
                progress(steps.get())
        return result


@contextmanager
def _reporting_to(progress: Callable[[int], object]) -> Iterator[None]:
    global _report
    _report = progress
    try:
        yield
    finally:
        _report = None


@contextmanager
def _environment_of_children() -> Iterator[None]:
    """Make processes started in this block use one thread for linear algebra, and keep memory that they free.

    Libraries read the environment when they are loaded.
    """
    before = dict(os.environ)
    os.environ.update(_ONE_THREAD | _KEEP_MEMORY)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _start_worker(steps: "SimpleQueue[int]") -> None:
    global _report
    _report = steps.put
    cv2.setNumThreads(1)
