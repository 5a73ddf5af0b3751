"""Which topics of a bag are cameras, and which camera_info and depth belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handos_model.geometry.camera_info import camera_info_beside
from handos_model.recordings.bags.bag_file import BagTopic
from handos_model.recordings.frame import SourceError

IMAGE: Final = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE: Final = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO: Final = "sensor_msgs/msg/CameraInfo"


@dataclass(frozen=True)
class TopicChoice:
    """The topics that a user names."""

    images: tuple[str, ...] = ()
    """Empty: the bag's only camera."""
    depths: tuple[str, ...] = ()
    """One for each of the images, or none."""

    def __post_init__(self) -> None:
        for name in {name for name in self.images if self.images.count(name) > 1}:
            raise ValueError(f"--topic {name} was given twice: leave one of them out")
        if self.depths and len(self.depths) != max(len(self.images), 1):
            raise ValueError(
                f"--depth-topic was given {len(self.depths)} times and --topic {len(self.images)} times: give one "
                "--depth-topic for each --topic, in the same order"
            )


@dataclass(frozen=True)
class BagCamera:
    """The topics of one camera."""

    image: BagTopic
    info: str | None
    """Topic of its camera_info, if there is one."""
    depth: str | None

    @property
    def raw_topic(self) -> str:
        """Name of the image topic without the name of its transport."""
        return raw_topic_of(self.image)

    @property
    def topics(self) -> set[str]:
        """Names of all of them."""
        return {topic for topic in (self.image.name, self.info, self.depth) if topic is not None}


def cameras_of(path: Path, topics: Mapping[str, BagTopic], choice: TopicChoice) -> list[BagCamera]:
    """The cameras that are chosen, or the only one.

    Parameters
    ----------
    path
        The bag's, for messages.
    topics
        Of the bag, by name.

    Raises
    ------
    SourceError
        If a named topic holds no images, or there is not one camera.
    """
    images = choice.images or (_only_camera(path, topics),)
    for name in choice.images:
        if name not in topics or topics[name].type not in (IMAGE, COMPRESSED_IMAGE):
            raise SourceError(f"bag {path} has no images on --topic {name}: {_found(topics)}")
    for name in choice.depths:
        if name not in topics or topics[name].type != IMAGE:
            raise SourceError(f"bag {path} has no raw depth images ({IMAGE}) on --depth-topic {name}: {_found(topics)}")
    depths = choice.depths or (None,) * len(images)
    return [
        BagCamera(topics[image], _info_of(topics[image], topics), depth)
        for image, depth in zip(images, depths, strict=True)
    ]


def raw_topic_of(topic: BagTopic) -> str:
    """Name of an image topic without the name of its transport: image_raw of image_raw/compressed."""
    parent, _, transport = topic.name.rpartition("/")
    return parent if topic.type == COMPRESSED_IMAGE and transport == "compressed" else topic.name


def _only_camera(path: Path, topics: Mapping[str, BagTopic]) -> str:
    candidates = [topic for topic in _image_topics(topics) if "depth" not in topic.name.lower() and topic.count != 0]
    names = {topic.name for topic in candidates}
    # A camera that was recorded raw and compressed is one camera.
    cameras = [topic.name for topic in candidates if raw_topic_of(topic) not in names - {topic.name}]
    if len(cameras) != 1:
        number = "several cameras" if cameras else "no camera"
        raise SourceError(f"bag {path} has {number}: name one or more with --topic; {_found(topics)}")
    return cameras[0]


def _info_of(image: BagTopic, topics: Mapping[str, BagTopic]) -> str | None:
    """The camera_info beside the raw topic, or beside the topic itself."""
    for name in (camera_info_beside(raw_topic_of(image)), camera_info_beside(image.name)):
        if name in topics and topics[name].type == CAMERA_INFO:
            return name
    return None


def _image_topics(topics: Mapping[str, BagTopic]) -> list[BagTopic]:
    return [topic for topic in topics.values() if topic.type in (IMAGE, COMPRESSED_IMAGE)]


def _found(topics: Mapping[str, BagTopic]) -> str:
    images = sorted(topic.name for topic in _image_topics(topics))
    if images:
        return f"its images are on {', '.join(images)}"
    others = sorted(f"{topic.name} ({topic.type})" for topic in topics.values())
    return f"it has no images ({IMAGE}, {COMPRESSED_IMAGE}), only {', '.join(others) or 'nothing'}"
