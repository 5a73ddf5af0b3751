"""The cameras of a bag as sources of frames."""

import logging
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from handos_model.files.image_messages import (
    ImageDecodingError,
    decode_compressed_image,
    decode_depth,
    decode_raw_image,
)
from handos_model.files.signal_range import SignalRange
from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.camera_info import Calibration, CalibrationReader, CameraInfoError, is_rectified
from handos_model.recordings.bags.bag import Bag
from handos_model.recordings.bags.bag_cameras import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    BagCamera,
    TopicChoice,
    cameras_of,
)
from handos_model.recordings.bags.bag_file import BagError, BagMessage
from handos_model.recordings.bags.bag_stamps import BagStamps
from handos_model.recordings.bags.depth_pairing import DEPTH_TOLERANCE, DepthPairing
from handos_model.recordings.capture import DEFAULT_FRAME_RATE
from handos_model.recordings.frame import Frame, RecordedHeader, SourceError
from handos_model.recordings.source import FrameSource

_TYPES: Final = get_typestore(Stores.ROS2_HUMBLE)
"""Images and camera_infos are the same in all distributions since."""
_PROBED_IMAGES: Final = 30
"""Images that are looked at for the frame rate, and while the first camera_info is searched."""
_MAX_REASONS: Final = 3

_LOGGER = logging.getLogger(__name__)


def open_bag(path: Path, choice: TopicChoice) -> list[FrameSource]:
    """Open the cameras of a rosbag2 folder or file.

    Raises
    ------
    SourceError
        If the bag cannot be read, holds no images, or a topic must be named.
    """
    try:
        bag = Bag(path)
    except BagError as error:
        raise SourceError(str(error)) from error
    return [_open_camera(bag, camera) for camera in cameras_of(path, bag.topics, choice)]


def _open_camera(bag: Bag, camera: BagCamera) -> FrameSource:
    name = f"{bag.path}:{camera.image.name}"
    first_info, times = None, []
    for message in bag.messages(camera.topics, []):
        if message.topic == camera.image.name:
            times.append(message.received)
        elif message.topic == camera.info and first_info is None:
            first_info = message
        if len(times) >= _PROBED_IMAGES:
            break
    if not times:
        raise SourceError(f"bag {bag.path} has no readable images on {camera.image.name}")
    if camera.info is None:
        _LOGGER.warning("%s: the bag has no camera_info beside it: its hands have no metres without --camera", name)
    reader = _CameraReader(name, bag, camera, first_info)
    return FrameSource(name, reader.frames(), camera.image.count, _rate(times), "bag", camera.info is not None)


def _rate(times: list[int]) -> float:
    """Frames per second; the recorder may have received several images at once."""
    intervals = [later - earlier for earlier, later in pairwise(times)]
    typical = statistics.median(intervals) if intervals else 0
    return 1e9 / typical if typical > 0 else DEFAULT_FRAME_RATE


@dataclass(frozen=True)
class _Received:
    """An image message, and what was known when it was recorded."""

    index: int
    message: Any
    received: int
    info: Any | None


