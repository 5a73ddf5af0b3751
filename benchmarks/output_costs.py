"""What each output of the node costs while somebody listens, over DDS between two processes.

    scripts/with_ros.sh python benchmarks/output_costs.py --image hands.jpg --weights network.onnx \
        --out benchmarks/output_costs.json

The network that `test/support/fixed_answer_graph.py` writes takes almost no time, so that the outputs are what is seen;
it finds two hands. tf2_ros and vision_msgs must be installed: rows that need a missing one are left out.
"""

import importlib.util
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import cv2
import numpy as np
import rclpy
import typer
from camera_stand_in import CameraStandIn
from geometry_msgs.msg import TransformStamped
from node_overhead import cpu_milliseconds, running_node, wait_for_node
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_ros.messages.detections import DetectionMessages
from handos_ros.messages.hand_messages import fingertips_message, wrist_message
from handos_ros.messages.rigid_transform import PoseFrame, RigidTransform
from handos_ros.outputs.sides import wrists_by_side
from handos_ros.player import FRAME_ID

RATE: Final = 30.0
"""Hz."""
SIZE: Final = (640, 480)
WARM_UP: Final = 60
"""Images before measuring."""
PIXELS: Final = ("detections_2d", "markers", "overlay")
POSES: Final = ("left/wrist", "right/wrist", "fingertips", "detections_3d")
BUILDS: Final = 300
"""Messages of a kind that are built."""
NOTHING_ELSE: Final = ("-p", "tf:=false")
TF: Final = ("-p", "tf:=true")
TARGET: Final = ("-p", "target_frame:=base_link")


@dataclass(frozen=True)
class Row:
    """Results of one configuration, in milliseconds per image."""

    outputs: str
    parameters: str
    after_hands: float | None
    """Median from the arrival of a HandArray to that of the slowest output of the same image."""
    cpu: float
    """Processor time of the node, all threads."""
    answered: int
    """Images whose hands were received."""


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image to send.")],
    weights: Annotated[Path, typer.Option(metavar="FILE.onnx", help="A network that takes no time.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    images: Annotated[int, typer.Option(min=10, help="Images per row.")] = 300,
) -> None:
    """Measure the cost of each output of the node."""
    os.environ |= {
        "FASTDDS_DEFAULT_PROFILES_FILE": str(Path(__file__).parents[1] / "config" / "fastdds_large_images.xml"),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }
    sent: ImageArray = np.asarray(cv2.resize(read_image(image), SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    rclpy.init()
    camera = CameraStandIn(CameraIntrinsics(600.0, 600.0, 320.0, 240.0))
    rows: list[Row] = []
    for parameters, outputs_of_rows in _configurations():
        transforms = _static_transform(camera) if parameters == TARGET else None
        with running_node(weights, *parameters) as process:
            camera.received.clear()
            wait_for_node(camera, sent)
            for outputs in outputs_of_rows:
                rows.append(_measure(camera, process.pid, sent, parameters, outputs, images))
                typer.echo(rows[-1])
        del transforms
    load, built = os.getloadavg()[0], _build_milliseconds(weights, sent)
    typer.echo(built)
    report = {
        "machine": f"{os.cpu_count()} CPUs, load average {load:.1f} at the end",
        "images_per_row": images,
        "rate": RATE,
        "build_cpu_milliseconds": built,
        "rows": [asdict(row) for row in rows],
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    rclpy.try_shutdown()


def _configurations() -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Parameters of a node, and the outputs that are listened to, one row after the other."""
    has_vision, has_tf2 = (importlib.util.find_spec(name) is not None for name in ("vision_msgs", "tf2_ros"))
    pixels, poses = ([name for name in names if has_vision or "detections" not in name] for names in (PIXELS, POSES))
    # Without listeners first and last: the difference is the noise of the machine.
    alone: list[tuple[str, ...]] = [(), *((name,) for name in [*poses, *pixels]), (*poses, *pixels), ()]
    moved: list[tuple[str, ...]] = [(), *((name,) for name in poses), ()]
    rows: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [(NOTHING_ELSE, alone), (TF, [(), ()]), (TARGET, moved)]
    return rows if has_tf2 else rows[:1]


def _measure(
    camera: CameraStandIn,
    pid: int,
    image: ImageArray,
    parameters: tuple[str, ...],
    outputs: tuple[str, ...],
    count: int,
) -> Row:
    with camera.subscribed_to(outputs):
        camera.play(image, RATE, WARM_UP)
        camera.received.clear()
        for delays in camera.delays.values():
            delays.clear()
        cpu = cpu_milliseconds(pid)
        camera.play(image, RATE, count)
        cpu = cpu_milliseconds(pid) - cpu
    medians = [float(np.median(delays)) for delays in camera.delays.values()]
    return Row(
        outputs="+".join(("hands", *outputs)),
        parameters=" ".join(parameters),
        after_hands=max(medians, default=None),
        cpu=cpu / len(camera.received),
        answered=len(camera.received),
    )


def _build_milliseconds(weights: Path, image: ImageArray) -> dict[str, float]:
    """Median processor time to build and serialize the messages of an image's hands, in this process."""
    pipeline = HandPipeline.load(weights)
    camera = CameraIntrinsics.from_field_of_view(*SIZE, 60.0)
    hands = [replace(hand, id=number) for number, hand in enumerate(pipeline(image, camera), start=1)]
    header, base = Header(frame_id=FRAME_ID), RigidTransform((1.0, 2.0, 3.0), (0.5, 0.5, 0.5, 0.5))
    builders: dict[str, Callable[[], Any]] = {}
    for suffix, frame in (("", PoseFrame(header)), (", target_frame", PoseFrame(header, base))):
        hand = wrists_by_side(hands)["left"][0]
        assert hand.metric is not None
        builders[f"wrist{suffix}"] = partial(wrist_message, hand.metric, "left", frame)
        builders[f"fingertips{suffix}"] = partial(fingertips_message, hands, frame)
        if importlib.util.find_spec("vision_msgs") is not None:
            builders[f"detections_3d{suffix}"] = partial(DetectionMessages().in_3d, hands, frame)
            builders["detections_2d"] = partial(DetectionMessages().in_2d, hands, header)
    return {name: _median_milliseconds(build) for name, build in builders.items()}


def _median_milliseconds(build: Callable[[], Any]) -> float:
    times = []
    for _ in range(BUILDS):
        start = time.thread_time()
        serialize_message(build())
        times.append(1000 * (time.thread_time() - start))
    return float(np.median(times))


def _static_transform(camera: CameraStandIn) -> Any:
    """Publishes where the camera is; it stays known as long as the result is kept."""
    from tf2_ros import StaticTransformBroadcaster

    broadcaster = StaticTransformBroadcaster(camera)
    transform = TransformStamped(child_frame_id=FRAME_ID)
    transform.header.frame_id, transform.transform.translation.x = "base_link", 1.0
    broadcaster.sendTransform(transform)
    time.sleep(0.5)
    return broadcaster


if __name__ == "__main__":
    typer.run(main)
