"""`CommandsFrame`: the frame in which a side's wrist is commanded, and the operator's wrist in it."""

import numpy as np
from std_msgs.msg import Header

from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import WRIST
from handos_model.teleoperation.wrist_motion import WristPose
from handos_ros.messages.rigid_transform import PoseFrame
from handos_ros.outputs.target_frame import MissingTransformError, TargetFrame


class CommandsFrame:
    """The frame `target_frame`, or the one in which the first hand was seen: a command never changes its frame.

    Parameters
    ----------
    target
        The frame of the wrist's commands; ``None``: the camera's.
    """

    def __init__(self, target: TargetFrame | None) -> None:
        self._target = target
        self._camera: str | None = None
        self.problem = ""
        """Why the wrist of the newest hand is unknown in this frame; empty: it is known."""

    @property
    def name(self) -> str:
        """Of the frame; empty before the first hand without `target_frame`."""
        return self._camera or "" if self._target is None else self._target.name

    def wrist_of(self, hand: Hand, header: Header) -> WristPose | None:
        """The wrist of a hand, which was seen with this header; ``None``: `problem` says why it is unknown."""
        assert hand.joints_3d is not None, "only hands in metres are followed"
        frame = self._way_from(header)
        if frame is None:
            return None
        x, y, z = hand.joints_3d[WRIST].tolist()
        orientation = wrist_orientation(hand.joints_3d, hand.handedness)
        return WristPose(np.array(frame.from_camera.position((x, y, z))), frame.from_camera.orientation(orientation))

    def _way_from(self, header: Header) -> PoseFrame | None:
        self.problem = ""
        if self._target is not None:
            try:
                return self._target.pose_frame(header)
            except MissingTransformError as error:
                self.problem = str(error)
                return None
        if self._camera is None:
            self._camera = header.frame_id
        if header.frame_id == self._camera:
            return PoseFrame(header)
        self.problem = (
            f"hands come in the frame {header.frame_id!r}, but the commands are in {self._camera!r}: set target_frame, "
            "or configure the node anew"
        )
        return None
