"""Workers on a Ray cluster: every task is a task of Ray, to and from which only paths and numbers travel."""

import os
from functools import lru_cache
from typing import Any, Final

import cv2
import ray

from handos_model.annotation.local_workers import available_cores
from handos_model.annotation.recording_annotator import RecordingAnnotator
from handos_model.annotation.task import Outcome, Task
from handos_model.inference.backends.processor_threads import limit_threads

_OBJECT_STORE: Final = 100 << 20
"""Bytes of shared memory, of which next to nothing is used."""
_QUIET: Final[dict[str, Any]] = {"logging_level": "WARNING", "include_dashboard": False}


class RayWorkers:
    """Tasks of Ray, one core each.

    Parameters
    ----------
    annotator
        What they do.
    address
        Of the cluster, as for `ray.init`: "auto" where one runs on this machine, "local" to start one here.
    count
        Maximum number at the same time; ``None``: as many as the cluster has room for, also when it grows.
    gpus_per_worker
        GPUs of each, may be a fraction.
    """

    def __init__(self, annotator: RecordingAnnotator, address: str, count: int | None, gpus_per_worker: float) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            if address == "local":
                ray.init("local", num_cpus=count or available_cores(), object_store_memory=_OBJECT_STORE, **_QUIET)
            else:
                ray.init(address, **_QUIET)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConnectionError(
                f"no Ray cluster can be reached at --ray {address} ({error}): start one with `ray start --head`, or "
                "give --ray local"
            ) from error
        self._count, self._gpus = count, gpus_per_worker
        self._annotator = annotator
        # Failed tasks are tried again by us: then it is known how often, and why.
        self._perform = ray.remote(num_cpus=1, num_gpus=gpus_per_worker, max_retries=0)(_perform)
        self._tasks: dict[Any, Task] = {}

    def capacity(self) -> int:
        """As `Workers`: twice what there is room for, so that an autoscaler sees that more is wanted."""
        if self._count is not None:
            return self._count
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        room = int(resources.get("CPU", 0))
        if self._gpus:
            room = min(room, int(resources.get("GPU", 0) / self._gpus))
        return max(1, 2 * room)

    def submit(self, task: Task) -> None:
        """As `Workers`."""
        self._tasks[self._perform.remote(self._annotator, task)] = task

    def wait(self) -> Outcome:
        """As `Workers`."""
        (reference, *_), _ = ray.wait(list(self._tasks), num_returns=1)
        task = self._tasks.pop(reference)
        try:
            return ray.get(reference)
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            reason = lines[-1 if isinstance(error, ray.exceptions.RayTaskError) else 0]
            return Outcome(task, error=f"the worker failed ({reason})", may_retry=True)

    def close(self) -> None:
        """As `Workers`."""
        for reference in self._tasks:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _perform(annotator: RecordingAnnotator, task: Task) -> Outcome:
    """A task of Ray."""
    with limit_threads(1):
        return _kept(annotator).perform(task)


@lru_cache(maxsize=1)
def _kept(annotator: RecordingAnnotator) -> RecordingAnnotator:
    """The first of equal annotators: its process keeps the network for the next task."""
    cv2.setNumThreads(1)
    return annotator
