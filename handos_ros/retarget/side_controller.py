"""`SideController`: one side of the robot, from hands that arrive to commands that leave."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from handos_model.hand.hand import Hand, Handedness
from handos_model.retargeting.grip import GripTracker
from handos_model.retargeting.robot_hand import RobotHand
from handos_model.teleoperation.robot_side import robot_side
from handos_model.teleoperation.side_teleoperation import SideCommand, SideTeleoperation
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.outputs.target_frame import TargetFrame
from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.retarget.command_messages import state_message
from handos_ros.retarget.commands_frame import CommandsFrame
from handos_ros.retarget.parameters import RetargetParameters
from handos_ros.retarget.robot_description import RobotDescriptionWatch
from handos_ros.retarget.root_broadcaster import RootBroadcaster
from handos_ros.retarget.side_publishers import SidePublishers
from handos_ros.retarget.side_status import side_status
from handos_ros.topics.qos import IMAGE_QOS


class SideController:
    """Follows one hand of the operator with one robot hand.

    Parameters
    ----------
    node
        Subscribes, publishes and logs.
    robot
        The robot hand.
    parameters
        Of the node.
    target
        The frame of the wrist's commands; ``None``: the camera's.
    on_aperture
        Called with the aperture in metres of every hand that may be followed.
    """

    def __init__(
        self,
        node: Node,
        robot: RobotHand,
        parameters: LiveParameters[RetargetParameters],
        target: TargetFrame | None,
        on_aperture: Callable[[Handedness, float], None],
    ) -> None:
        self._node, self._robot, self._parameters, self._on_aperture = node, robot, parameters, on_aperture
        given = parameters.current
        self._grip_settings = given.grip
        self._grip = GripTracker(self._grip_settings)
        side = robot_side(robot, given.joint_motion, lambda: self._grip_settings.calibration)
        self._motion = SideTeleoperation(robot.side, side, given.teleoperation)
        self._frame = CommandsFrame(target)
        self._publishers = SidePublishers(node, robot.side, robot.joint_names)
        self._watch = RobotDescriptionWatch(node, robot)
        self._root = RootBroadcaster(node, robot) if given.tf else None
        self._feedback = node.create_subscription(JointState, f"~/{robot.side}/joint_states", self._place, IMAGE_QOS)
        self._command: SideCommand | None = None
        """The newest one."""
        self._hand_id, self._hand_stamp = 0, Time()
        """Of the newest hand that was followed."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is commanded now, because nothing moves."""
        return self._command is None or self._command.joints is None

    def close(self) -> None:
        """Withdraw the topics."""
        self._publishers.close()
        self._watch.close()
        if self._root is not None:
            self._root.close()
        self._node.destroy_subscription(self._feedback)

    def status(self) -> DiagnosticStatus:
        """For /diagnostics."""
        return side_status(self._robot, self._command, self._watch.problem, self._frame.problem)

    def see(self, hands: Sequence[Hand], header: Header, arrived: float, taken: float) -> None:
        """Take note of the hands of an image.

        Parameters
        ----------
        hands
            All hands of the image, best first.
        header
            The image's.
        arrived
            Seconds of the steady clock.
        taken
            Seconds, when the image was taken, by a clock that never goes back.
        """
        self._take_grip_settings()
        observation = self._motion.see(hands, arrived, lambda hand: self._frame.wrist_of(hand, header), taken)
        hand = observation.hand
        if hand is None or hand.metric is None:
            return
        if self._frame.problem:
            self._node.get_logger().warning(
                f"the {self._robot.side} wrist stays: {self._frame.problem}", throttle_duration_sec=WARNING_PERIOD
            )
        self._note(hand, header)
        grip = self._grip.update(taken, hand.metric.joints_3d, hand.metric.joint_sigma)
        self._on_aperture(self._robot.side, grip.aperture)
        self._publishers.publish_hand(hand, grip, header)

    def step(self, is_enabled: bool) -> None:
        """Publish what to do now."""
        problem = self._watch.problem
        stamp, now = self._node.get_clock().now().to_msg(), time.monotonic()
        command = self._motion.step(is_enabled and not problem, now)
        if problem:
            command = replace(command, reason=problem)
        self._report(command)
        header = Header(stamp=stamp, frame_id=self._frame.name)
        self._publishers.publish_command(command, header, self._parameters.current.trajectory_time)
        if self._root is not None and command.wrist is not None:
            self._root.broadcast(command.wrist.pose, header)
        self._publishers.publish_state(state_message(command, header, self._hand_id, self._hand_stamp))

    def _take_grip_settings(self) -> None:
        """Take over what was changed, or calibrated."""
        settings = self._parameters.current.grip
        if settings != self._grip_settings:
            self._grip_settings, self._grip = settings, GripTracker(settings)

    def _note(self, hand: Hand, header: Header) -> None:
        """Note which hand is followed, and log where it is another one than before."""
        number = hand.id or 0
        if number != self._hand_id:
            self._node.get_logger().info(f"the {self._robot.side} hand to follow is number {number}")
        self._hand_id, self._hand_stamp = number, header.stamp

    def _report(self, command: SideCommand) -> None:
        """Log what changes."""
        if self._command is None or command.state is not self._command.state:
            reason = f": {command.reason}" if command.reason else ""
            self._node.get_logger().info(f"{self._robot.side} side {command.state.value}{reason}")
        self._command = command

    def _place(self, message: JointState) -> None:
        """Start from where the robot says its joints are."""
        positions = dict(zip(message.name, message.position, strict=False))
        if all(name in positions for name in self._robot.joint_names):
            self._motion.place(np.array([positions[name] for name in self._robot.joint_names]))
