"""`FrameHands`: what the writers of all formats get."""

from dataclasses import dataclass

from handos_model.hand.hand import Hand
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.frame import Frame


@dataclass(frozen=True)
class FrameHands:
    """The hands of one frame."""

    frame: Frame
    hands: tuple[Hand, ...]
    camera: FrameCamera
    """What the metres are based on."""
