"""Every topic of the node is recorded into bags, read without ROS, and played again."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from message_types import embedded_definition, message_class
from node_process import Client, TestCamera, running_node, stamp_of
from rclpy.serialization import deserialize_message
from ros2_bag import Player, RecordedMessage, Recorder, Recording, read_bag, write_bag
from rosbags.rosbag2 import StoragePlugin
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from handos_model.hand.topology import HandTopology as ModelTopology
from handos_ros.msg import HandArray

INPUTS = {"/image": "sensor_msgs/msg/Image", "/camera_info": "sensor_msgs/msg/CameraInfo"}
OUTPUTS = {"/handos/hands", "/handos/topology", "/handos/markers", "/handos/fingertips", "/handos/overlay"}
DOCUMENTATION = Path(__file__).parents[3] / "docs/ros.md"
SECOND = 10**9


@pytest.fixture(scope="module")
def recording(client: Client, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The node's inputs and all that it publishes while it is deactivated, activated and given a parameter."""
    recorder = Recorder(client.node)
    camera = TestCamera(client)

    def send() -> None:
        recorder.subscribe_to_publications_of("handos")
        for topic, message_type in INPUTS.items():
            recorder.subscribe(topic, message_type)
        camera.send()

    with running_node(weights, log=tmp_path_factory.mktemp("node") / "log.txt"):
        client.until(lambda: recorder.heard >= OUTPUTS, send)
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert client.call(ChangeState, "/handos/change_state", request).success
        assert client.set_parameter("publish_tentative", True).successful
        send_until_every_topic_was_heard(client, recorder, send)
    return recorder.recording()


def send_until_every_topic_was_heard(client: Client, recorder: Recorder, send: Callable[[], None]) -> None:
    try:
        client.until(lambda: not recorder.silent, send)
    except AssertionError as error:
        raise AssertionError(f"nothing was published on {sorted(recorder.silent)}") from error


