"""A few drawn hands to train on, and a stage of a few steps."""

import cv2
import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.topology import HandTopology
from handos_model.training.configuration import StageConfiguration

SIZE = 96
STAGE = StageConfiguration(
    steps=4,
    batch_size=2,
    image_size=SIZE,
    early_image_size=SIZE,
    learning_rate=1e-3,
    gradient_norm=1.0,
    photograph_fraction=0.5,
    warmup_steps=1,
    log_steps=1,
    sample_sheet_steps=3,
)


def drawn_hands() -> list[AnnotatedImage]:
    """Drawn skeletons of the mean hand at random positions, every second one annotated in 3D."""
    topology = HandTopology.load()
    rng = np.random.default_rng(0)
    camera = CameraIntrinsics(150, 150, 64, 64)
    drawn = []
    for number in range(4):
        offset = np.array([*rng.uniform(-0.06, 0.06, 2), rng.uniform(0.3, 0.4)])
        vertices = topology.mean_vertices * [1, -1, -1] + offset
        joints = topology.joint_regressor @ vertices
        joints_2d = project(joints, camera).astype(np.float32)
        image = rng.integers(0, 80, (128, 128, 3), np.uint8)
        for joint in joints_2d.round().astype(int).tolist():
            cv2.circle(image, joint, 4, (90, 140, 220), -1)
        in_3d = (joints.astype(np.float32), vertices.astype(np.float32)) if number % 2 else (None, None)
        hand = AnnotatedHand(box_around_joints(joints_2d, 128, 128), joints_2d, "right", None, *in_3d)
        drawn.append(AnnotatedImage(image, (hand,), camera))
    return drawn