@dataclass
class _CameraReader:
    """Decodes the messages of one camera."""

    name: str
    bag: Bag
    camera: BagCamera
    first_info: BagMessage | None
    damages: list[str] = field(default_factory=list)
    signal_range: SignalRange = field(default_factory=SignalRange)
    calibrations: CalibrationReader = field(default_factory=CalibrationReader)
    without_depth: int = 0
    complaints: set[str] = field(default_factory=set)
    """About camera_infos and depths, each logged once."""

    def frames(self) -> Iterator[Frame]:
        """Yield the images that can be decoded.

        Raises
        ------
        SourceError
            At the end, if others cannot, or messages are missing; it tells how many.
        """
        read, stamps = 0, BagStamps(self.name)
        for received, depth in self._images_with_depth():
            frame = self._decode(received, depth, stamps)
            if frame is not None:
                read += 1
                yield frame
        if self.without_depth:
            _LOGGER.warning(
                "%s: %d images have no depth within %g s: their hands stay where the image alone puts them",
                *(self.name, self.without_depth, DEPTH_TOLERANCE),
            )
        announced = self.camera.image.count
        damages = self.bag.damages + self.damages
        if damages or (announced is not None and read < announced):
            raise SourceError(_incomplete(self.name, read, announced, damages))

    def _images_with_depth(self) -> Iterator[tuple[_Received, Any | None]]:
        camera, pairing = self.camera, DepthPairing[_Received]()
        info = None if self.first_info is None else self._read(self.first_info, CAMERA_INFO)
        index = -1
        for message in self.bag.messages(camera.topics, self.damages):
            if message.topic == camera.info:
                info = self._read(message, CAMERA_INFO) or info
            elif message.topic == camera.depth:
                depth = self._read(message, IMAGE)
                if depth is not None:
                    yield from pairing.add_depth(_nanoseconds(depth), depth)
            else:
                index += 1
                image = self._read(message, camera.image.type)
                if image is None:
                    continue
                received = _Received(index, image, message.received, info)
                if camera.depth is None:
                    yield received, None
                else:
                    yield from pairing.add_image(_nanoseconds(image), received)
        yield from pairing.rest()

    def _read(self, message: BagMessage, kind: str) -> Any | None:
        try:
            return _TYPES.deserialize_cdr(message.data, kind)
        except (SerdeError, IndexError, AssertionError) as error:
            self.damages.append(f"a message on {message.topic} is damaged ({error})")
            return None

    def _decode(self, received: _Received, depth: Any | None, stamps: BagStamps) -> Frame | None:
        message = received.message
        try:
            is_compressed = self.camera.image.type == COMPRESSED_IMAGE
            image = (decode_compressed_image if is_compressed else decode_raw_image)(message, self.signal_range)
        except ImageDecodingError as error:
            self.damages.append(f"image {received.index}: {error}")
            return None
        height, width = image.shape[:2]
        header = RecordedHeader(_nanoseconds(message), message.header.frame_id)
        return Frame(
            image,
            self.name,
            received.index,
            stamps.next(header.stamp, received.received),
            self._calibration(received.info, width, height),
            self._depth(depth, width, height),
            header,
        )

    def _calibration(self, info: Any | None, width: int, height: int) -> Calibration | None:
        if info is None:
            return None
        try:
            return self.calibrations.read(info, width, height, rectified=is_rectified(self.camera.raw_topic))
        except CameraInfoError as error:
            self._complain(f"the camera_info on {self.camera.info} is not used: {error}")
            return None

    def _depth(self, message: Any | None, width: int, height: int) -> FloatArray | None:
        if self.camera.depth is None:
            return None
        if message is None:
            self.without_depth += 1
            return None
        try:
            depth = decode_depth(message)
        except ImageDecodingError as error:
            self._complain(f"depth on {self.camera.depth} is not used: {error}")
            return None
        if depth.shape != (height, width):
            self._complain(
                f"depth on {self.camera.depth} is not used: it has {depth.shape[1]} x {depth.shape[0]} pixels, the "
                f"image {width} x {height}; name the depth that is aligned with the image"
            )
            return None
        return depth

    def _complain(self, complaint: str) -> None:
        if complaint not in self.complaints:
            self.complaints.add(complaint)
            _LOGGER.warning("%s: %s", self.name, complaint)


def _nanoseconds(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def _incomplete(name: str, read: int, announced: int | None, damages: list[str]) -> str:
    of_all = f" of {announced}" if announced is not None else ""
    more = f", and {len(damages) - _MAX_REASONS} more" if len(damages) > _MAX_REASONS else ""
    reasons = "; ".join(damages[:_MAX_REASONS]) or "messages are missing: it is damaged or cut off"
    return f"bag {name}: {read}{of_all} images could be read: {reasons}{more}"
