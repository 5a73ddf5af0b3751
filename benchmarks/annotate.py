"""What `handos annotate` costs and survives, on recordings made of demo/clip.mp4: one command a question.

    python benchmarks/annotate.py throughput     # against a plain loop and MediaPipe Hands
    python benchmarks/annotate.py scaling        # one worker, two, Ray, two nodes; also --waiting FAST.onnx
    python benchmarks/annotate.py kills --weights FAST.onnx     # killed ten times
    python benchmarks/annotate.py memory --weights FAST.onnx    # an hour of video

Each writes its part of annotate.json. FAST.onnx is a network that takes no time, by
`python test/support/fixed_answer_graph.py FAST.onnx`: then the rest is what is measured.
"""

import filecmp
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final

import av
import cv2
import numpy as np
import typer
from against_mediapipe import prepare_mediapipe
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from handos_model.evaluation.latency import machine
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.source import open_source

ROOT: Final = Path(__file__).parents[1]
CLIP: Final = ROOT / "demo" / "clip.mp4"
RESULTS: Final = Path(__file__).with_suffix(".json")
KILLS: Final = 10
RATE: Final = 10
"""Frames per second of the long recordings: the clip, slowed down."""
VIEW: Final = ("--field-of-view", "60")
_MEDIAPIPE: Final = """
import sys, cv2, mediapipe
hands = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=2, model_complexity=1)
video = cv2.VideoCapture(sys.argv[1])
while (frame := video.read())[0]:
    hands.process(cv2.cvtColor(frame[1], cv2.COLOR_BGR2RGB))
"""

app = typer.Typer(no_args_is_help=True)
Weights = Annotated[Path, typer.Option(metavar="FAST.onnx", help="A network that takes no time.")]
Loops = Annotated[int, typer.Option(min=1, help="Times that the clip is repeated in each video.")]


@app.command()
def throughput(loops: Loops = 2) -> None:
    """A plain loop, `annotate`, and MediaPipe Hands on the same video."""
    with _folder() as folder:
        video = write_video(folder / "a.mp4", loops)
        frames = sum(1 for _ in open_source(video).frames)
        mediapipe = [prepare_mediapipe(), "-c", _MEDIAPIPE, str(video)]
        plain = [sys.executable, "-c", f"import annotate, pathlib; annotate.plain_loop(pathlib.Path({str(video)!r}))"]
        results = {
            "plain loop": measure([plain], frames),
            "annotate": measure([_command([video], folder / "out", "--stretch", "90", *VIEW)], frames),
            "MediaPipe Hands, two processes": measure([mediapipe, mediapipe], 2 * frames),
        }
    record("throughput", {"frames": frames, "results": results})


