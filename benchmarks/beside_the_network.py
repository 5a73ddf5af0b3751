"""Whether the next image is better decoded, and an overlay drawn, beside the network or before it, in one process.

    scripts/with_ros.sh python benchmarks/beside_the_network.py --image hands.jpg --out FILE.json

For each kind of image, all ways take turns: their medians are of the same minutes. `--weights` names a network that
takes almost no time, as in `node_overhead.py`: what is drawn then competes for Python's lock alone.
"""

import json
import os
import queue
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, cast

import cv2
import numpy as np
import typer
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_model.visualization.overlay import draw_hands
from handos_ros.images.image_decoding import ImageMessage, decode_image
from handos_ros.messages.image_messages import image_message

SIZES: Final = ((640, 480), (1280, 720))
PAUSE: Final = 0.002
"""Seconds between two runs."""


class Helper:
    """A thread that does one thing after the other."""

    def __init__(self) -> None:
        self._tasks: queue.Queue[Callable[[], object]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def start(self, task: Callable[[], object]) -> None:
        """Do it when what was started before is done."""
        self._tasks.put(task)

    def wait(self) -> None:
        """Wait until everything is done."""
        self._tasks.join()

    def _run(self) -> None:
        while True:
            self._tasks.get()()
            self._tasks.task_done()


@dataclass(frozen=True)
class Way:
    """What is done before the network runs and beside it."""

    before: Callable[[], object] | None = None
    beside: tuple[Callable[[], object], ...] = ()
    is_awaited: bool = False
    """Whether the time ends when what is done beside has ended, too."""


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image with hands.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each way and kind of image.")] = 60,
) -> None:
    """Measure all ways."""
    pipeline, helper = HandPipeline.load(weights), Helper()
    source = read_image(image)
    kinds = dict(_messages(source))
    ways = {kind: _ways(pipeline, message) for kind, message in kinds.items()}
    times: dict[tuple[str, str], list[float]] = {(kind, way): [] for kind, group in ways.items() for way in group}
    for _ in range(rounds):
        for kind, group in ways.items():
            decoded = decode_image(kinds[kind])
            for name, way in group.items():
                times[kind, name].append(_milliseconds(way, pipeline, decoded, helper))
                time.sleep(PAUSE)
    rows = [
        {
            "image": kind,
            "decoding": _decoding(message, rounds),
            **{name: _median(times[kind, name]) for name in ways[kind]},
        }
        for kind, message in kinds.items()
    ]
    for row in rows:
        typer.echo(row)
    report = {
        "network": f"{pipeline.engine.properties.preset}, {pipeline.engine.description}",
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "rounds": rounds,
        "median_milliseconds": rows,
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _ways(pipeline: HandPipeline, message: ImageMessage) -> dict[str, Way]:
    def decode() -> object:
        return decode_image(message)

    image = decode_image(message)
    camera = _camera(image)
    hands = [replace(hand, id=number) for number, hand in enumerate(pipeline(image, camera))]

    def draw() -> object:
        return image_message(draw_hands(image, hands, pipeline.topology, camera), Header())

    return {
        "network alone": Way(),
        "decoded before": Way(before=decode),
        "next decoded beside": Way(beside=(decode,), is_awaited=True),
        "next two decoded beside": Way(beside=(decode, decode), is_awaited=True),
        "drawn before": Way(before=draw),
        "drawn beside": Way(beside=(draw,)),
    }


def _messages(source: ImageArray) -> Iterator[tuple[str, ImageMessage]]:
    """Messages of all kinds, with their names."""
    for width, height in SIZES:
        image = cast(ImageArray, cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA))
        yield f"{width}x{height} bgr8", image_message(image, Header())
        rgb = image_message(cast(ImageArray, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), Header())
        rgb.encoding = "rgb8"
        yield f"{width}x{height} rgb8", rgb
        data = array("B", cv2.imencode(".jpg", image)[1].tobytes())
        yield f"{width}x{height} jpeg", CompressedImage(format="jpeg", data=data)


def _milliseconds(way: Way, pipeline: HandPipeline, image: ImageArray, helper: Helper) -> float:
    start = time.perf_counter()
    for task in way.beside:
        helper.start(task)
    if way.before is not None:
        way.before()
    pipeline(image, _camera(image))
    if way.is_awaited:
        helper.wait()
    milliseconds = 1000 * (time.perf_counter() - start)
    helper.wait()
    return milliseconds


def _decoding(message: ImageMessage, rounds: int) -> float:
    """Median milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        decode_image(message)
        times.append(1000 * (time.perf_counter() - start))
    return _median(times)


def _camera(image: ImageArray) -> CameraIntrinsics:
    height, width = image.shape[:2]
    return CameraIntrinsics.from_field_of_view(width, height, 60.0)


def _median(values: list[float]) -> float:
    return round(float(np.median(values)), 2)


if __name__ == "__main__":
    typer.run(main)
