"""A node under test, in a process of its own: its cameras, parameters, lifecycle, diagnostics and memory."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from bombarded_camera import BombardedCamera
from broken_promise import BrokenPromiseError, require
from diagnostic_msgs.msg import DiagnosticArray
from hostile_camera_infos import camera_info_of
from hostile_images import compressed_image_of, image_of
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from limits_in_force import LimitsInForce
from node_process import RELIABLE, Client, RosProcess
from published_drawings import check_diagnostics
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from simulated_clock import SimulatedClock
from steered_network import NORMAL, draw_bars

from handos_ros.msg import Hand, HandArray
from handos_ros.parameters.node_parameters import RULES, NodeParameters

PATIENCE: Final = 60.0
"""Seconds for anything to happen on a busy machine."""
DIAGNOSTICS_PATIENCE: Final = 20.0
"""Seconds without diagnostics, which come every second."""
RESENT_WITHIN: Final = 4.0
"""Seconds in which Fast DDS notices that the last message of a reliable topic was lost: it asks every 3."""
CYCLE: Final = {
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
}
DEFAULTS: Final = {name: getattr(NodeParameters(), name) for name, rule in RULES.items() if rule.live}
_SIZE: Final = (240, 320)


class BombardedNode:
    """The node and everything that talks to it.

    Parameters
    ----------
    client
        Talks to it.
    name
        Of the node.
    cameras
        Names of its cameras; one empty name: the only one.
    weights
        Network file.
    log
        File for its output.
    is_compressed, has_depth
        What its cameras send.
    is_simulated
        Whether its time is that of a simulated clock.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        cameras: Sequence[str],
        weights: Path,
        log: Path,
        *,
        is_compressed: bool = False,
        has_depth: bool = False,
        is_simulated: bool = False,
    ) -> None:
        self.client, self.name, self.limits = client, name, LimitsInForce()
        self.clock = SimulatedClock(client, f"/{name}/clock") if is_simulated else None
        ways: dict[str, Any] = {"is_compressed": is_compressed, "has_depth": has_depth}
        if self.clock is not None:
            ways["clock"] = self.clock.nanoseconds
        self.cameras = [BombardedCamera(client, name, camera, self.limits, **ways) for camera in cameras]
        settings = {
            "weights": weights,
            "cameras": f"[{','.join(cameras)}]" if any(cameras) else "['']",
            "image_transport": "compressed" if is_compressed else "raw",
            "rectification": "rectified" if is_compressed else "raw",
            "depth": str(has_depth).lower(),
            "use_sim_time": str(is_simulated).lower(),
        }
        names = {"__node": name, "/diagnostics": f"/{name}/diagnostics", "/clock": f"/{name}/clock"}
        for camera, stream in zip(cameras, self.cameras, strict=True):
            for topic in ("image", "depth"):
                names[f"{camera}/{topic}".lstrip("/")] = f"{stream.topic}/{topic}"
        arguments = ["--ros-args"]
        for option, values in (("-p", settings), ("-r", names)):
            arguments += [word for key, value in values.items() for word in (option, f"{key}:={value}")]
        self._diagnostics: list[DiagnosticArray] = client.collect(DiagnosticArray, f"/{name}/diagnostics", RELIABLE)
        self._heard = time.monotonic()
        self._set: Any = client.node.create_client(SetParametersAtomically, f"/{name}/set_parameters_atomically")
        self._transition: Any = client.node.create_client(ChangeState, f"/{name}/change_state")
        self.process = RosProcess("node", arguments, log)

    def set_parameters(self, **values: Any) -> SetParametersResult:
        """Set parameters together; the node must answer."""
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        result = self._call(self._set, SetParametersAtomically.Request(parameters=parameters), f"setting {values}")
        require(result.result.successful or result.result.reason, f"a refusal of {values} has a reason")
        if result.result.successful:
            for name, value in values.items():
                self.limits.add(name, value)
        return result.result

    def change_state(self, name: str) -> None:
        """Take one of the transitions of `CYCLE`, which must succeed."""
        request = ChangeState.Request(transition=Transition(id=CYCLE[name]))
        require(self._call(self._transition, request, name).success, f"{name} succeeds")
        if name == "deactivate":
            self._until(self._is_quiet, "an inactive node publishes no hands")  # after what it has published before
            for camera in self.cameras:
                camera.hands.restart()

    def wait(self, seconds: float) -> None:
        """Receive for some time, and check what comes."""
        if self.clock is not None:
            self.clock.tick()
        self.client.spin(seconds)
        self.check()

    def check(self) -> None:
        """Check everything that was received, and that the node lives."""
        require(self.process.process.poll() is None, f"the node {self.name} runs")
        for camera in self.cameras:
            camera.check_received()
        for message in self._diagnostics:
            self._heard = time.monotonic()
            try:
                check_diagnostics(message)
            except BrokenPromiseError as error:
                sent = {f"{c.topic[1:]}/{topic}": m for c in self.cameras for topic, m in c.last_sent.items()}
                error.args = (f"/{self.name}: {error}", {"published": message, **sent})
                raise
        self._diagnostics.clear()
        silent = time.monotonic() - self._heard
        require(silent < DIAGNOSTICS_PATIENCE, f"{self.name} publishes diagnostics, none came for {silent:.0f} s")

    def settle(self, rng: np.random.Generator) -> None:
        """The defaults hold again, and every camera's normal images are answered as they should."""
        require(self.set_parameters(**DEFAULTS).successful, "the default parameters are accepted")
        if self.clock is not None:
            self.clock.behave()
        for camera in self.cameras:
            camera.behave(rng)
            camera.answers.clear()
            first = camera.next_header().frame_id
            self._until(
                lambda camera=camera: self._answers_normally(camera, rng),
                f"normal images of {camera.topic} after {first} get two hands in metres",
            )
        self.limits.settle()
        log = self.process.log
        require("Traceback (most recent call last)" not in log, f"no traceback is logged:\n{log[-6000:]}")

    def resident_memory(self) -> int:
        """Bytes."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])

    def _is_quiet(self) -> bool:
        """Whether nothing comes from its cameras for a while."""
        before = [sum(camera.checked.values()) for camera in self.cameras]
        self.wait(RESENT_WITHIN)
        return before == [sum(camera.checked.values()) for camera in self.cameras]

    def _answers_normally(self, camera: BombardedCamera, rng: np.random.Generator) -> bool:
        """Send a normal image; whether a normal one was answered in metres."""
        header = camera.next_header()
        grey = draw_bars(NORMAL, *_SIZE)
        image = compressed_image_of(grey, header, rng) if camera.is_compressed else image_of(grey, "mono8", header, rng)
        camera.send("camera_info", camera_info_of(header, *_SIZE))
        camera.send("image", image, _SIZE)
        self.wait(0.1)
        return any(map(_is_normal, camera.answers))

    def _call(self, service: Any, request: Any, what: str) -> Any:
        self._until(service.service_is_ready, f"the service for {what} exists")
        future = service.call_async(request)
        self._until(future.done, f"{what} is answered")
        return future.result()

    def _until(self, condition: Callable[[], object], promise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            require(time.monotonic() < end, f"{self.name}: within {PATIENCE:.0f} s, {promise}")
            self.wait(0.02)


def _is_normal(message: HandArray) -> bool:
    hands = [hand for hand in message.hands if hand.state == Hand.STATE_TRACKED and len(hand.joints_3d)]
    return message.intrinsics == HandArray.INTRINSICS_CALIBRATED and len(hands) == 2
