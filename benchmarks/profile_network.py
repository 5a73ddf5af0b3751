"""Where the network's time goes: per part and operator, for images with one, two and four hands.

    scripts/with_ros.sh python benchmarks/profile_network.py --out benchmarks/profile_network.json

ONNX Runtime's profiler times every operator, which itself takes time; so the parts are shares of a run without it.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import typer

from handos_model.architecture.contract import INPUT_NAME, int8_beside
from handos_model.evaluation.latency import machine
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.onnxruntime_engine import default_session_options, read_properties
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.inference.preprocessing import letterbox
from handos_model.recordings.source import open_source

RUNS: Final = 50
WARM_UP: Final = 5
CLIP: Final = Path(__file__).parents[1] / "demo" / "clip.mp4"
PARTS: Final = {
    "backbone": "model.detector.model.model.backbone",
    "encoder": "model.detector.model.model.encoder",
    "detector's decoder": "model.detector",
    "side network": "model.side_network",
    "hand decoder": "model.decoder",
}
"""Parts in the order of computation, and what their weights' names begin with."""
OPERATORS: Final = 8
"""How many are listed."""


@dataclass(frozen=True)
class Profile:
    """One number of hands."""

    hands: int
    milliseconds: float
    """Median of a run without the profiler."""
    parts: dict[str, float]
    """Milliseconds."""
    operators: dict[str, float]
    """Milliseconds."""
    nodes: int


def profile(
    weights: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE.onnx", help="Default: the shipped network and its int8 file.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="0: one for each core.")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Also write the results here.")] = None,
) -> None:
    """Profile networks on one, two and four hands of the demo clip."""
    frame = next(iter(open_source(str(CLIP)).frames)).image
    left = frame.copy()
    left[:, frame.shape[1] // 2 :] = 114
    images = [np.asarray(image, np.uint8) for image in (left, frame, cv2.hconcat([frame, frame]))]
    report: dict[str, object] = {"machine": machine(), "threads": threads}
    for path in weights or (DEFAULT_WEIGHTS, int8_beside(DEFAULT_WEIGHTS)):
        profiles = [profile_image(path, threads, image) for image in images]
        print(path.name)
        print_table(profiles)
        report[path.name] = [asdict(each) for each in profiles]
    if out is not None:
        with atomic_write(out) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n")


def profile_image(weights: Path, threads: int, image: ImageArray) -> Profile:
    """Run the network on an image, without the profiler and with it."""
    size = read_properties(weights).input_sizes.for_image(image.shape[1], image.shape[0])
    feed = {INPUT_NAME: letterbox(image, size)[0]}
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(weights, threads, Path(folder))
        session.run(None, feed)
        plain = open_session(weights, threads, None)
        hands = len(plain.run(["scores"], feed)[0])
        seconds = [timed(plain, feed) for _ in range(WARM_UP + RUNS)][WARM_UP:]
        for _ in range(RUNS):
            session.run(None, feed)
        durations, operators = read_events(Path(session.end_profiling()))
        part_of = parts_of_nodes(onnx.load(Path(folder) / "optimised.onnx").graph)
    milliseconds = 1000 * float(np.median(seconds))
    scale = milliseconds / sum(durations.values())
    parts, kinds = defaultdict[str, float](float), defaultdict[str, float](float)
    for node, duration in durations.items():
        parts[part_of[node]] += scale * duration
        kinds[operators[node]] += scale * duration
    return Profile(hands, milliseconds, dict(parts), dict(kinds), len(durations))


def open_session(weights: Path, threads: int, folder: Path | None) -> onnxruntime.InferenceSession:
    """A session as the engine opens it; with a folder, one that profiles and writes its optimised graph there."""
    options = default_session_options()
    options.intra_op_num_threads = threads
    if folder is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / "profile")
        options.optimized_model_filepath = str(folder / "optimised.onnx")
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def timed(session: onnxruntime.InferenceSession, feed: dict[str, ImageArray]) -> float:
    """Seconds of a run."""
    start = time.perf_counter()
    session.run(None, feed)
    return time.perf_counter() - start


def read_events(path: Path) -> tuple[dict[str, float], dict[str, str]]:
    """Median duration and operator of every node."""
    durations: dict[str, list[float]] = {}
    operators = {}
    for event in json.loads(path.read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            node = event["name"].removesuffix("_kernel_time")
            durations.setdefault(node, []).append(event["dur"])
            operators[node] = event["args"]["op_name"]
    return {node: float(np.median(each)) for node, each in durations.items()}, operators


def parts_of_nodes(graph: onnx.GraphProto) -> dict[str, str]:
    """The part that each node belongs to: that of its weights, else the last of those that it reads from."""
    order = list(PARTS)
    of_weights = {weight.name: part for weight in graph.initializer if (part := part_of_weight(weight.name))}
    of_tensors: dict[str, str] = {}
    of_nodes = {}
    for node in graph.node:
        own = [of_weights[name] for name in node.input if name in of_weights]
        read = own or [of_tensors[name] for name in node.input if name in of_tensors] or order[:1]
        of_nodes[node.name] = max(read, key=order.index)
        of_tensors |= dict.fromkeys(node.output, of_nodes[node.name])
    return of_nodes


def part_of_weight(name: str) -> str | None:
    """The part whose prefix a weight's name has."""
    return next((part for part, prefix in PARTS.items() if name.startswith(prefix)), None)


def print_table(profiles: list[Profile]) -> None:
    """Milliseconds of every part and of the operators that take most, one column for each number of hands."""
    last = profiles[-1].operators
    listed = sorted(last, key=lambda operator: -last[operator])[:OPERATORS]
    print_row("hands", [each.hands for each in profiles])
    print_row("milliseconds", [each.milliseconds for each in profiles])
    for part in PARTS:
        print_row(f"  {part}", [each.parts[part] for each in profiles])
    for operator in listed:
        print_row(f"  {operator}", [each.operators.get(operator, 0.0) for each in profiles])
    others = [sum(each.operators.values()) - sum(each.operators.get(name, 0) for name in listed) for each in profiles]
    print_row("  other operators", others)
    print_row("nodes", [each.nodes for each in profiles])


def print_row(name: str, values: Sequence[float]) -> None:
    """One line of the table."""
    print(f"{name:<24}" + "".join(f"{value:>9.2f}" if isinstance(value, float) else f"{value:>9}" for value in values))


if __name__ == "__main__":
    typer.run(profile)
