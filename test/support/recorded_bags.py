"""rosbag2 bags of drawn images, written with rosbags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from handos_model.geometry.intrinsics import CameraIntrinsics

START: Final = 1_700_000_000_123_456_789
"""Nanoseconds of the first image."""
STEP: Final = 40_000_000
CAMERA: Final = CameraIntrinsics(400, 410, 160, 120)
TYPES: Final = get_typestore(Stores.ROS2_JAZZY)

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Recorded:
    """A message and the topic and time at which it was recorded."""

    topic: str
    received: int
    message: Any


def _type(name: str) -> Any:
    return TYPES.types[name]


def header(stamp: int, frame_id: str = "camera_optical_frame") -> Any:
    time = _type("builtin_interfaces/msg/Time")(stamp // 10**9, stamp % 10**9)
    return _type("std_msgs/msg/Header")(time, frame_id)


def raw_image(image: npt.NDArray[Any], stamp: int, encoding: str = "bgr8") -> Any:
    height, width = image.shape[:2]
    data = np.frombuffer(image.tobytes(), np.uint8)
    return _type("sensor_msgs/msg/Image")(header(stamp), height, width, encoding, 0, len(data) // height, data)


def compressed_image(image: Image, stamp: int, data: bytes | None = None) -> Any:
    encoded = cv2.imencode(".jpg", image)[1].tobytes() if data is None else data
    kind = _type("sensor_msgs/msg/CompressedImage")
    return kind(header(stamp), "bgr8; jpeg compressed bgr8", np.frombuffer(encoded, np.uint8))


def camera_info(
    camera: CameraIntrinsics, stamp: int, width: int = 320, height: int = 240, d: Sequence[float] = ()
) -> Any:
    k = camera.matrix
    p = np.hstack([k, np.zeros((3, 1))])
    region = _type("sensor_msgs/msg/RegionOfInterest")(0, 0, 0, 0, False)
    coefficients = np.array(d or [0.0] * 5)
    return _type("sensor_msgs/msg/CameraInfo")(
        header(stamp), 240, 320, "plumb_bob", coefficients, k.ravel(), np.eye(3).ravel(), p.ravel(), 0, 0, region
    )


def grey(level: int) -> Image:
    return np.full((240, 320, 3), level, np.uint8)


def camera_messages(
    count: int, namespace: str = "/camera", *, compressed: bool = False, camera: CameraIntrinsics | None = CAMERA
) -> list[Recorded]:
    """Images of rising brightness, 25 a second, each with its camera_info before it; recorded 5 ms later."""
    messages = []
    for number in range(count):
        stamp = START + number * STEP
        received = stamp + 5_000_000
        if camera is not None:
            messages.append(Recorded(f"{namespace}/camera_info", received, camera_info(camera, stamp)))
        image = grey(10 + number)
        if compressed:
            topic = f"{namespace}/image_raw/compressed"
            messages.append(Recorded(topic, received, compressed_image(image, stamp)))
        else:
            messages.append(Recorded(f"{namespace}/image_raw", received, raw_image(image, stamp)))
    return messages


def write_bag(
    path: Path,
    messages: Iterable[Recorded],
    storage: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode = CompressionMode.NONE,
) -> Path:
    """Write a bag's folder; the path of its file."""
    writer = Writer(path, version=9, storage_plugin=storage)
    if compression != CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    connections = {}
    with writer:
        for recorded in messages:
            kind = recorded.message.__msgtype__
            if recorded.topic not in connections:
                connections[recorded.topic] = writer.add_connection(recorded.topic, kind, typestore=TYPES)
            data = TYPES.serialize_cdr(recorded.message, kind)
            writer.write(connections[recorded.topic], recorded.received, bytes(data))
    return next(file for file in path.iterdir() if file.name != "metadata.yaml")