@app.command()
def scaling(
    loops: Loops = 1,
    waiting: Annotated[
        Path | None, typer.Option(metavar="FAST.onnx", help="A network that takes 30 ms, and no processor, instead.")
    ] = None,
) -> None:
    """One worker and two, here, on Ray, and on a cluster of two nodes of one core."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    sys.path.insert(0, str(ROOT / "test" / "support"))
    ray_cluster = importlib.import_module("ray_cluster").ray_cluster

    results: dict[str, Any] = {}
    with _folder() as folder, ray_cluster(folder / "ray", (1,)) as one, ray_cluster(folder / "r2", (1, 1)) as two:
        videos = [write_video(folder / f"{number}.mp4", loops) for number in range(4)]
        frames = 4 * sum(1 for _ in open_source(videos[0]).frames)
        cases: list[tuple[str, list[str], dict[str, str]]] = [
            ("1 process", ["--workers", "1"], {}),
            ("2 processes", ["--workers", "2"], {}),
            ("Ray, 1 node of 1 core", ["--ray", one.address], one.environment),
            ("Ray, 2 nodes of 1 core", ["--ray", two.address], two.environment),
        ]
        for name, options, environment in cases:
            command = _command(videos, folder / name, *options, *VIEW)
            if waiting is not None:
                command[2] = "from waiting_annotator import run; run()"
                command += ["--weights", str(waiting)]
            environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
            results[name] = measure([command], frames, environment)
            typer.echo(f"{name}: {results[name]}")
    record("scaling" if waiting is None else "scaling_of_a_network_that_waits", {"frames": frames, "results": results})


@app.command()
def kills(weights: Weights, minutes: float = 10.0) -> None:
    """Annotate a video and a bag, kill it ten times with SIGKILL, and compare all bytes with those of a whole run."""
    loops = round(minutes * 60 * RATE / 180)
    with _folder() as folder:
        sources = [write_video(folder / "video.mp4", loops, RATE), write_bag(folder / "bag", loops)]
        options = ("--weights", str(weights), "--format", "parquet", "--stretch", "600", *VIEW)
        seconds = _timed(lambda: annotate(sources, folder / "whole", *options))
        progress = []
        for number in range(KILLS):
            process = subprocess.Popen(_command(sources, folder / "out", *options), start_new_session=True)
            time.sleep(3 + number)  # at first while the network runs, then while results are written
            assert process.poll() is None, "the run ended before it was killed"
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            progress.append(sum(1 for _ in (folder / "out").rglob("*.answers")))
        again = _timed(lambda: annotate(sources, folder / "out", *options))
        compared = _different_files(folder / "whole", folder / "out")
    result = {"minutes": minutes, "whole_seconds": seconds, "seconds_after_kills": again}
    record("kills", result | {"kills": KILLS, "stretches_at_each_kill": progress, **compared})


@app.command()
def memory(weights: Weights, minutes: float = 60.0) -> None:
    """Resident memory of the workers while a long video is annotated."""
    with _folder() as folder:
        video = write_video(folder / "hour.mp4", round(minutes * 60 * RATE / 180), RATE)
        options = ("--weights", str(weights), "--format", "parquet", *VIEW)
        process = subprocess.Popen(_command([video], folder / "out", *options))
        samples: list[float] = []
        while process.poll() is None:
            samples.append(max(map(_resident_mebibytes, _children(process.pid)), default=0.0))
            time.sleep(1)
        tenths = [max(samples[i * len(samples) // 10 : (i + 1) * len(samples) // 10]) for i in range(10)]
    record("memory", {"minutes": minutes, "seconds": len(samples), "largest_worker_mebibytes_by_tenths": tenths})


def annotate(sources: Sequence[Path], out: Path, *options: str) -> None:
    """`handos annotate` as a process of its own."""
    subprocess.run(_command(sources, out, *options), check=True)


def write_video(path: Path, loops: int, rate: float = 25.0) -> Path:
    """The clip, again and again, without encoding it anew."""
    with av.open(str(CLIP)) as clip, av.open(str(path), "w") as video:
        stream = clip.streams.video[0]
        assert stream.average_rate is not None
        scale = float(stream.average_rate) / rate
        packets = [packet for packet in clip.demux(stream) if packet.dts is not None]
        contents = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]
        copied = video.add_stream_from_template(stream)
        step = round(len(packets) / float(stream.average_rate * stream.time_base))
        for loop in range(loops):
            for content, pts, dts, is_key in contents:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = copied, stream.time_base, is_key
                packet.pts, packet.dts = (round(scale * (time_ + loop * step)) for time_ in (pts, dts))
                video.mux(packet)
    return path


def write_bag(path: Path, loops: int) -> Path:
    """The clip as JPEG images in a bag, with a camera_info."""
    types = get_typestore(Stores.ROS2_JAZZY)
    kinds: Any = types.types
    images = [_jpeg(frame.image) for frame in open_source(CLIP).frames]
    camera = CameraIntrinsics.from_field_of_view(640, 480, 60)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        image_kind, info_kind = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
        topic = bag.add_connection("/camera/image_raw/compressed", image_kind, typestore=types)
        info = bag.add_connection("/camera/camera_info", info_kind, typestore=types)
        for number in range(loops * len(images)):
            stamp = 10**18 + number * 10**9 // RATE
            header = kinds["std_msgs/msg/Header"](
                kinds["builtin_interfaces/msg/Time"](stamp // 10**9, stamp % 10**9), "camera"
            )
            k = camera.matrix
            region = kinds["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
            flat = [k.ravel(), [1.0, 0, 0, 0, 1, 0, 0, 0, 1], [*k[0], 0, *k[1], 0, *k[2], 0]]
            matrices = [np.array(values, float) for values in ([0.0] * 5, *flat)]
            message = kinds[info_kind](header, 480, 640, "plumb_bob", *matrices, 0, 0, region)
            bag.write(info, stamp, bytes(types.serialize_cdr(message, info_kind)))
            image = kinds[image_kind](header, "jpeg", images[number % len(images)])
            bag.write(topic, stamp, bytes(types.serialize_cdr(image, image_kind)))
    return path


def record(name: str, result: dict[str, Any]) -> None:
    """Write a part of the results."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {"machine": machine(), "load_average": round(os.getloadavg()[0], 1), **result}
    typer.echo(json.dumps(results[name], indent=2))
    with atomic_write(RESULTS) as temporary:
        temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _jpeg(image: Any) -> Any:
    return cv2.imencode(".jpg", image)[1].ravel()


