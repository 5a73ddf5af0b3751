"""Render sequences into folders in several processes; a repeated run keeps complete sequences."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tqdm import tqdm

from handos_model.datasets.hand_sequences import TRUTH_FILE, HandSequence, frame_path, read_sequence, write_truth
from handos_model.files.images import write_image
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.scenarios import SCENARIOS
from handos_model.synthesis.sequence_renderer import SequenceRenderer
from handos_model.synthesis.worker_processes import run_in_processes

FRAME_RATE: Final = 30.0
SIZE: Final = (640, 480)


@dataclass(frozen=True)
class _Task:
    assets: Path
    backgrounds: Path | None
    out: Path
    scenario: str
    seed: int
    index: int
    frames: int
    size: tuple[int, int]

    @property
    def folder(self) -> Path:
        return self.out / f"{self.scenario}_{self.index:03d}"


def render_sequences(
    assets: Path,
    out: Path,
    count: int,
    seed: int,
    *,
    workers: int = 2,
    backgrounds: Path | None = None,
    scenarios: tuple[str, ...] = tuple(SCENARIOS),
    frames: int = 90,
    size: tuple[int, int] = SIZE,
) -> None:
    """Render sequences 0 .. count - 1 of each scenario. They do not depend on the number of processes.

    Parameters
    ----------
    assets, backgrounds
        As for `SequenceRenderer`.
    out
        Folder for the folders of the sequences, created if needed.
    count, seed
        Number of sequences of each scenario, and their seed.
    workers
        Number of processes; each uses one thread.
    scenarios
        Names in `SCENARIOS`.
    frames, size
        Images of each sequence, at 30 per second; their width and height in pixels.

    Raises
    ------
    FileNotFoundError
        If the assets are incomplete.
    ValueError
        If the folder holds sequences of another seed, length or size.
    """
    Assets.check(assets)
    tasks = [
        _Task(assets, backgrounds, out, scenario, seed, index, frames, size)
        for scenario in scenarios
        for index in range(count)
    ]
    missing = [task for task in tasks if not _is_complete(task)]
    total, done = len(tasks) * frames, (len(tasks) - len(missing)) * frames
    with tqdm(total=total, unit="frame", initial=done) as progress:
        for rendered in run_in_processes(_render_sequence, missing, workers):
            progress.update(rendered)


def _is_complete(task: _Task) -> bool:
    if not (task.folder / TRUTH_FILE).exists():
        return False
    kept = read_sequence(task.folder)
    if (kept.seed, len(kept.frames), kept.size) != (task.seed, task.frames, task.size):
        raise ValueError(
            f"{task.folder} holds {len(kept.frames)} images of {kept.size[0]} x {kept.size[1]} pixels of seed "
            f"{kept.seed}, not {task.frames} of {task.size[0]} x {task.size[1]} of seed {task.seed}: choose another "
            "folder for the sequences"
        )
    return True


@cache
def _renderer(assets: Path, backgrounds: Path | None, size: tuple[int, int]) -> SequenceRenderer:
    return SequenceRenderer(assets, backgrounds, size)


def _render_sequence(task: _Task) -> int:
    renderer = _renderer(task.assets, task.backgrounds, task.size)
    performance, look = renderer.stage(task.scenario, task.seed, task.index, task.frames / FRAME_RATE)
    truth = []
    for number, frame in enumerate(renderer.render(performance, look, task.frames, FRAME_RATE)):
        write_image(frame_path(task.folder, number), frame.image)
        truth.append(frame.hands)
    camera = performance.camera.intrinsics
    write_truth(HandSequence(task.folder, task.scenario, task.seed, FRAME_RATE, task.size, camera, tuple(truth)))
    return task.frames
