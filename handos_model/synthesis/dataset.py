"""Render many frames with several processes into an annotated folder; whole shards are kept when run again."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
from tqdm import tqdm

from handos_model.io.annotated_folder import shard_path, write_shard
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.renderer import SceneRenderer

SHARD_FRAMES = 500

Task = tuple[Path, Path | None, Path, int, int, int, int]
"""assets, backgrounds, out, size, seed, shard, frames in the shard."""


def render_dataset(
    assets: Path,
    out: Path,
    count: int,
    seed: int,
    *,
    workers: int = 2,
    size: int = 256,
    backgrounds: Path | None = None,
) -> None:
    """Render frames 0 .. count - 1 of a seed; which process renders a frame does not change it.

    Parameters
    ----------
    assets, backgrounds
        As for `SceneRenderer`.
    out
        The annotated folder, made if absent.
    count, seed
        How many frames, and of which endless sequence.
    workers
        Processes; each uses one thread.
    size
        Side of the frames in pixels.
    """
    Assets.check(assets)
    shards = [(number, min(SHARD_FRAMES, count - start)) for number, start in enumerate(range(0, count, SHARD_FRAMES))]
    tasks: list[Task] = [
        (assets, backgrounds, out, size, seed, number, frames)
        for number, frames in shards
        if not shard_path(out, number).exists()
    ]
    with tqdm(total=count, unit="frame", initial=count - sum(task[-1] for task in tasks)) as progress:
        if workers == 1:
            for task in tasks:
                progress.update(_render_shard(task))
            return
        with _one_thread_each(), multiprocessing.get_context("spawn").Pool(workers, _use_one_thread) as pool:
            for frames in pool.imap_unordered(_render_shard, tasks):
                progress.update(frames)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that start now do linear algebra in one thread: its libraries read the environment when imported."""
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _use_one_thread() -> None:
    cv2.setNumThreads(1)


@cache
def _renderer(assets: Path, backgrounds: Path | None, size: int) -> SceneRenderer:
    return SceneRenderer(assets, backgrounds, size)


def _render_shard(task: Task) -> int:
    assets, backgrounds, out, size, seed, number, frames = task
    renderer = _renderer(assets, backgrounds, size)
    first = number * SHARD_FRAMES
    write_shard(out, number, [renderer.render(seed, index) for index in range(first, first + frames)])
    return frames
