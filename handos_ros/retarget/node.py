"""The node `retarget`: the operator's hands in, commands for robot hands and wrists out, under a managed lifecycle."""

import time
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from handos_ros.clocks.stamps import STEADY_CLOCK
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.diagnostics.statuses import node_status
from handos_ros.lifecycle.managed_node import ManagedNode, run_managed_node
from handos_ros.msg import HandArray, OpenXRJoints
from handos_ros.outputs.sides import SIDES
from handos_ros.outputs.target_frame import TargetFrame
from handos_ros.retarget.command_messages import openxr_joints_message
from handos_ros.retarget.dead_man import DeadMansSwitch
from handos_ros.retarget.grip_calibration import GripCalibrator
from handos_ros.retarget.hands_clock import HandsClock
from handos_ros.retarget.parameters import RetargetParameters
from handos_ros.retarget.received_hands import whole_hands
from handos_ros.retarget.robot_files import load_robot
from handos_ros.retarget.side_controller import SideController
from handos_ros.topics.connections import subscribe
from handos_ros.topics.qos import LATCHED_QOS, NEWEST_QOS

PROGRAM: Final = "handos_retarget"
LONGEST_BRAKING: Final = 2.0
"""Seconds that a deactivation waits for the robot's commands to come to rest."""


class RetargetNode(ManagedNode[RetargetParameters]):
    """Turns HandArrays into commands for a robot hand and a wrist on each side.

    configure loads the robots and advertises, activate subscribes to the hands and starts to command, deactivate brakes
    and cleanup undoes the rest. Everything happens in the executor's thread.
    """

    def __init__(self) -> None:
        super().__init__("retarget", RetargetParameters)
        self._sides: list[SideController] = []
        self._target: TargetFrame | None = None
        self._grip: GripCalibrator | None = None
        self._openxr_joints: Publisher[OpenXRJoints] | None = None
        self._switch: DeadMansSwitch | None = None
        self._clock_of_hands = HandsClock()
        self._hands: Subscription[HandArray] | None = None
        self._timer: Timer | None = None
        self._input_problem = ""
        """What is wrong with the newest hands; empty: nothing."""

    def configure(self) -> None:
        """Load the robots and advertise the topics."""
        parameters = self.live_parameters.current
        robots = [load_robot(side, parameters) for side in SIDES if parameters.robot(side)]
        if parameters.target_frame:
            self._target = TargetFrame(self, parameters.target_frame, patience=0.0)
        self._clock_of_hands = HandsClock()
        self._grip = GripCalibrator(self, self.live_parameters)
        for robot in robots:
            side = SideController(self, robot, self.live_parameters, self._target, self._grip.observe)
            self._sides.append(side)
            self.get_logger().info(f"the {robot.side} hand moves {robot.name}: {', '.join(robot.joint_names)}")
        self._openxr_joints = self.create_publisher(OpenXRJoints, "~/openxr_joints", LATCHED_QOS)
        self._openxr_joints.publish(openxr_joints_message())

    def activate(self) -> None:
        """Subscribe to the hands and start to command."""
        topic = self.resolve_topic_name("hands")
        self._input_problem = ""
        self._switch = DeadMansSwitch(self, self.live_parameters)
        self._hands = subscribe(self, HandArray, topic, self._receive, NEWEST_QOS, self.get_logger())
        period = 1 / self.live_parameters.current.command_rate
        self._timer = self.create_timer(period, self._step, clock=STEADY_CLOCK)
        self.get_logger().info(f"ready: waiting for hands on {topic}, {self._switch.how_to_press}")

    def deactivate(self) -> None:
        """Receive no more, and command no more once all is at rest."""
        if self._hands is not None:
            self.destroy_subscription(self._hands)
            self._hands = None
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None
        if self._switch is not None:
            self._switch.close()
            self._switch = None
        self._brake()

    def cleanup(self) -> None:
        """Withdraw the topics."""
        for side in self._sides:
            side.close()
        self._sides.clear()
        for part in (self._grip, self._target):
            if part is not None:
                part.close()
        self._grip = self._target = None
        if self._openxr_joints is not None:
            self.destroy_publisher(self._openxr_joints)
            self._openxr_joints = None

    def statuses(self) -> list[DiagnosticStatus]:
        """Of the node, the grip and every side."""
        hands = self.resolve_topic_name("hands")
        statuses = [
            node_status(self.lifecycle, self.errors, time.monotonic(), {"hands": hands}, problem=self._input_problem)
        ]
        if self._grip is not None:
            statuses.append(self._grip.status())
        return statuses + [side.status() for side in self._sides]

    def _receive(self, message: HandArray) -> None:
        arrived, now = time.monotonic(), self.get_clock().now().nanoseconds
        read = self._clock_of_hands.read(message, arrived, now, self.live_parameters.current.max_latency)
        self._input_problem = f"hands are not followed: {read.refusal}" if read.refusal else read.warning
        if self._input_problem:
            self.get_logger().warning(self._input_problem, throttle_duration_sec=WARNING_PERIOD)
        if read.refusal:
            return
        hands = whole_hands(message)
        for side in self._sides:
            side.see(hands, message.header, arrived, read.taken)
        self._step()  # a new hand does not wait for the timer

    def _step(self) -> None:
        is_enabled = self._switch is not None and self._switch.is_pressed
        for side in self._sides:
            side.step(is_enabled)

    def _brake(self) -> None:
        """Command until all is at rest: a robot that is left in motion may go on."""
        if not self.context.ok():  # nothing can be published any more
            return
        period, end = 1 / self.live_parameters.current.command_rate, time.monotonic() + LONGEST_BRAKING
        self._step()
        while not all(side.is_silent for side in self._sides):
            if time.monotonic() > end:
                self.get_logger().warning(
                    f"the last commands are still in motion after {LONGEST_BRAKING:g} s: raise the limits of "
                    "acceleration"
                )
                return
            time.sleep(period)
            self._step()


def main() -> None:
    """Run the node until a signal arrives; a user's mistake ends in one line and exit code 1."""
    run_managed_node(RetargetNode, PROGRAM)
