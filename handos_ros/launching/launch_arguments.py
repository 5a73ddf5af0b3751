"""Launch arguments: from what was typed to values of parameters and names of topics.

For launch files. It needs neither launch nor the messages of this package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from rclpy.exceptions import InvalidNamespaceException, InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.parameter import Parameter
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_topic_name import validate_topic_name

from handos_ros.parameters.node_parameters import CAMERA_NAME, NodeParameters
from handos_ros.parameters.parameter_set import ParameterSet
from handos_ros.topics.names import in_camera_namespace

Value = bool | int | float | str

DEFAULT_IMAGE: Final = "/camera/image_raw"
DEFAULT_DEPTH_IMAGE: Final = "/camera/depth"
RELIABILITIES: Final = ("best_effort", "reliable")

_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")
"""What launch itself and YAML take for a bool."""


@dataclass(frozen=True)
class CameraTopics:
    """Where the topics of one camera are; empty: not remapped."""

    name: str
    """Namespace of the node's topics; empty: none."""
    image: str
    camera_info: str
    depth: str

    @property
    def remappings(self) -> list[tuple[str, str]]:
        """The node's topics, and what they are remapped to."""
        topics = (("image", self.image), ("camera_info", self.camera_info), ("depth", self.depth))
        return [(in_camera_namespace(self.name, name), topic) for name, topic in topics if topic]


def parameter_value(name: str, text: str, parameters: type[ParameterSet] = NodeParameters) -> Value:
    """Value of a node's parameter, in the parameter's type.

    Parameters
    ----------
    name, text
        The argument and its value.
    parameters
        Those of the node.

    Raises
    ------
    ValueError
        If it cannot be used.
    """
    types = {entry.name: type(entry.default) for entry in fields(parameters)}
    value = _converted(name, text, types[name])
    parameters().changed([Parameter(name, value=value)], only_live=False)
    return value


def yes_or_no(name: str, text: str) -> bool:
    """Value of an argument that is switched on or off.

    Raises
    ------
    ValueError
        If it is neither.
    """
    word = text.casefold()
    if word not in (*_YES, *_NO):
        raise ValueError(f"launch argument {name} is {text!r}: give true or false")
    return word in _YES


def one_of(name: str, text: str, choices: Iterable[str]) -> str:
    """The same text.

    Raises
    ------
    ValueError
        If it is none of `choices`.
    """
    if text not in choices:
        raise ValueError(f"launch argument {name} is {text!r}: choose one of {', '.join(choices)}")
    return text


def topics_of_cameras(image: str, camera_info: str, depth_image: str, cameras: str) -> list[CameraTopics]:
    """What the arguments of these names say about topics.

    Parameters
    ----------
    image, camera_info, depth_image
        Topics of the only camera; with `cameras`, `camera_info` and `depth_image` are written like it.
    cameras
        NAME=TOPIC of each camera's images, separated by commas; empty: one camera without a name.

    Raises
    ------
    ValueError
        If one of them is malformed, or two contradict each other.
    """
    if not cameras:
        camera = CameraTopics("", image, camera_info, depth_image)
        for name, topic in (("image", image), ("camera_info", camera_info), ("depth_image", depth_image)):
            if topic or name == "image":
                check_topic(name, topic)
        return [camera]
    if image != DEFAULT_IMAGE:
        raise ValueError(f"launch arguments image and cameras are both given: name {image} in cameras, as NAME={image}")
    images = _topic_by_camera("cameras", cameras)
    infos = _topic_by_camera("camera_info", camera_info, images)
    depths = _topic_by_camera("depth_image", "" if depth_image == DEFAULT_DEPTH_IMAGE else depth_image, images)
    return [CameraTopics(name, topic, infos.get(name, ""), depths.get(name, "")) for name, topic in images.items()]


def reliability_overrides(
    reliability: str, cameras: Iterable[CameraTopics], node_name: str, namespace: str
) -> dict[str, str]:
    """Parameters that set the reliability of all subscriptions to images, raw or compressed.

    Parameters
    ----------
    reliability
        One of `RELIABILITIES`.
    cameras
        The topics; relative ones are in the node's namespace.
    node_name, namespace
        Of the node; the namespace begins with a slash.
    """
    topics = [topic for camera in cameras for topic in (camera.image, f"{camera.image}/compressed", camera.depth)]
    full = [expand_topic_name(topic, node_name, namespace) for topic in topics if topic]
    return {f"qos_overrides.{topic}.subscription.reliability": reliability for topic in full}


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for the first name that is not among those known."""
    names = list(known)
    for name in given:
        if name not in names:
            raise ValueError(f"unknown launch argument {name}{_nearest(name, names)}")


def check_namespace(name: str, namespace: str) -> None:
    """Raise ValueError if an argument leads to a namespace that is none; it begins with a slash."""
    try:
        validate_namespace(namespace)
    except InvalidNamespaceException as error:
        raise ValueError(f"launch argument {name} leads to {namespace!r}: {_reason(error)}") from None


def check_topic(argument: str, topic: str) -> None:
    """Raise ValueError if the value of an argument cannot be a topic."""
    try:
        validate_topic_name(topic)
        validate_full_topic_name(expand_topic_name(topic, "node", "/"))
    except InvalidTopicNameException as error:
        raise ValueError(f"launch argument {argument} is {topic!r}: {_reason(error)}") from None


def existing_file(name: str, text: str, pattern: str) -> Path:
    """The file that an argument names.

    Parameters
    ----------
    name, text
        The argument and its value.
    pattern
        Names of such files, such as ``*.yaml``.

    Raises
    ------
    ValueError
        If there is none; it names the nearest such file in that folder.
    """
    path = Path(text).expanduser()  # shells leave a tilde after := alone
    if not path.is_file():
        neighbours = [file.name for file in path.parent.glob(pattern) if file.is_file()]
        raise ValueError(f"launch argument {name} is {text}: there is no such file{_nearest(path.name, neighbours)}")
    return path


def _nearest(name: str, names: list[str]) -> str:
    nearest = get_close_matches(name, names, n=1, cutoff=0.0)
    return f"; the nearest one is {nearest[0]}" if nearest else ""


def _converted(name: str, text: str, kind: type) -> Value:
    if kind is bool:
        return yes_or_no(name, text)
    if kind is str:
        return text
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"launch argument {name} is {text!r}: give {wanted}") from None


def _topic_by_camera(argument: str, text: str, cameras: Mapping[str, str] | None = None) -> dict[str, str]:
    topics: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        name, _, topic = pair.strip().partition("=")
        if not CAMERA_NAME.fullmatch(name) or not topic or name in topics:
            raise ValueError(
                f"launch argument {argument} is {text!r}, which fails at {pair!r}: give each camera a name of its own "
                "and its topic, as in left=/stereo/left/image_rect,right=/stereo/right/image_rect"
            )
        if cameras is not None and name not in cameras:
            raise ValueError(f"launch argument {argument} names the camera {name}, cameras only {', '.join(cameras)}")
        check_topic(argument, topic)
        topics[name] = topic
    return topics


def _reason(error: Exception) -> str:
    """What rclpy says about a name, without the name and the arrow below it."""
    return str(error).splitlines()[0].rstrip(":").partition(": ")[2]
