"""Render frames into an annotated folder in several processes; a repeated run keeps complete shards."""

from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from handos_model.datasets.annotated_folder import shard_path, write_shard
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.rare_scenes import USUAL_SCENES, RareScenes
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.synthesis.worker_processes import report_steps, run_in_processes

SHARD_FRAMES = 500

Task = tuple[Path, Path | None, Path, int, RareScenes, int, int, int]
"""assets, backgrounds, out, size, rare scenes, seed, number of the shard, frames in the shard."""


def render_dataset(
    assets: Path,
    out: Path,
    count: int,
    seed: int,
    *,
    workers: int = 2,
    size: int = 256,
    backgrounds: Path | None = None,
    rare: RareScenes = USUAL_SCENES,
) -> None:
    """Render frames 0 .. count - 1 of a seed. Frames do not depend on the number of processes.

    Parameters
    ----------
    assets, backgrounds, rare
        As for `SceneRenderer`.
    out
        The annotated folder, created if needed.
    count, seed
        Number of frames, and the seed of their sequence.
    workers
        Number of processes; each uses one thread.
    size
        Side of the square frames in pixels.
    """
    Assets.check(assets)
    shards = [(number, min(SHARD_FRAMES, count - start)) for number, start in enumerate(range(0, count, SHARD_FRAMES))]
    tasks: list[Task] = [
        (assets, backgrounds, out, size, rare, seed, number, frames)
        for number, frames in shards
        if not shard_path(out, number).exists()
    ]
    with tqdm(total=count, unit="frame", initial=count - sum(task[-1] for task in tasks)) as progress:
        for _ in run_in_processes(_render_shard, tasks, workers, lambda steps: _advance(progress, steps)):
            pass


def _advance(progress: "tqdm[Any]", steps: int) -> None:
    if progress.n == progress.initial:
        # The first frame waited for the compiler, the others do not: the time that is left must not count that.
        progress.unpause()
        progress.n += steps
    else:
        progress.update(steps)


@cache
def _renderer(assets: Path, backgrounds: Path | None, size: int, rare: RareScenes) -> SceneRenderer:
    return SceneRenderer(assets, backgrounds, size, rare)


def _render_shard(task: Task) -> None:
    assets, backgrounds, out, size, rare, seed, number, frames = task
    renderer = _renderer(assets, backgrounds, size, rare)
    first = number * SHARD_FRAMES
    rendered = []
    for index in range(first, first + frames):
        rendered.append(renderer.render(seed, index))
        report_steps(1)
    write_shard(out, number, rendered)
