"""Independent tasks in several processes of one thread each."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Yield the result of each task when it is there, in any order; one worker is this process."""
    if workers == 1:
        yield from map(function, tasks)
        return
    with _single_threaded_children(), multiprocessing.get_context("spawn").Pool(workers, _limit_opencv_threads) as pool:
        yield from pool.imap_unordered(function, tasks)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Make processes started in this block use one thread for linear algebra.

    Its libraries read the environment when they are imported.
    """
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _limit_opencv_threads() -> None:
    cv2.setNumThreads(1)
