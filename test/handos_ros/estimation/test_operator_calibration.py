"""The operator's hand size in the node: from its file, learned from depth, calibrated by the service, contradicted."""

import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fixed_answer_graph import two_hands
from node_process import CAMERA, LIT, RELIABLE, Client, TestCamera, ros_process, running_node, stamp_of
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from handos_model.hand.topology import HandTopology
from handos_model.hand_size.operator_folder import OperatorFolder
from handos_model.hand_size.operator_size import OperatorSize
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH
from handos_ros.msg import HandArray

FACTOR = 1.1
"""By which the depth images show the hands farther away than the network estimates them."""
FOCAL_LENGTH = (CAMERA.fx * CAMERA.fy) ** 0.5
DISTANCES = FOCAL_LENGTH / two_hands(HandTopology.load())["camera"][:2, 2]
"""Estimated metres of the hand on the left and of the one on the right."""


def depth_message(header: Header, factor: float) -> Image:
    """Two walls, one behind each hand's estimated distance by `factor`."""
    depth = np.empty((240, 320), "<u2")
    depth[:, :160], depth[:, 160:] = np.round(1000 * factor * DISTANCES)
    message = Image(header=header, encoding="16UC1", width=320, height=240, step=640)
    message.data = array.array("B", depth.tobytes())
    return message


class DepthCamera:
    """A camera with depth images in which the hands are `factor` times as far away as estimated."""

    def __init__(self, client: Client, name: str) -> None:
        self._camera = TestCamera(client, f"/{name}/image")
        self._depths = client.node.create_publisher(Image, f"/{name}/depth", RELIABLE)
        self.factor = FACTOR

    def send(self, image: np.ndarray = LIT) -> Header:
        header = self._camera.header()
        self._depths.publish(depth_message(header, self.factor))
        self._camera.send_with(header, image, CAMERA)
        return header


def arguments(name: str, folder: Path, *more: str) -> list[object]:
    """Of a node `name` with topics of its own."""
    values = ["-r", f"__node:={name}", "-r", f"image:=/{name}/image", "-r", f"depth:=/{name}/depth"]
    for parameter in (f"operators_folder:={folder}", "smoothing:=false", "calibration_time:=3.0", *more):
        values += ["-p", parameter]
    return list(values)


def operator_status(received: list[Any], name: str) -> DiagnosticStatus | None:
    """The newest one of a node."""
    statuses = [s for array_ in received for s in array_.status if s.name.endswith(": operator")]
    statuses = [s for s in statuses if any(v.key == "operator" and v.value == name for v in s.values)]
    return statuses[-1] if statuses else None


def test_an_unknown_operator_is_measured_by_depth_and_kept(weights: Path, tmp_path: Path, client: Client) -> None:
    people = tmp_path / "people"
    options = arguments("learning", people, "operator:=anna", "depth:=true")
    with running_node(weights, *options, log=tmp_path / "log.txt") as node:
        assert "'anna' have not been measured yet" in node.log
        camera = DepthCamera(client, "learning")
        received = client.collect(HandArray, "/learning/hands")
        client.until(lambda: received and len(received[-1].hands) == 2, camera.send)
        assert (received[-1].operator_name, received[-1].operator_scale) == ("", 1.0)
        client.until(lambda: received[-1].operator_name == "anna", camera.send)
        size = OperatorFolder(people).read("anna")
        assert size.source == "depth"
        assert size.images >= 30
        assert size.palm_length == pytest.approx(FACTOR * ASSUMED_PALM_LENGTH, rel=0.05)
        assert received[-1].operator_scale == pytest.approx(size.scale, rel=1e-4)
        residuals = [hand.depth_residual for hand in received[-1].hands]
        assert residuals == pytest.approx([0, 0], abs=0.06), "with the right size depth has little to correct"


def test_calibrate_measures_anew_and_answers_at_once(weights: Path, tmp_path: Path, client: Client) -> None:
    folder = OperatorFolder(tmp_path)
    folder.write(OperatorSize.typed("anna", 0.09))
    options = arguments("anew", tmp_path, "operator:=anna", "depth:=true")
    with running_node(weights, *options, log=tmp_path / "log.txt") as node:
        camera = DepthCamera(client, "anew")
        received = client.collect(HandArray, "/anew/hands")
        client.until(lambda: received, camera.send)
        answer = client.call(Trigger, "/anew/calibrate", Trigger.Request())
        assert answer.success
        assert "anna" in answer.message
        again = client.call(Trigger, "/anew/calibrate", Trigger.Request())
        assert not again.success
        assert "in progress" in again.message
        assert folder.read("anna").source == "typed"
        client.until(lambda: "kept in" in node.log, camera.send)
        assert folder.read("anna").palm_length == pytest.approx(FACTOR * ASSUMED_PALM_LENGTH, rel=0.05)