def plain_loop(video: Path) -> None:
    """What a user would write without `handos annotate`."""
    pipeline, settings = HandPipeline.load().for_tracking(TrackingSettings())
    tracker = HandTracker()
    for frame in open_source(video).frames:
        camera = CameraIntrinsics.from_field_of_view(640, 480, 60)
        tracker.update(pipeline(frame.image, camera), frame.stamp, settings)


def measure(commands: list[list[str]], frames: int, environment: dict[str, str] | None = None) -> dict[str, float]:
    """Run commands at once: frames per second, and processor time per frame, which other load changes less."""
    start = time.monotonic()
    running = [
        subprocess.Popen(command, env=os.environ | (environment or {}), cwd=Path(__file__).parent)
        for command in commands
    ]
    ticks: dict[int, int] = {}
    while any(process.poll() is None for process in running):
        own = [pid for process in running for pid in (process.pid, *_children(process.pid))]
        ticks |= {pid: spent for pid in {*own, *_ray_workers()} if (spent := _ticks(pid)) is not None}
        time.sleep(0.2)
    seconds = time.monotonic() - start
    assert all(process.returncode == 0 for process in running)
    processor = sum(ticks.values()) / os.sysconf("SC_CLK_TCK")
    return {
        "frames_per_second": round(frames / seconds, 1),
        "processor_milliseconds_per_frame": round(1000 * processor / frames, 1),
    }


def _ticks(pid: int) -> int | None:
    """Processor time of a process, in ticks."""
    try:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(values[11]) + int(values[12])


def _ray_workers() -> list[int]:
    """Processes that Ray has given a task."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes().startswith(b"ray::_perform"):
                found.append(int(path.parent.name))
    return found


def _command(sources: Sequence[Path], out: Path, *options: str) -> list[str]:
    program = "from handos_model.commands.cli import main; main()"
    return [sys.executable, "-c", program, "annotate", *map(str, sources), "--out", str(out), *options]


def _timed(function: Any) -> float:
    start = time.monotonic()
    function()
    return time.monotonic() - start


def _different_files(one: Path, other: Path) -> dict[str, Any]:
    """All files but those with times in them."""
    names = {str(path.relative_to(one)) for path in one.rglob("*") if path.is_file()}
    others = {str(path.relative_to(other)) for path in other.rglob("*") if path.is_file()}
    compared = {name for name in names if Path(name).name not in ("recording.json", "recordings.jsonl")}
    _, different, missing = filecmp.cmpfiles(one, other, compared, shallow=False)
    return {"files": len(compared), "different": sorted({*different, *missing, *(names ^ others)})}


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _resident_mebibytes(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="an") as folder:
        yield Path(folder)


if __name__ == "__main__":
    app()
