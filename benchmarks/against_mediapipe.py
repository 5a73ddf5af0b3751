"""Latency and memory of HandOS and MediaPipe Hands on the same real frames, alternating frame by frame.

Each runs in its own process: on single images, where both look for hands in all of each image, or with `--tracking`
on a video, where both follow the hands from frame to frame. On the first run MediaPipe is installed into its own
virtual environment, because it needs other versions of numpy and OpenCV.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from tqdm import tqdm

from handos_model.evaluation.latency import machine
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.source import open_source

HERE: Final = Path(__file__).parent
MEDIAPIPE_VENV: Final = HERE.parent / ".venv-mediapipe"
MEDIAPIPE: Final = "mediapipe==0.10.21"
WARM_UP_FRAMES: Final = 10
RESOLUTIONS: Final = ("640x480", "1280x720")


@dataclass(frozen=True)
class Result:
    """One program on the frames of one resolution."""

    program: str
    resolution: str
    frames: int
    median: float
    """Milliseconds per frame."""
    mean: float
    """Milliseconds per frame: where few frames take longer than most, the load of the processor."""
    slowest_tenth: float
    """90th percentile, milliseconds per frame."""
    hands: float
    """Mean number of hands per frame."""
    peak_memory: float
    """Peak resident memory of the process in MiB."""


class Worker:
    """A program in a separate process that processes one frame per request."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read_line()

    def find_hands(self, frames: Path, index: int) -> dict[str, float]:
        """Process one frame of a saved array."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{frames} {index}\n")
        self._process.stdin.flush()
        return dict(json.loads(self._read_line()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"{self.name} ended with exit code {self._process.wait()}: see its message above")
        return line


def compare(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video or folder of images, best with two hands.")],
    tracking: Annotated[
        bool, typer.Option("--tracking", help="Follow the hands through a video: each program in its own video mode.")
    ] = False,
    frames: Annotated[int, typer.Option(min=1, help="Maximum number of frames.")] = 300,
    resolution: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="Frames are scaled to it; default: 640x480 and 1280x720.")
    ] = None,
    weights: Annotated[str, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = "",
    backend: Annotated[str, typer.Option(metavar="NAME", help="Backend of HandOS.")] = "onnxruntime",
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Also write the results here.")] = None,
) -> None:
    """Measure both on SOURCE and print the ratio of their medians; below 1 HandOS is faster."""
    opened = open_source(source)
    if tracking and opened.frame_rate is None:
        raise typer.BadParameter(f"--tracking needs a video, and {source} has images without time: leave it out")
    images = [frame.image for frame in islice(opened.frames, frames)]
    frame_rate = str(opened.frame_rate) if tracking else "0"
    workers = [
        Worker("HandOS", [sys.executable, str(HERE / "handos_worker.py"), weights, backend, frame_rate]),
        Worker("MediaPipe Hands", [prepare_mediapipe(), str(HERE / "mediapipe_worker.py"), frame_rate]),
    ]
    results = [result for size in resolution or RESOLUTIONS for result in measure(workers, images, size)]
    for worker in workers:
        worker.close()
    print_table(results)
    if out is not None:
        report = {"machine": machine(), "tracking": tracking, "results": [asdict(result) for result in results]}
        with atomic_write(out) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n")


def prepare_mediapipe() -> str:
    """Python of MediaPipe's virtual environment, which is created by the first call."""
    python = MEDIAPIPE_VENV / "bin" / "python"
    finished = MEDIAPIPE_VENV / ".finished"
    if not finished.is_file():
        print(f"installing {MEDIAPIPE} into {MEDIAPIPE_VENV}, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(MEDIAPIPE_VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", MEDIAPIPE], check=True)
        finished.touch()
    return str(python)


def measure(workers: list[Worker], images: list[ImageArray], resolution: str) -> list[Result]:
    """Run all workers on all images, alternating, so that other load on the machine affects them equally."""
    runs: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in workers}
    with tempfile.TemporaryDirectory() as folder:
        bgr, rgb = save_frames(images, resolution, Path(folder))
        for index in tqdm([*range(WARM_UP_FRAMES), *range(len(images))], desc=resolution, disable=None):
            for worker, path in zip(workers, (bgr, rgb), strict=True):
                runs[worker.name].append(worker.find_hands(path, index % len(images)))
    return [summarise(name, resolution, frames[WARM_UP_FRAMES:]) for name, frames in runs.items()]


def save_frames(images: list[ImageArray], resolution: str, folder: Path) -> tuple[Path, Path]:
    """Save scaled images as arrays (N, H, W, 3) to two files, BGR and RGB."""
    width, height = (int(side) for side in resolution.split("x"))
    scaled = np.stack([cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images])
    np.save(folder / "bgr.npy", scaled)
    np.save(folder / "rgb.npy", scaled[..., ::-1])
    return folder / "bgr.npy", folder / "rgb.npy"


def summarise(name: str, resolution: str, frames: list[dict[str, float]]) -> Result:
    """Statistics of one program over all frames."""
    milliseconds = [frame["milliseconds"] for frame in frames]
    return Result(
        program=name,
        resolution=resolution,
        frames=len(frames),
        median=float(np.median(milliseconds)),
        mean=float(np.mean(milliseconds)),
        slowest_tenth=float(np.percentile(milliseconds, 90)),
        hands=float(np.mean([frame["hands"] for frame in frames])),
        peak_memory=max(frame["peak_memory"] for frame in frames),
    )


def print_table(results: list[Result]) -> None:
    """Print a table and the ratios for each resolution."""
    print(f"{'':<18}{'image':>10}{'frames':>8}{'median ms':>11}{'mean':>7}{'90 %':>7}{'hands':>7}{'MiB':>6}")
    for r in results:
        print(
            f"{r.program:<18}{r.resolution:>10}{r.frames:>8}{r.median:>11.1f}{r.mean:>7.1f}{r.slowest_tenth:>7.1f}"
            f"{r.hands:>7.2f}{r.peak_memory:>6.0f}"
        )
    for ours, theirs in zip(results[::2], results[1::2], strict=True):
        median, mean = ours.median / theirs.median, ours.mean / theirs.mean
        print(f"{ours.resolution}: HandOS takes {median:.2f} times as long as MediaPipe Hands (means: {mean:.2f})")


if __name__ == "__main__":
    typer.run(compare)