def test_a_calibration_without_hands_fails_and_keeps_the_old_size(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    folder = OperatorFolder(tmp_path)
    folder.write(OperatorSize.typed("carl", 0.09))
    options = arguments("empty", tmp_path, "operator:=carl", "depth:=true", "calibration_time:=1.0")
    with running_node(weights, *options, log=tmp_path / "log.txt") as node:
        camera = DepthCamera(client, "empty")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")
        assert client.call(Trigger, "/empty/calibrate", Trigger.Request()).success
        client.until(lambda: "could not be measured" in node.log, lambda: camera.send(np.zeros_like(LIT)))
        assert folder.read("carl").source == "typed"
        diagnostics.clear()
        client.until(lambda: operator_status(diagnostics, "carl"))
        status = operator_status(diagnostics, "carl")
        assert status is not None
        assert status.level == DiagnosticStatus.WARN
        assert "depth saw them 0 times" in status.message


@pytest.mark.parametrize(
    ("name", "more", "named"),
    [
        ("nameless", "depth:=true", "operator"),
        ("flat", "operator:=anna", "handos calibrate anna --palm-length"),
    ],
)
def test_calibrate_refuses_what_cannot_be_learned(
    name: str, more: str, named: str, weights: Path, tmp_path: Path, client: Client
) -> None:
    OperatorFolder(tmp_path).write(OperatorSize.typed("anna", 0.09))
    with running_node(weights, *arguments(name, tmp_path, more), log=tmp_path / "log.txt"):
        answer = client.call(Trigger, f"/{name}/calibrate", Trigger.Request())
        assert not answer.success
        assert named in answer.message


def test_hands_are_scaled_to_a_typed_size_about_the_camera(weights: Path, tmp_path: Path, client: Client) -> None:
    size = OperatorSize.typed("anna", 1.2 * ASSUMED_PALM_LENGTH)
    OperatorFolder(tmp_path).write(size)
    wrists, pixels = {}, {}
    for name, more in (("plain", ()), ("scaled", ("operator:=anna",))):
        with running_node(weights, *arguments(name, tmp_path, *more), log=tmp_path / f"{name}.txt"):
            camera = DepthCamera(client, name)
            received = client.collect(HandArray, f"/{name}/hands")
            sent: list[Header] = []
            client.until(lambda r=received: r, lambda c=camera, s=sent: s.append(c.send()))
            assert stamp_of(received[0]) in map(stamp_of, sent)
            wrists[name] = np.reshape([hand.joints_3d for hand in received[0].hands], (2, 21, 3))
            pixels[name] = np.array([hand.joints_2d for hand in received[0].hands])
            assert received[0].operator_name == ("anna" if more else "")
    assert wrists["scaled"] == pytest.approx(1.2 * wrists["plain"], rel=1e-5)
    assert (pixels["scaled"] == pixels["plain"]).all()


def test_other_hands_than_the_operators_are_reported(weights: Path, tmp_path: Path, client: Client) -> None:
    OperatorFolder(tmp_path).write(OperatorSize.typed("dora", 0.075))
    options = arguments("contradicted", tmp_path, "operator:=dora", "depth:=true")
    with running_node(weights, *options, log=tmp_path / "log.txt") as node:
        camera = DepthCamera(client, "contradicted")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")

        def level() -> bytes | None:
            status = operator_status(diagnostics, "dora")
            return None if status is None else status.level

        client.until(lambda: level() == DiagnosticStatus.OK, camera.send)
        client.until(lambda: level() == DiagnosticStatus.WARN, camera.send)
        assert "but the palm of dora 75.0" in node.log
        assert OperatorFolder(tmp_path).read("dora").source == "typed"


@pytest.mark.parametrize(
    ("more", "content", "named"),
    [
        (("operator:=bob",), None, "operator 'bob'"),
        (("operator:=../bob",), None, "operator '../bob'"),
        (("operator:=bob", "depth:=true"), "palm_length: 104\n", "bob.yaml cannot be used"),
    ],
)
def test_an_operator_that_cannot_be_used_ends_the_node_with_one_line(
    more: tuple[str, ...], content: str | None, named: str, weights: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "bob.yaml").write_text(content)
    options = ("--ros-args", "-p", f"weights:={weights}", *arguments("lost", tmp_path, *more))
    with ros_process("node", *options, log=tmp_path / "log.txt") as node:
        assert node.wait() == 1
        assert named in node.log
        assert "Traceback" not in node.log
