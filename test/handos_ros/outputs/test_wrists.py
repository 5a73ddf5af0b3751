"""Which wrists are published as frames and as poses, and how they are named."""

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from any_hands import tracked_hands
from geometry_msgs.msg import TransformStamped
from hands import hand_at
from hypothesis import given
from rclpy.parameter import Parameter
from std_msgs.msg import Header
from transforms import import_tf2_ros

from handos_model.hand.hand import Hand
from handos_ros.outputs.sides import SIDES, hand_to_follow, wrists_by_side
from handos_ros.outputs.wrist_broadcaster import WristBroadcaster, full_prefix, wrist_transforms
from handos_ros.parameters.node_parameters import NodeParameters

HEADER = Header(frame_id="camera")


class RecordingNode:
    """A node that keeps what is published and logged."""

    def __init__(self) -> None:
        self.published: list[Any] = []
        self.logged: list[str] = []

    def get_fully_qualified_name(self) -> str:
        return "/robot1/handos"

    def get_logger(self) -> Any:
        return SimpleNamespace(info=self.logged.append, warning=self.logged.append)

    def create_publisher(self, *_: Any) -> Any:
        return SimpleNamespace(publish=self.published.append, get_subscription_count=lambda: 3)

    @property
    def transforms(self) -> list[TransformStamped]:
        """Those of the real tf2 come several in a message."""
        return [each for message in self.published for each in getattr(message, "transforms", [message])]


def broadcaster(node: RecordingNode, frame_prefix: str = "auto") -> WristBroadcaster:
    import_tf2_ros()
    return WristBroadcaster(node, frame_prefix)  # type: ignore[arg-type]


def without_metres(hand: Hand) -> Hand:
    return replace(hand, metric=None)


def test_wrists_are_numbered_per_side_from_the_best_on() -> None:
    hands = [hand_at(100), hand_at(500, side="left"), hand_at(300)]
    transforms = wrist_transforms(hands, HEADER, "front", "handos/")
    names = {transform.child_frame_id: transform.transform.translation.x for transform in transforms}
    assert names.keys() == {"handos/front/right_wrist", "handos/front/left_wrist", "handos/front/right_wrist_2"}
    assert hands[0].joints_3d is not None
    assert names["handos/front/right_wrist"] == pytest.approx(hands[0].joints_3d[0, 0])


@pytest.mark.parametrize(
    ("frame_prefix", "node", "camera", "frame"),
    [
        ("auto", "/handos", "", "handos/right_wrist"),
        ("auto", "/robot1/handos", "left", "robot1/handos/left/right_wrist"),
        ("", "/robot1/handos", "", "right_wrist"),
        ("", "/robot1/handos", "left", "left/right_wrist"),
        ("arm_", "/handos", "", "arm_right_wrist"),
        ("arm/", "/handos", "left", "arm/left/right_wrist"),
    ],
)
def test_frames_are_named_after_the_prefix_and_the_camera(
    frame_prefix: str, node: str, camera: str, frame: str
) -> None:
    (transform,) = wrist_transforms([hand_at(100)], HEADER, camera, full_prefix(frame_prefix, node))
    assert transform.child_frame_id == frame
    assert transform.header.frame_id == "camera"


def test_wrists_are_broadcast_where_tf2_is_there() -> None:
    node = RecordingNode()
    broadcaster(node).broadcast([hand_at(100)], HEADER, "left")
    assert [transform.child_frame_id for transform in node.transforms] == ["robot1/handos/left/right_wrist"]
    assert broadcaster(node).listeners == 3


def test_nothing_is_sent_where_there_is_no_wrist() -> None:
    node = RecordingNode()
    for hands in ([], [without_metres(hand_at(100))]):
        broadcaster(node).broadcast(hands, HEADER, "")
    assert node.published == []


def test_images_without_a_frame_are_told_once_per_camera_and_never_sent() -> None:
    node = RecordingNode()
    wrists = broadcaster(node)
    for camera in ("left", "left", "right", "right"):
        wrists.broadcast([hand_at(100)], Header(), camera)
    assert node.published == []
    assert len(node.logged) == 2
    assert all("frame_id" in line for line in node.logged)
    assert "camera left" in node.logged[0]
    assert "camera right" in node.logged[1]


def test_without_tf2_nothing_is_broadcast_which_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    node = RecordingNode()
    wrists = WristBroadcaster(node, "auto")  # type: ignore[arg-type]
    wrists.broadcast([hand_at(100)], HEADER, "")
    wrists.close()
    assert wrists.listeners == 0
    assert len(node.logged) == 1
    assert "tf2_ros is not installed" in node.logged[0]


def test_a_hand_that_is_tracked_comes_before_newcomers_and_guesses() -> None:
    newcomer, tracked = replace(hand_at(100), id=1, tentative=True), replace(hand_at(300), id=2)
    guess = replace(hand_at(200), id=3, coasting=True)
    assert [hand.id for hand in wrists_by_side([newcomer, tracked, guess])["right"]] == [2, 1, 3]
    assert hand_to_follow([newcomer, tracked, guess], "right") == tracked
    assert hand_to_follow([newcomer, guess], "right") is None
    assert hand_to_follow([tracked], "left") is None


@given(hands=tracked_hands())
def test_the_hand_to_follow_is_the_first_wrist_of_its_side(hands: tuple[Hand, ...]) -> None:
    by_side = wrists_by_side(hands)
    assert sum(map(len, by_side.values())) == sum(hand.metric is not None for hand in hands)
    for side in SIDES:
        hand = hand_to_follow(hands, side)
        if hand is not None:
            assert hand is by_side[side][0]
            assert not hand.coasting
            assert not hand.tentative


@pytest.mark.parametrize("name", ["frame_prefix", "target_frame"])
@pytest.mark.parametrize("value", ["/base", "my frame", " ", "base\n"])
def test_what_tf2_does_not_take_for_a_frame_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"parameter {name} is "):
        NodeParameters().changed([Parameter(name, value=value)], only_live=False)


@pytest.mark.parametrize("value", ["", "base_link", "robot1/", "arm-2.tool0"])
def test_frames_and_prefixes_may_have_any_other_name(value: str) -> None:
    changes = [Parameter(name, value=value) for name in ("frame_prefix", "target_frame")]
    changed = NodeParameters().changed(changes, only_live=False)
    assert (changed.frame_prefix, changed.target_frame) == (value, value)
