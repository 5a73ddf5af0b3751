"""Frames per second of `handos synth`, and the processor time of its steps.

    python benchmarks/rendering.py --assets MADE --assets PHOTOGRAPHED --out benchmarks/rendering.json

Steps are measured in one process, after a warm-up; frames per second with two processes, once with the start-up of the
command and once without: the difference between a long and a short run. Nothing else should run on the machine.
"""

import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from handos_model.files.atomic_write import atomic_write
from handos_model.synthesis.dataset import render_dataset
from handos_model.synthesis.worker_processes import run_in_processes

SIZES: Final = (256, 320)
"""Pixels; the first is the default."""
WORKERS: Final = 2
SHORT_RUN, LONG_RUN, STEPS_RUN = 1000, 3000, 500
"""Frames: whole shards, the same number for each process."""
STEPS: Final = {
    "poses of hands": ("posing:HandPoser.sample",),
    "shapes, skinning": ("assets:RiggedMesh.apply_shape", "people:pose_mesh", "arms:pose_mesh"),
    "meshes": (
        "people:PersonBuilder.mesh", "arms:ArmBuilder.skin_mesh", "arms:ArmBuilder.sleeve_mesh",
        "scene:random_occluder", "renderer:join_meshes",
    ),
    "rest of the scene": ("scene:SceneSampler.sample",),
    "background": ("backgrounds:Backgrounds.sample",),
    "ambient occlusion": ("renderer:sphere_occlusion",),
    "visible faces": ("shading:perspective_planes", "shading:rasterise"),
    "shadow map": ("shading:render_shadow_map",),
    "shading": ("renderer:render_mesh",),
    "labels": ("labels:Labeller.label",),
    "blur, exposure": ("camera_effects:_blur", "camera_effects:_expose", "camera_effects:_reduce_resolution"),
    "noise": ("camera_effects:_add_noise",),
    "JPEG of the camera": ("camera_effects:_compress",),
    "encoding": ("handos_model.datasets.annotated_folder:_encode",),
    "writing": ("dataset:write_shard",),
    "between processes": ("dataset:report_steps",),
    "rest": ("dataset:_render_shard",),
}  # fmt: skip
"""Functions of each step; the time of one that is called by another counts for the inner one only."""

StepTimes = dict[str, float]
"""Milliseconds of processor time per frame."""


@dataclass(frozen=True)
class Row:
    """Results for one assets folder and size."""

    assets: str
    size: int
    frames_per_second: float
    """Without the start-up."""
    with_start_up: float
    """Of a run of `LONG_RUN` frames."""
    steps: StepTimes


class StepClock:
    """Measures functions that call each other, each without the others that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within: list[float] = []

    def measured(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, measured as part of a step."""

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            self._within.append(0.0)
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                passed = time.thread_time() - start
                self.seconds[step] += passed - self._within.pop()
                if self._within:
                    self._within[-1] += passed

        return call


def main(
    assets: Annotated[list[Path], typer.Option(metavar="DIR", help="Assets folders to render, one after the other.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
) -> None:
    """Measure `handos synth`."""
    rows = [_measure(folder, size) for folder in assets for size in SIZES]
    report = {"machine": f"{os.cpu_count()} CPUs", "workers": WORKERS, "rows": [asdict(row) for row in rows]}
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    typer.echo(_table(rows))


def _measure(assets: Path, size: int) -> Row:
    # Two processes, of which one idles: the environment of those that render.
    (steps,) = run_in_processes(_step_times, [(assets, size)], 2)
    _run_seconds(assets, size, 2)  # The files are in memory, the compiled functions on the disk.
    short, long = (_run_seconds(assets, size, count) for count in (SHORT_RUN, LONG_RUN))
    row = Row(assets.name, size, (LONG_RUN - SHORT_RUN) / (long - short), LONG_RUN / long, steps)
    typer.echo(row)
    return row


def _run_seconds(assets: Path, size: int, count: int) -> float:
    """Of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"assets": assets, "out": folder, "count": count, "size": size, "workers": WORKERS}
        command = [str(Path(sys.executable).with_name("handos")), "synth"]
        command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


def _step_times(task: tuple[Path, int]) -> StepTimes:
    assets, size = task
    clock = StepClock()
    for step, functions in STEPS.items():
        for function in functions:
            _replace(function, lambda original, step=step: clock.measured(step, original))  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        render_dataset(assets, Path(folder) / "warm_up", 50, 1, workers=1, size=size)
        clock.seconds.clear()
        render_dataset(assets, Path(folder) / "measured", STEPS_RUN, 0, workers=1, size=size)
    return {step: 1000 * clock.seconds[step] / STEPS_RUN for step in STEPS}


def _replace(name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace the function that `module:attribute` names."""
    module, attributes = name.split(":")
    owner = importlib.import_module(module if "." in module else f"handos_model.synthesis.{module}")
    *owners, attribute = attributes.split(".")
    for inner in owners:
        owner = getattr(owner, inner)
    setattr(owner, attribute, wrap(getattr(owner, attribute)))


def _table(rows: list[Row]) -> str:
    """Markdown: a column for each row."""
    lines = ["| | " + " | ".join(f"{row.assets}, {row.size} px" for row in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    lines += [f"| {step} | " + " | ".join(f"{row.steps[step]:.2f}" for row in rows) + " |" for step in STEPS]
    values = {
        "all steps, ms per frame": [sum(row.steps.values()) for row in rows],
        "frames per second": [row.frames_per_second for row in rows],
        f"with start-up, {LONG_RUN} frames": [row.with_start_up for row in rows],
    }
    lines += [
        f"| {name} | " + " | ".join(f"{value:.1f}" for value in numbers) + " |" for name, numbers in values.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
