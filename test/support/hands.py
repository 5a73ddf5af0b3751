"""Hands of the mean shape at given positions."""

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project, project
from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(500, 500, 320, 240)
DEPTH = 0.5


def hand_at(x: float, y: float = 240.0, side: Handedness = "right", certainty: float = 0.95) -> Hand:
    """A hand whose root joint projects to pixel (x, y) of `CAMERA`, at `DEPTH` metres."""
    vertices = TOPOLOGY.mean_vertices * np.array([-1 if side == "left" else 1, 1, 1], np.float32)
    joints = TOPOLOGY.joint_regressor @ vertices
    step = (DEPTH * back_project((x, y), CAMERA) - joints[ROOT_JOINT]).astype(np.float32)
    joints, vertices = joints + step, vertices + step
    pixels = project(joints, CAMERA).astype(np.float32)
    return Hand(
        score=0.9,
        box=np.concatenate([pixels.min(0), pixels.max(0)]),
        handedness=side,
        handedness_score=certainty,
        joints_2d=pixels,
        joint_scores=np.ones(21, np.float32),
        metric=MetricHand(joints, np.full(21, 0.005, np.float32), vertices),
    )


def right_hand_from(vertices: np.ndarray, camera: CameraIntrinsics) -> Hand:
    """A right hand with these vertices (V, 3), metres."""
    joints = TOPOLOGY.joint_regressor @ vertices
    pixels = project(joints, camera).astype(np.float32)
    return Hand(
        score=0.9,
        box=np.concatenate([pixels.min(0), pixels.max(0)]),
        handedness="right",
        handedness_score=0.9,
        joints_2d=pixels,
        joint_scores=np.ones(21, np.float32),
        metric=MetricHand(joints.astype(np.float32), np.full(21, 0.004, np.float32), vertices.astype(np.float32)),
    )


def centred_vertices() -> np.ndarray:
    """(V, 3) vertices of the mean hand relative to its root joint."""
    return TOPOLOGY.mean_vertices - (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices)[ROOT_JOINT]
