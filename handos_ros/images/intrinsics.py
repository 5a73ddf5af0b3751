"""Which intrinsics belong to an image: those of its camera_info, assumed ones, or none."""

from dataclasses import dataclass
from enum import IntEnum

from handos_model.geometry.camera_info import Calibration
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_ros.msg import HandArray


class IntrinsicsOrigin(IntEnum):
    """Where intrinsics come from; the values of `HandArray.intrinsics`."""

    NONE = HandArray.INTRINSICS_NONE
    CALIBRATED = HandArray.INTRINSICS_CALIBRATED
    ASSUMED = HandArray.INTRINSICS_ASSUMED


@dataclass(frozen=True)
class ImageIntrinsics:
    """Intrinsics of one image."""

    camera: CameraIntrinsics | None
    """``None`` if and only if `origin` is NONE."""
    origin: IntrinsicsOrigin
    lens: LensDistortion | None = None
    """``None``: no distortion."""


def calibrated_intrinsics(calibration: Calibration) -> ImageIntrinsics:
    """Intrinsics of an image whose camera_info has been read."""
    return ImageIntrinsics(calibration.camera, IntrinsicsOrigin.CALIBRATED, calibration.lens)


def assumed_intrinsics(width: int, height: int, field_of_view: float | None) -> ImageIntrinsics:
    """Intrinsics of an image whose camera is unknown: none, unless a field of view is given.

    Parameters
    ----------
    width, height
        Of the image in pixels.
    field_of_view
        Degrees along the longer side.
    """
    if field_of_view is None:
        return ImageIntrinsics(None, IntrinsicsOrigin.NONE)
    camera = CameraIntrinsics.from_field_of_view(width, height, field_of_view)
    return ImageIntrinsics(camera, IntrinsicsOrigin.ASSUMED)
