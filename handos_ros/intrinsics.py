"""Which intrinsics belong to an image: those of its camera_info, assumed ones, or none."""

from dataclasses import dataclass
from enum import IntEnum

from sensor_msgs.msg import CameraInfo

from handos_model.io.frame import CameraIntrinsics
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


class CameraInfoError(ValueError):
    """A camera_info cannot be used: why, and what to do."""


def intrinsics_from_camera_info(info: CameraInfo, width: int, height: int) -> CameraIntrinsics:
    """Read K and carry it over to the pixels of the image, which binning and a region of interest change.

    Parameters
    ----------
    info
        The camera's message.
    width, height
        Of the image in pixels.

    Raises
    ------
    CameraInfoError
        If the camera is not calibrated or the message belongs to images of another size.
    """
    if info.k[0] == 0:
        raise CameraInfoError("its K[0] is 0, so the camera is not calibrated: calibrate it")
    x_binning, y_binning = max(info.binning_x, 1), max(info.binning_y, 1)
    expected = ((info.roi.width or info.width) // x_binning, (info.roi.height or info.height) // y_binning)
    if 0 not in expected and expected != (width, height):
        raise CameraInfoError(
            f"it is for images of {expected[0]} x {expected[1]} pixels, the image has {width} x {height}: publish the "
            "camera_info of the resized image, as image_proc's resize node does"
        )
    try:
        return CameraIntrinsics(
            fx=info.k[0] / x_binning,
            fy=info.k[4] / y_binning,
            cx=(info.k[2] - info.roi.x_offset) / x_binning,
            cy=(info.k[5] - info.roi.y_offset) / y_binning,
        )
    except ValueError as error:
        raise CameraInfoError(str(error)) from error


def assumed_intrinsics(width: int, height: int, field_of_view: float | None) -> ImageIntrinsics:
    """Intrinsics for an image whose camera is unknown: none, unless a field of view is to be assumed.

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
