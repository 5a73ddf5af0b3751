"""Reads HandArray messages back into the hands of `handos_model`, for drawing and measuring."""

import math

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand as ModelHand
from handos_model.hand.hand import Handedness, MetricHand
from handos_ros.msg import Hand, HandArray


def hands_of(message: HandArray) -> tuple[ModelHand, ...]:
    """All hands of a message."""
    return tuple(_hand_of(hand) for hand in message.hands)


def intrinsics_of(message: HandArray) -> CameraIntrinsics | None:
    """The intrinsics from which the message's metres were computed."""
    if message.intrinsics == HandArray.INTRINSICS_NONE:
        return None
    return CameraIntrinsics.from_matrix(np.reshape(message.k, (3, 3)))


def _hand_of(message: Hand) -> ModelHand:
    handedness: Handedness = "left" if message.handedness == Hand.HANDEDNESS_LEFT else "right"
    return ModelHand(
        score=message.score,
        box=np.asarray(message.box, np.float32),
        handedness=handedness,
        handedness_score=message.handedness_score,
        joints_2d=np.asarray(message.joints_2d, np.float32).reshape(-1, 2),
        joint_scores=np.asarray(message.joint_scores, np.float32),
        metric=_metric_of(message) if len(message.joints_3d) else None,
        id=message.id,
        coasting=message.state == Hand.STATE_COASTING,
        tentative=message.state == Hand.STATE_TENTATIVE,
    )


def _metric_of(message: Hand) -> MetricHand:
    return MetricHand(
        joints_3d=np.asarray(message.joints_3d, np.float32).reshape(-1, 3),
        joint_sigma=np.asarray(message.joint_sigma, np.float32),
        vertices=np.asarray(message.vertices, np.float32).reshape(-1, 3),
        depth_residual=None if math.isnan(message.depth_residual) else message.depth_residual,
    )