@pytest.fixture(scope="module", params=list(StoragePlugin), ids=lambda storage: storage.name)
def bag(request: pytest.FixtureRequest, recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording as a bag, once for each kind of file."""
    path = tmp_path_factory.mktemp(request.param.name) / "recording"
    write_bag(path, recording, request.param)
    return path


@pytest.fixture(scope="module")
def mcap_file(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording as an MCAP file alone, without its `metadata.yaml`."""
    path = tmp_path_factory.mktemp("mcap") / "recording"
    write_bag(path, recording, StoragePlugin.MCAP)
    return path / "recording.mcap"


def test_everything_that_the_node_hears_and_says_is_recorded(recording: Recording) -> None:
    assert {*INPUTS, *OUTPUTS, "/diagnostics"} <= recording.topics.keys()
    assert {message.topic for message in recording.messages} == recording.topics.keys()


def test_bag_gives_back_every_byte_stamp_and_quality_of_service(bag: Path, recording: Recording) -> None:
    read = read_bag(bag)
    assert read.topics == recording.topics
    unchanged = read.messages == recording.messages  # not inside of assert: pytest would print megabytes
    assert unchanged


def test_metadata_tells_ros2_bag_what_to_offer(bag: Path, recording: Recording) -> None:
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert metadata["version"] == 9
    assert [(bag / name).is_file() for name in metadata["relative_file_paths"]] == [True]
    topics = {entry["topic_metadata"]["name"]: entry for entry in metadata["topics_with_message_count"]}
    assert {name: entry["message_count"] for name, entry in topics.items()} == {
        name: len(recording.of(name)) for name in recording.topics
    }
    for name, durability in {"/handos/hands": "volatile", "/handos/topology": "transient_local"}.items():
        (offered,) = topics[name]["topic_metadata"]["offered_qos_profiles"]
        assert (offered["reliability"], offered["durability"]) == ("reliable", durability)


def test_installed_definitions_are_those_of_the_types_on_the_wire(recording: Recording) -> None:
    for topic in recording.topics.values():
        definitions = get_typestore(Stores.EMPTY)
        definitions.register(get_types_from_msg(embedded_definition(topic.type), topic.type))
        assert definitions.hash_rihs01(topic.type) == topic.type_hash, topic.type


def test_mcap_reader_without_our_package_decodes_every_topic(mcap_file: Path, recording: Recording) -> None:
    decoded = {}
    with mcap_file.open("rb") as file:
        for _, channel, _, message in make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
            decoded[channel.topic] = message
    assert decoded.keys() == recording.topics.keys()
    for topic, message in decoded.items():
        assert_same(message, deserialized(recording, topic)[-1], topic)


def test_mcap_reader_without_our_package_gets_joint_names_and_joints(mcap_file: Path, recording: Recording) -> None:
    topics = ["/handos/topology", "/handos/hands"]
    with mcap_file.open("rb") as file:
        messages = list(make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages(topics))
    topology = next(message.decoded_message for message in messages if message.channel.topic == topics[0])
    frames = [message.decoded_message for message in messages if message.channel.topic == topics[1]]
    assert tuple(topology.joint_names) == ModelTopology.load().joint_names
    for frame, published in zip(frames, deserialized(recording, "/handos/hands"), strict=True):
        assert_same(frame, published, "/handos/hands")
    assert np.shape(frames[-1].hands[0].joints_3d) == (63,)


def test_documented_lines_read_the_joints_of_every_frame(bag: Path, recording: Recording) -> None:
    section = DOCUMENTATION.read_text().partition("\n## Bags\n")[2].partition("\n## ")[0]
    (lines,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    isolated = [sys.executable, "-I", "-c", lines]  # nothing of this checkout can be imported
    output = subprocess.run(isolated, cwd=bag.parent, capture_output=True, text=True, check=True).stdout
    expected = [
        [frame.header.stamp.sec, frame.header.stamp.nanosec, hand.id, *hand.joints_3d]
        for frame in deserialized(recording, "/handos/hands")
        for hand in frame.hands
    ]
    printed = [[float(number) for number in line.split()] for line in output.splitlines()]
    assert max(map(len, printed)) == 3 + 63
    assert [line[:3] for line in printed] == [line[:3] for line in expected]
    for line, numbers in zip(printed, expected, strict=True):
        np.testing.assert_allclose(line, numbers)


def test_played_bag_arrives_unchanged_and_late_listeners_get_what_was_latched(bag: Path, client: Client) -> None:
    recorded = read_bag(bag)
    prefix = f"/played_from_{bag.parent.name}"
    player = Player(client.node, recorded.topics.values(), prefix)
    listener = Recorder(client.node)

    def listen() -> None:
        for topic in recorded.topics.values():
            listener.subscribe(prefix + topic.name, topic.type)

    latched = {topic.name for topic in recorded.topics.values() if topic.latched}
    assert "/handos/topology" in latched
    play(player, recorded, latched)
    client.until(lambda: len(listener.recording().topics) == len(recorded.topics), listen)
    play(player, recorded, recorded.topics.keys() - latched)
    client.until(lambda: len(listener.messages) == len(recorded.messages))
    for topic in recorded.topics.values():
        heard = [message.data for message in listener.messages if message.topic == prefix + topic.name]
        unchanged = heard == [message.data for message in recorded.of(topic.name)]
        assert unchanged, topic.name
        assert listener.recording().topics[prefix + topic.name].type_hash == topic.type_hash


def test_played_images_give_the_same_hands_with_the_stamps_of_the_bag(
    bag: Path, client: Client, weights: Path, tmp_path: Path
) -> None:
    recorded = read_bag(bag)
    name = f"again_{bag.parent.name}"
    remappings = [f"{topic}:=/{name}{topic}" for topic in (*INPUTS, "/clock")]
    reliable = f"qos_overrides./{name}/image.subscription.reliability:=reliable"
    options = ["-p", "use_sim_time:=true", "-p", reliable, "-r", f"__node:={name}"]
    for remapping in remappings:
        options += ["-r", remapping]
    with running_node(weights, *options, log=tmp_path / "log.txt"):
        answers: list[HandArray] = client.collect(HandArray, f"/{name}/hands")
        play_camera(client, recorded, f"/{name}", answers)
    stamps = dict.fromkeys(stamp_of(answer) for answer in answers)
    assert list(stamps) == [stamp_of(image) for image in deserialized(recorded, "/image")]
    assert_same_hands(answers, deserialized(recorded, "/handos/hands"))
    started, ended = recorded.messages[0].timestamp, recorded.messages[-1].timestamp
    assert started <= nanoseconds(answers[-1]) <= ended


def play_camera(client: Client, recorded: Recording, prefix: str, answers: list[HandArray]) -> None:
    """Play images, camera_info and the time of the bag; the next image follows the answer to the one before."""
    player = Player(client.node, [recorded.topics[topic] for topic in INPUTS], prefix)
    clock = client.node.create_publisher(Clock, f"{prefix}/clock", 10)

    def play_at_its_time(message: RecordedMessage) -> None:
        seconds, nanosec = divmod(message.timestamp, SECOND)
        clock.publish(Clock(clock=Time(sec=seconds, nanosec=nanosec)))
        player.play(message)

    first = recorded.of("/image")[0]
    client.until(lambda: answers, lambda: play_at_its_time(first))  # until node and client have found each other
    for message in recorded.messages:
        if message.topic in INPUTS:
            play_at_its_time(message)
        if message.topic == "/image":
            stamp = stamp_of(deserialize_message(message.data, Image))
            client.until(lambda: stamp_of(answers[-1]) == stamp)  # noqa: B023


def assert_same_hands(answers: list[HandArray], published: list[HandArray]) -> None:
    """Wherever both have hands in metres they are the same."""
    published_at = {stamp_of(frame): frame for frame in published}
    compared = 0
    for answer in answers:
        frame = published_at.get(stamp_of(answer))
        if frame is not None and frame.intrinsics and answer.intrinsics:
            assert len(answer.hands) == len(frame.hands) == 2
            for hand, expected in zip(answer.hands, frame.hands, strict=True):
                assert hand.handedness == expected.handedness
                np.testing.assert_allclose(hand.joints_2d, expected.joints_2d, atol=1e-2)
                np.testing.assert_allclose(hand.joints_3d, expected.joints_3d, atol=1e-4)
                compared += 1
    assert compared > 0


def assert_same(decoded: Any, published: Any, name: str) -> None:
    """What a reader made of the bytes is what rclpy makes of them."""
    if hasattr(published, "get_fields_and_field_types"):
        for field in published.get_fields_and_field_types():
            assert_same(getattr(decoded, field), getattr(published, field), f"{name}.{field}")
    elif isinstance(published, list) and published and hasattr(published[0], "get_fields_and_field_types"):
        for k, (one, other) in enumerate(zip(decoded, published, strict=True)):
            assert_same(one, other, f"{name}[{k}]")
    else:
        np.testing.assert_array_equal(as_array(decoded), as_array(published), name)


def as_array(value: Any) -> np.ndarray:
    """A number, a string or many of them; readers make bytes of some that are integers."""
    return np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)


def play(player: Player, recorded: Recording, topics: Iterable[str]) -> None:
    for topic in topics:
        for message in recorded.of(topic):
            player.play(message)


def deserialized(recording: Recording, topic: str) -> list[Any]:
    kind = message_class(recording.topics[topic].type)
    return [deserialize_message(message.data, kind) for message in recording.of(topic)]


def nanoseconds(answer: HandArray) -> int:
    """When the image reached the node, by the node's clock."""
    return answer.received.sec * SECOND + answer.received.nanosec
