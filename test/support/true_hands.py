"""True hands of sequences, made from hands at known positions."""

from pathlib import Path

import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, box_around_joints
from handos_model.datasets.hand_sequences import HandSequence, SequenceHand
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand

SIZE = (640, 480)


def true_hand(hand: Hand, identity: int = 0, *, visible: float = 1.0, in_image: float = 1.0) -> SequenceHand:
    """The true hand that `hand` shows exactly."""
    annotation = AnnotatedHand(
        box=box_around_joints(hand.joints_2d, *SIZE),
        joints_2d=hand.joints_2d,
        handedness=hand.handedness,
        visibility=np.full(21, visible >= 0.5),
        joints_3d=hand.joints_3d,
    )
    return SequenceHand(identity, 0, annotation, in_image, visible)


def sequence_of(
    frames: list[tuple[SequenceHand, ...]], camera: CameraIntrinsics, folder: Path = Path("sequence")
) -> HandSequence:
    """A sequence at 30 images per second."""
    return HandSequence(folder, "test", 0, 30.0, SIZE, camera, tuple(frames))
