"""Hands as detections of vision_msgs 4, where that package is installed."""

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Vector3
from std_msgs.msg import Header

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_ros.messages.hand_messages import pose_message, wrist_pose
from handos_ros.messages.rigid_transform import PoseFrame, RigidTransform


class DetectionMessages:
    """Builds arrays of detections. Hands that are COASTING are left out: they were not detected in this image.

    Raises
    ------
    ImportError
        If vision_msgs is not installed.
    """

    def __init__(self) -> None:
        from vision_msgs import msg

        self._msg = msg
        self.array_2d: type = msg.Detection2DArray
        self.array_3d: type = msg.Detection3DArray

    def in_2d(self, hands: Sequence[Hand], header: Header) -> Any:
        """Detection2DArray: boxes in pixels."""
        return self.array_2d(
            header=header,
            detections=[
                self._msg.Detection2D(
                    header=header, results=[self._result(hand)], bbox=self._box_2d(hand.box), id=_id(hand)
                )
                for hand in hands
                if not hand.coasting
            ],
        )

    def in_3d(self, hands: Sequence[Hand], frame: PoseFrame) -> Any:
        """Detection3DArray of the hands in metres: wrist poses, and boxes with the axes of the wrists."""
        return self.array_3d(
            header=frame.header,
            detections=[
                self._detection_3d(hand, hand.metric, frame)
                for hand in hands
                if not hand.coasting and hand.metric is not None
            ],
        )

    def _detection_3d(self, hand: Hand, metric: MetricHand, frame: PoseFrame) -> Any:
        result = self._result(hand)
        result.pose.pose = wrist_pose(metric, hand.handedness, frame.from_camera)
        box = self._box_3d(metric, hand.handedness, frame.from_camera)
        return self._msg.Detection3D(header=frame.header, results=[result], bbox=box, id=_id(hand))

    def _result(self, hand: Hand) -> Any:
        # The covariance stays zero, which is "unknown": joint_sigma is known across the line of sight only.
        hypothesis = self._msg.ObjectHypothesis(class_id=f"{hand.handedness}_hand", score=float(hand.score))
        return self._msg.ObjectHypothesisWithPose(hypothesis=hypothesis)

    def _box_2d(self, box: FloatArray) -> Any:
        left, top, right, bottom = box.tolist()
        centre = self._msg.Pose2D(position=self._msg.Point2D(x=(left + right) / 2, y=(top + bottom) / 2))
        return self._msg.BoundingBox2D(center=centre, size_x=right - left, size_y=bottom - top)

    def _box_3d(self, metric: MetricHand, handedness: Handedness, from_camera: RigidTransform) -> Any:
        orientation = wrist_orientation(metric.joints_3d, handedness)
        axes = RigidTransform(rotation=orientation).rotation_matrix
        points = (metric.vertices if len(metric.vertices) else metric.joints_3d) @ axes
        low, high = points.min(axis=0), points.max(axis=0)
        x, y, z = (high - low).tolist()
        centre = pose_message(axes @ ((low + high) / 2), orientation, from_camera)
        return self._msg.BoundingBox3D(center=centre, size=Vector3(x=x, y=y, z=z))


def _id(hand: Hand) -> str:
    return "" if hand.id is None else str(hand.id)
