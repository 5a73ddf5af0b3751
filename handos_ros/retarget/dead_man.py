"""`DeadMansSwitch`: whether the operator wants the robot to move."""

import time
from typing import Final

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.retarget.parameters import RetargetParameters
from handos_ros.topics.connections import subscribe

_DEAD_MAN_QOS: Final = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Only the newest message counts, and it must not be lost."""


class DeadMansSwitch:
    """Listens to the operator, by a service, a topic, or not at all. At first it is released, unless nobody is asked.

    Parameters
    ----------
    node
        Offers the service ``~/engage``, or subscribes to the topic ``~/dead_man``.
    parameters
        `engage` is read at construction, `dead_man_timeout` whenever it counts.
    """

    def __init__(self, node: Node, parameters: LiveParameters[RetargetParameters]) -> None:
        self._node, self._parameters = node, parameters
        self._kind = parameters.current.engage
        self._is_on = self._kind == "auto"
        self._heard = 0.0
        self._subscription = self._service = None
        if self._kind == "topic":
            topic = node.resolve_topic_name("~/dead_man")
            self._subscription = subscribe(node, Bool, topic, self._hear, _DEAD_MAN_QOS, node.get_logger())
        elif self._kind == "service":
            self._service = node.create_service(SetBool, "~/engage", self._switch)

    @property
    def is_pressed(self) -> bool:
        """Whether the robot may move."""
        if self._kind != "topic":
            return self._is_on
        return self._is_on and time.monotonic() - self._heard <= self._parameters.current.dead_man_timeout

    @property
    def how_to_press(self) -> str:
        """What the operator has to do."""
        if self._service is not None:
            name = self._node.resolve_service_name("~/engage")
            return f"engage with `ros2 service call {name} std_srvs/srv/SetBool '{{data: true}}'`"
        if self._subscription is not None:
            return f"engaged while true arrives on {self._subscription.topic_name}"
        return "engaged"

    def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        if self._service is not None:
            self._node.destroy_service(self._service)

    def _hear(self, message: Bool) -> None:
        self._is_on, self._heard = message.data, time.monotonic()

    def _switch(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._is_on = request.data
        response.success, response.message = True, "engaged" if request.data else "released"
        self._node.get_logger().info(response.message)
        return response
