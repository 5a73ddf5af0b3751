"""Which numbers are the intrinsics of a camera."""

import pytest

from handos_model.geometry.intrinsics import CameraIntrinsics


@pytest.mark.parametrize("name", ["fx", "fy", "cx", "cy"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e300])
def test_values_that_no_computation_survives_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} = "):
        CameraIntrinsics(**{"fx": 600, "fy": 600, "cx": 320, "cy": 240, name: value})


@pytest.mark.parametrize("focal", [0, -5])
def test_focal_lengths_are_positive(focal: float) -> None:
    with pytest.raises(ValueError, match="fy = "):
        CameraIntrinsics(600, focal, 320, 240)


@pytest.mark.parametrize(
    ("camera", "named"),
    [
        (CameraIntrinsics(1.1, 600, 320, 240), "fx = 1.1 .*640 x 480"),
        (CameraIntrinsics(600, 60_000, 320, 240), "fy = 60000 .*field of view"),
        (CameraIntrinsics(600, 140, 320, 240), "fx = 600 and fy = 140"),
        (CameraIntrinsics(600, 600, 2400, 240), "cx = 2400 .*far outside"),
        (CameraIntrinsics(600, 600, 320, -2000), "cy = -2000 .*far outside"),
    ],
)
def test_intrinsics_of_no_camera_are_refused_by_name_and_value(camera: CameraIntrinsics, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        camera.require_plausible(640, 480)


@pytest.mark.parametrize(
    "camera",
    [
        CameraIntrinsics(600, 600, 320, 240),
        CameraIntrinsics(200, 200, 320, 240),  # fisheye of 180 degrees
        CameraIntrinsics(30_000, 30_000, 320, 240),  # telescope
        CameraIntrinsics(600, 300, 320, 120),  # every second row left out
        CameraIntrinsics(600, 600, -900, 1500),  # a corner of a larger image
    ],
)
def test_unusual_cameras_are_plausible(camera: CameraIntrinsics) -> None:
    camera.require_plausible(640, 480)
