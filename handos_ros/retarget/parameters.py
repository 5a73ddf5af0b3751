"""Parameters of the node `retarget`."""

from dataclasses import dataclass

from handos_model.hand.hand import Handedness
from handos_model.retargeting.grip import DEFAULT_GRIP, GripCalibration, GripSettings
from handos_model.teleoperation.engagement import LossSettings
from handos_model.teleoperation.hand_follower import FollowSettings
from handos_model.teleoperation.robot_side import JointMotionSettings
from handos_model.teleoperation.side_teleoperation import TeleoperationSettings
from handos_model.teleoperation.wrist_motion import WristLimits
from handos_ros.parameters.parameter_set import ParameterSet, parameter

_FOLLOW, _LOSS, _GRIP = FollowSettings(), LossSettings(), GripSettings()
_JOINTS, _WRIST = JointMotionSettings(), WristLimits()


@dataclass(frozen=True)
class RetargetParameters(ParameterSet):
    """Values of the parameters."""

    left_robot: str = parameter(
        "generic_hand",
        "Robot hand that follows the left hand: a name from config/robots, with or without its side, or a YAML file of "
        "your own; empty: none.",
    )
    right_robot: str = parameter("generic_hand", "The same for the right hand.")
    left_urdf: str = parameter(
        "",
        "URDF of the left robot hand: a file, a folder, or package://PACKAGE/PATH; empty: that of the robot's YAML "
        "file, beside it.",
    )
    right_urdf: str = parameter("", "The same for the right robot hand.")
    retargeting_type: str = parameter(
        "",
        "How a hand becomes joint positions; empty: as the robot's YAML file says.",
        choices=("", "vector", "dexpilot", "position"),
    )
    target_frame: str = parameter(
        "", "Frame of the wrists' commands, such as the robot's base, by tf2; empty: the camera's."
    )
    engage: str = parameter(
        "service",
        "What enables the robot: service: ~/engage; topic: ~/dead_man, while true arrives; auto: activation.",
        choices=("service", "topic", "auto"),
    )
    dead_man_timeout: float = parameter(
        0.5, "Seconds after which a message on ~/dead_man counts no more.", between=(0.05, 10.0), live=True
    )
    command_rate: float = parameter(
        50.0, "Commands per second, beside those that follow every image at once.", between=(10.0, 1000.0)
    )
    max_latency: float = parameter(
        1.0,
        "Seconds from receiving an image to receiving its hands above which these are not followed.",
        between=(0.01, 60.0),
        live=True,
    )
    input_timeout: float = parameter(
        _LOSS.input_timeout, "Seconds without new hands after which the robot holds.", between=(0.02, 10.0)
    )
    hold_time: float = parameter(
        _LOSS.hold_time, "Seconds for which a robot whose hand is lost holds before on_loss.", between=(0.0, 3600.0)
    )
    on_loss: str = parameter(
        _LOSS.action,
        "What happens when the hand stays lost: hold: stay there; open: open the robot hand; release: come to rest, "
        "then send nothing.",
        choices=("hold", "open", "release"),
    )
    settle_time: float = parameter(
        _FOLLOW.settle_time,
        "Seconds for which a hand must be seen before it is followed: at first, after a jump, after it was taken for "
        "the other side.",
        between=(0.0, 10.0),
    )
    max_hand_speed: float = parameter(
        _FOLLOW.max_speed, "Metres per second above which a hand has jumped.", between=(0.1, 100.0)
    )
    min_handedness_score: float = parameter(
        _FOLLOW.min_handedness_score, "Confidence in a hand's side below which it is not followed.", between=(0.5, 1.0)
    )
    max_joint_speed: float = parameter(
        0.0,
        "Radians per second that no joint exceeds, below the limits of the URDF; 0: those limits alone.",
        between=(0.0, 1000.0),
    )
    max_sliding_speed: float = parameter(
        0.0, "Metres per second, the same for sliding joints, such as a gripper's.", between=(0.0, 100.0)
    )
    max_joint_acceleration: float = parameter(
        _JOINTS.acceleration, "Radians per second squared that no joint exceeds.", between=(0.1, 10000.0)
    )
    max_sliding_acceleration: float = parameter(
        _JOINTS.sliding_acceleration, "Metres per second squared, the same for sliding joints.", between=(0.01, 1000.0)
    )
    max_wrist_speed: float = parameter(
        _WRIST.speed, "Metres per second of the wrist's commands.", between=(0.001, 100.0)
    )
    max_wrist_turning: float = parameter(
        _WRIST.turning, "Radians per second of the wrist's commands.", between=(0.001, 100.0)
    )
    max_wrist_acceleration: float = parameter(
        _WRIST.acceleration, "Metres per second squared of the wrist's commands.", between=(0.01, 1000.0)
    )
    max_wrist_turning_acceleration: float = parameter(
        _WRIST.turning_acceleration, "Radians per second squared of the wrist's commands.", between=(0.01, 10000.0)
    )
    trajectory_time: float = parameter(
        0.05,
        "Seconds that a controller gets for the point of ~/SIDE/joint_trajectory.",
        between=(0.001, 10.0),
        live=True,
    )
    tf: bool = parameter(
        False,
        "Broadcast the robot hands at the wrists' commands on /tf, to see them there in RViz; false with a real arm, "
        "which says itself where its hand is.",
    )
    open_aperture: float = parameter(
        DEFAULT_GRIP.open_aperture,
        "Metres between the tips of thumb and index finger of an open hand, for grippers; ~/calibrate_grip sets it.",
        between=(0.02, 0.3),
        live=True,
    )
    closed_aperture: float = parameter(
        DEFAULT_GRIP.closed_aperture, "The same of a closed hand.", between=(0.0, 0.28), live=True
    )
    grip_at: float = parameter(_GRIP.grip_at, "Closing from which on a hand grips.", between=(0.01, 1.0), live=True)
    release_at: float = parameter(
        _GRIP.release_at, "Closing below which it grips no longer.", between=(0.01, 0.99), live=True
    )
    calibration_time: float = parameter(
        5.0, "Seconds for which ~/calibrate_grip watches a hand open and pinch.", between=(1.0, 60.0), live=True
    )

    def robot(self, side: Handedness) -> str:
        """Name or file of a side's robot hand; empty: none."""
        return self.left_robot if side == "left" else self.right_robot

    def urdf(self, side: Handedness) -> str:
        """URDF of a side's robot hand; empty: that of its YAML file."""
        return self.left_urdf if side == "left" else self.right_urdf

    @property
    def teleoperation(self) -> TeleoperationSettings:
        """When hands are followed, and what happens otherwise."""
        return TeleoperationSettings(
            follow=FollowSettings(self.settle_time, self.max_hand_speed, self.min_handedness_score),
            loss=LossSettings(self.input_timeout, self.hold_time, self.on_loss),  # type: ignore[arg-type]
            wrist=WristLimits(
                self.max_wrist_speed,
                self.max_wrist_turning,
                self.max_wrist_acceleration,
                self.max_wrist_turning_acceleration,
            ),
        )

    @property
    def joint_motion(self) -> JointMotionSettings:
        """What no joint exceeds."""
        return JointMotionSettings(
            self.max_joint_speed or None,
            self.max_sliding_speed or None,
            self.max_joint_acceleration,
            self.max_sliding_acceleration,
        )

    @property
    def grip(self) -> GripSettings:
        """When a hand grips.

        Raises
        ------
        ValueError
            If the values contradict each other.
        """
        calibration = GripCalibration(self.open_aperture, self.closed_aperture)
        return GripSettings(calibration, grip_at=self.grip_at, release_at=self.release_at)

    def check_together(self) -> None:
        """Raise ValueError if values contradict each other."""
        if not (self.left_robot or self.right_robot):
            raise ValueError("parameters left_robot and right_robot are both empty: name a robot hand")
        _ = self.grip
