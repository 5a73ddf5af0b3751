"""Which intrinsics and lens apply to a frame: what the user gives, the recording's own, an assumed view, or none."""

from dataclasses import dataclass

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.recordings.frame import Frame


@dataclass(frozen=True)
class FrameCamera:
    """Intrinsics and lens of a frame."""

    intrinsics: CameraIntrinsics | None = None
    """``None`` if they are unknown: then there are no metres."""
    lens: LensDistortion | None = None
    """``None``: no distortion."""
    is_assumed: bool = False
    """From a field of view: the metres are only as good as the assumption."""


@dataclass(frozen=True)
class CameraChoice:
    """What the user gives: intrinsics, which replace those of a recording; a field of view, where there are none."""

    intrinsics: CameraIntrinsics | None = None
    field_of_view: float | None = None
    """Degrees along the longer side of the image."""

    def __post_init__(self) -> None:
        if self.intrinsics is not None and self.field_of_view is not None:
            raise ValueError("give either the camera's intrinsics or a field of view, not both")
        if self.field_of_view is not None:
            CameraIntrinsics.from_field_of_view(640, 480, self.field_of_view)  # refuses impossible ones

    def camera_of(self, frame: Frame) -> FrameCamera:
        """Camera of a frame. Raises ValueError if it cannot be the one that took its image."""
        height, width = frame.image.shape[:2]
        if self.intrinsics is not None:
            self.intrinsics.require_plausible(width, height)
            return FrameCamera(self.intrinsics)
        if frame.calibration is not None:
            return FrameCamera(frame.calibration.camera, frame.calibration.lens)
        if self.field_of_view is not None:
            camera = CameraIntrinsics.from_field_of_view(width, height, self.field_of_view)
            return FrameCamera(camera, is_assumed=True)
        return FrameCamera()
