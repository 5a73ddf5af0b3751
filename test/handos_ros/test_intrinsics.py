"""Which intrinsics and lens a camera_info gives an image."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_ros.intrinsics import CameraInfoError, IntrinsicsOrigin, intrinsics_from_camera_info


def info(**changes: object) -> CameraInfo:
    message = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.0] * 5)
    message.k = np.array([500, 0, 320, 0, 510, 240, 0, 0, 1.0])
    message.p = np.array([450, 0, 310, -50, 0, 450, 230, 0, 0, 0, 1.0, 0])
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_raw_images_are_seen_through_k_and_the_lens() -> None:
    found = intrinsics_from_camera_info(info(d=[0.1, 0.0, 0.0, 0.0, 0.0]), 640, 480, rectified=False)
    assert found.camera == CameraIntrinsics(500, 510, 320, 240)
    assert found.origin is IntrinsicsOrigin.CALIBRATED
    assert found.lens == LensDistortion("radial_tangential", (0.1, 0, 0, 0, 0))


def test_rectified_images_are_seen_through_p_and_no_lens() -> None:
    found = intrinsics_from_camera_info(info(d=[0.1, 0.0, 0.0, 0.0, 0.0]), 640, 480, rectified=True)
    assert found.camera == CameraIntrinsics(450, 450, 310, 230)
    assert found.lens is None


@pytest.mark.parametrize(
    ("model", "coefficients", "expected"),
    [
        ("plumb_bob", [0.0] * 5, None),
        ("", [], None),
        ("rational_polynomial", [0.1] * 8, LensDistortion("radial_tangential", (0.1,) * 8)),
        ("equidistant", [0.1] * 4, LensDistortion("fisheye", (0.1,) * 4)),
    ],
)
def test_lens_models(model: str, coefficients: list[float], expected: LensDistortion | None) -> None:
    message = info(distortion_model=model, d=coefficients)
    assert intrinsics_from_camera_info(message, 640, 480, rectified=False).lens == expected


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"k": np.zeros(9)}, r"K\[0\] is 0"),
        ({"width": 1280}, "1280 x 480 pixels.* 640 x 480"),
        ({"distortion_model": "thin_prism", "d": [0.1] * 4}, "'thin_prism'.*plumb_bob"),
        ({"d": [0.1]}, r"\[0\.1\]"),
        ({"k": np.array([-5, 0, 0, 0, 5, 0, 0, 0, 1.0])}, "fx, fy > 0"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(CameraInfoError, match=complaint):
        intrinsics_from_camera_info(info(**changes), 640, 480, rectified=False)


def test_binning_and_region_of_interest_are_carried_over() -> None:
    message = info(binning_x=2, binning_y=2)
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 40, 400, 300
    found = intrinsics_from_camera_info(message, 200, 150, rectified=False)
    assert found.camera == CameraIntrinsics(250, 255, 110, 100)
