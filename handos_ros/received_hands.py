"""Reads HandArray and HandTopology messages back into the hands of `handos_model`, for drawing and measuring."""

import math
from collections.abc import Sequence

import numpy as np

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.hand.hand import Hand as ModelHand
from handos_model.io.frame import CameraIntrinsics
from handos_ros.msg import Hand, HandArray


def hands_of(message: HandArray) -> tuple[ModelHand, ...]:
    """All hands of a message."""
    return tuple(_hand_of(hand) for hand in message.hands)


def intrinsics_of(message: HandArray) -> CameraIntrinsics | None:
    """The intrinsics that the message's metres rest on."""
    if message.intrinsics == HandArray.INTRINSICS_NONE:
        return None
    return CameraIntrinsics(fx=message.k[0], fy=message.k[4], cx=message.k[2], cy=message.k[5])


def _hand_of(message: Hand) -> ModelHand:
    handedness: Handedness = "left" if message.handedness == Hand.HANDEDNESS_LEFT else "right"
    return ModelHand(
        score=message.score,
        box=np.asarray(message.box, np.float32),
        handedness=handedness,
        handedness_score=message.handedness_score,
        joints_2d=np.asarray(message.joints_2d, np.float32).reshape(-1, 2),
        joint_scores=np.asarray(message.joint_scores, np.float32),
        joints_3d=_points(message.joints_3d),
        joint_sigma=np.asarray(message.joint_sigma, np.float32) if len(message.joint_sigma) else None,
        vertices=_points(message.vertices),
        id=message.id,
        coasting=message.state == Hand.STATE_COASTING,
        depth_residual=None if math.isnan(message.depth_residual) else message.depth_residual,
    )


def _points(flat: Sequence[float]) -> FloatArray | None:
    """(N, 3) of N x 3 numbers; ``None`` of none."""
    return np.asarray(flat, np.float32).reshape(-1, 3) if len(flat) else None
