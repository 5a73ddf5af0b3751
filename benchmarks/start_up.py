"""What is waited for: importing, `handos --help`, the first hands of a cold process, the node until it is ready.

    scripts/with_ros.sh python benchmarks/start_up.py --image hands.jpg --out benchmarks/start_up.json

Each is a process of its own, started several times in turn, with its files in the system's cache; the first round does
not count. `--peer` names the folder of another checkout, such as yesterday's, whose processes alternate with these.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from lost_images import OWN_DOMAIN

from handos_model.files.atomic_write import atomic_write

HERE: Final = Path(__file__).parents[1]
FIRST_HANDS: Final = """
import sys
import cv2
from handos_model import HandPipeline
assert HandPipeline.load()(cv2.imread(sys.argv[1]))
print(open("/proc/self/status").read())
"""
READY: Final = "ready: waiting for images"
"""What the node logs."""

Measured = tuple[float, float | None]
"""Milliseconds, and the process's highest resident memory in MiB where it is looked at."""


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image with hands.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    peer: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Another checkout.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Runs that count.")] = 7,
) -> None:
    """Measure what is waited for."""
    checkouts = {"this": HERE} if peer is None else {"peer": peer.resolve(), "this": HERE}
    steps = _steps(image.resolve())
    runs: dict[str, dict[str, list[Measured]]] = {step: {name: [] for name in checkouts} for step in steps}
    for k in range(rounds + 1):
        for step, measure in steps.items():
            for name, folder in checkouts.items():
                measured = measure(folder)
                if k > 0:
                    runs[step][name].append(measured)
    rows = [{"step": step, **_medians(results)} for step, results in runs.items()]
    for row in rows:
        typer.echo(row)
    report = {
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "rounds": rounds,
        "rows": rows,
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _steps(image: Path) -> dict[str, Callable[[Path], Measured]]:
    """What is measured, in the checkout of a folder."""
    command = "from handos_model.commands.cli import main; main()"
    return {
        "python -c pass": partial(_until_the_end, ["-c", "pass"]),
        "import handos_model": partial(_until_the_end, ["-c", "import handos_model"]),
        "from handos_model import HandPipeline": partial(
            _until_the_end, ["-c", "from handos_model import HandPipeline"]
        ),
        "handos --help": partial(_until_the_end, ["-c", command, "--help"]),
        "first hands of an image": partial(_until_the_end, ["-c", FIRST_HANDS, str(image)]),
        "node until it is ready": partial(_until_ready, ["-m", "handos_ros.node"]),
    }


def _until_the_end(arguments: list[str], folder: Path) -> Measured:
    start = time.monotonic()
    with _start(arguments, folder, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
        milliseconds = 1000 * (time.monotonic() - start)
    if process.returncode:
        sys.exit(f"start_up: {' '.join(arguments)} failed in {folder}: run it by itself to see why")
    return milliseconds, _peak_memory(output)


def _until_ready(arguments: list[str], folder: Path) -> Measured:
    start = time.monotonic()
    with _start(arguments, folder, stderr=subprocess.PIPE) as node:
        assert node.stderr is not None
        if not any(READY in line for line in node.stderr):
            sys.exit(f"start_up: the node of {folder} did not become ready: run it by itself to see why")
        measured = 1000 * (time.monotonic() - start), _peak_memory(Path(f"/proc/{node.pid}/status").read_text())
        node.send_signal(signal.SIGINT)
        node.communicate()
    return measured


def _peak_memory(text: str) -> float | None:
    """MiB, where the text is that of a process's status (proc(5))."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
    return None if found is None else int(found[1]) / 1024


def _start(
    arguments: list[str], folder: Path, *, stdout: int | None = None, stderr: int | None = None
) -> "subprocess.Popen[str]":
    environment = {**os.environ, **OWN_DOMAIN, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"}
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=stdout, stderr=stderr, text=True)


def _medians(results: Mapping[str, list[Measured]]) -> dict[str, Any]:
    """Medians of each checkout, and their ratios."""
    medians = {name: [_median(values) for values in zip(*measured, strict=True)] for name, measured in results.items()}
    row: dict[str, Any] = {
        name: {"milliseconds": milliseconds, "peak_memory_mib": memory}
        for name, (milliseconds, memory) in medians.items()
    }
    if "peer" in medians:
        pairs = zip(medians["this"], medians["peer"], strict=True)
        row["this_over_peer"] = [round(this / peer, 3) for this, peer in pairs if this is not None and peer]
    return row


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 1) if known else None


if __name__ == "__main__":
    typer.run(main)
