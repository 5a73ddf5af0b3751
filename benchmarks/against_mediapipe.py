"""HandOS and MediaPipe Hands on the same real frames in one run: each in its own process, in turns, frame by frame.

On the first run MediaPipe gets a virtual environment of its own, because it wants other versions of numpy and OpenCV.
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

from handos_model.benchmarks.latency import machine
from handos_model.io.frame import ImageArray
from handos_model.io.source import open_source

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
    """Milliseconds a frame."""
    slowest_tenth: float
    """The 90th percentile."""
    hands: float
    """Hands found in a frame, mean."""
    peak_memory: float
    """MiB resident at most since the process started."""


class Worker:
    """A program in a process of its own that is asked for one frame after the other."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def find_hands(self, frames: Path, index: int) -> dict[str, float]:
        """Let it work on a frame of an array that was saved."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{frames} {index}\n")
        self._process.stdin.flush()
        return dict(json.loads(self._answer()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise OSError(f"{self.name} ended with exit code {self._process.wait()}: its message is above")
        return answer


def compare(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video or folder of pictures, best with two hands.")],
    frames: Annotated[int, typer.Option(min=1, help="Frames at most.")] = 300,
    resolution: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="Frames are scaled to it; default: 640x480 and 1280x720.")
    ] = None,
    weights: Annotated[str, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = "",
    backend: Annotated[str, typer.Option(metavar="NAME", help="What runs it.")] = "onnxruntime",
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers here too.")] = None,
) -> None:
    """Measure both on SOURCE and print the ratio of their medians; below 1 HandOS is faster."""
    pictures = [frame.image for frame in islice(open_source(source).frames, frames)]
    python = prepare_mediapipe()
    workers = [
        Worker("HandOS", [sys.executable, str(HERE / "handos_worker.py"), weights, backend]),
        Worker("MediaPipe Hands", [python, str(HERE / "mediapipe_worker.py")]),
    ]
    results = [result for size in resolution or RESOLUTIONS for result in measure(workers, pictures, size)]
    for worker in workers:
        worker.close()
    report(results)
    if out is not None:
        out.write_text(json.dumps({"machine": machine(), "results": [asdict(r) for r in results]}, indent=2) + "\n")


def prepare_mediapipe() -> str:
    """Python of MediaPipe's virtual environment, made on the first call."""
    python = MEDIAPIPE_VENV / "bin" / "python"
    finished = MEDIAPIPE_VENV / ".finished"
    if not finished.is_file():
        print(f"installing {MEDIAPIPE} into {MEDIAPIPE_VENV}, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(MEDIAPIPE_VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", MEDIAPIPE], check=True)
        finished.touch()
    return str(python)


def measure(workers: list[Worker], pictures: list[ImageArray], resolution: str) -> list[Result]:
    """All workers on all pictures, in turns, so that what else the machine does disturbs them alike."""
    answers: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in workers}
    with tempfile.TemporaryDirectory() as folder:
        bgr, rgb = save_frames(pictures, resolution, Path(folder))
        for index in tqdm([*range(WARM_UP_FRAMES), *range(len(pictures))], desc=resolution, disable=None):
            for worker, path in zip(workers, (bgr, rgb), strict=True):
                answers[worker.name].append(worker.find_hands(path, index % len(pictures)))
    return [summarise(name, resolution, given[WARM_UP_FRAMES:]) for name, given in answers.items()]


def save_frames(pictures: list[ImageArray], resolution: str, folder: Path) -> tuple[Path, Path]:
    """Scaled pictures as arrays (N, H, W, 3) in two files, BGR and RGB."""
    width, height = (int(side) for side in resolution.split("x"))
    scaled = np.stack([cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) for picture in pictures])
    np.save(folder / "bgr.npy", scaled)
    np.save(folder / "rgb.npy", scaled[..., ::-1])
    return folder / "bgr.npy", folder / "rgb.npy"


def summarise(name: str, resolution: str, answers: list[dict[str, float]]) -> Result:
    """Numbers of one program."""
    milliseconds = [answer["milliseconds"] for answer in answers]
    return Result(
        program=name,
        resolution=resolution,
        frames=len(answers),
        median=float(np.median(milliseconds)),
        slowest_tenth=float(np.percentile(milliseconds, 90)),
        hands=float(np.mean([answer["hands"] for answer in answers])),
        peak_memory=max(answer["peak_memory"] for answer in answers),
    )


def report(results: list[Result]) -> None:
    """Print a table, and the ratio for each resolution."""
    print(f"{'':<18}{'picture':>10}{'frames':>8}{'median ms':>11}{'90 % ms':>9}{'hands':>7}{'MiB':>6}")
    for r in results:
        print(
            f"{r.program:<18}{r.resolution:>10}{r.frames:>8}{r.median:>11.1f}{r.slowest_tenth:>9.1f}"
            f"{r.hands:>7.2f}{r.peak_memory:>6.0f}"
        )
    for ours, theirs in zip(results[::2], results[1::2], strict=True):
        print(f"{ours.resolution}: HandOS takes {ours.median / theirs.median:.2f} times as long as MediaPipe Hands")


if __name__ == "__main__":
    typer.run(compare)
