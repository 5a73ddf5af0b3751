"""A network that sees nothing but a bright rectangle, wherever it is in the image."""

import numpy as np

from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline


def spot_image(left: int, top: int, width: int, height: int) -> ImageArray:
    """200 x 100 pixels with a rectangle, whose upper left corner is marked."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[top : top + height, left : left + width, 2] = 255
    image[top, left, 0] = 255
    return image


class BrightSpot(HandPipeline):
    """Sees the bright rectangle of an image as a right hand, of a mirrored one as a left hand.

    Parameters
    ----------
    smallest
        Fraction of the image's width that the rectangle must have to be seen.
    """

    def __init__(self, smallest: float = 0.0) -> None:
        self.smallest = smallest
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, image: ImageArray, camera: CameraIntrinsics | None = None) -> tuple[Hand, ...]:
        self.shapes.append(image.shape)
        rows, columns = np.nonzero(image[..., 2] == 255)
        if not len(rows) or np.ptp(columns) + 1 < self.smallest * image.shape[1]:
            return ()
        box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
        # The marked corner is at the left of the rectangle, unless the image is mirrored.
        mirrored = bool(image[int(box[1]), int(box[2]), 0])
        joints = np.linspace(box[:2], box[2:], 21).astype(np.float32)
        if mirrored:
            joints[:, 0] = joints[::-1, 0]
        return (Hand(0.8, box, "left" if mirrored else "right", 1.0, joints, np.ones(21, np.float32)),)
