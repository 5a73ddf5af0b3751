"""Which intrinsics and lens a camera_info gives an image."""

import numpy as np
import pytest
from hands import centred_vertices, right_hand_from
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo

from handos_model.geometry.camera_info import CameraInfoError, calibration_from_camera_info
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.inference.undistortion import undistort
from handos_ros.images.intrinsics import IntrinsicsOrigin, calibrated_intrinsics


def info(**changes: object) -> CameraInfo:
    message = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.0] * 5)
    message.k = np.array([500, 0, 320, 0, 510, 240, 0, 0, 1.0])
    message.p = np.array([450, 0, 310, -50, 0, 450, 230, 0, 0, 0, 1.0, 0])
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_raw_images_are_seen_through_k_and_the_lens() -> None:
    found = calibration_from_camera_info(info(d=[0.1, 0.0, 0.0, 0.0, 0.0]), 640, 480, rectified=False)
    assert found.camera == CameraIntrinsics(500, 510, 320, 240)
    assert calibrated_intrinsics(found).origin is IntrinsicsOrigin.CALIBRATED
    assert found.lens == LensDistortion("radial_tangential", (0.1, 0, 0, 0, 0))


def test_rectified_images_are_seen_through_p_and_no_lens() -> None:
    found = calibration_from_camera_info(info(d=[0.1, 0.0, 0.0, 0.0, 0.0]), 640, 480, rectified=True)
    assert found.camera == CameraIntrinsics(450, 450, 310, 230)
    assert found.lens is None


@pytest.mark.parametrize(
    ("model", "coefficients", "expected"),
    [
        ("plumb_bob", [0.0] * 5, None),
        ("", [], None),
        ("rational_polynomial", [0.1] * 8, LensDistortion("radial_tangential", (0.1,) * 8)),
        ("rational_polynomial", [0.0] * 8, None),
        ("equidistant", [0.1] * 4, LensDistortion("fisheye", (0.1,) * 4)),
        ("equidistant", [0.1] * 4 + [0.0], LensDistortion("fisheye", (0.1,) * 4)),
        ("equidistant", [0.0] * 4, LensDistortion("fisheye", (0.0,) * 4)),
        ("equidistant", [0.0] * 5, LensDistortion("fisheye", (0.0,) * 4)),
        ("equidistant", [], LensDistortion("fisheye", (0.0,) * 4)),
    ],
)
def test_lens_models(model: str, coefficients: list[float], expected: LensDistortion | None) -> None:
    message = info(distortion_model=model, d=coefficients)
    assert calibration_from_camera_info(message, 640, 480, rectified=False).lens == expected


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"k": np.zeros(9)}, r"K\[0\] is 0"),
        ({"width": 1280}, "1280 x 480 pixels.* 640 x 480"),
        ({"distortion_model": "thin_prism", "d": [0.1] * 4}, "'thin_prism'.*plumb_bob"),
        ({"d": [0.1]}, r"\[0\.1\]"),
        ({"distortion_model": "kannala_brandt", "d": [0.0] * 4}, "'kannala_brandt'.*equidistant"),
        ({"d": [float("nan")] * 5}, r"\[nan, "),
        ({"d": [1e300, 0.0, 0.0, 0.0, 0.0]}, "1e\\+300"),
        ({"distortion_model": "equidistant", "d": [-1e6, 0.0, 0.0, 0.0]}, "-1000000.0"),
        ({"k": np.array([-5, 0, 0, 0, 5, 0, 0, 0, 1.0])}, "fx = -5"),
        ({"k": np.array([1e300, 0, 320, 0, 510, 240, 0, 0, 1.0])}, r"fx = 1e\+300"),
        ({"k": np.array([1.2, 0, 320, 0, 1.2, 240, 0, 0, 1.0])}, "fx = 1.2 .*640 x 480"),
        ({"k": np.array([500, 0, 9320, 0, 510, 240, 0, 0, 1.0])}, "cx = 9320 .*640 x 480"),
        ({"k": np.array([500, float("inf"), 320, 0, 510, 240, 0, 0, 1.0])}, "K is not finite"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(CameraInfoError, match=complaint):
        calibration_from_camera_info(info(**changes), 640, 480, rectified=False)


def test_binning_and_region_of_interest_are_carried_over() -> None:
    message = info(binning_x=2, binning_y=2)
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 40, 400, 300
    found = calibration_from_camera_info(message, 200, 150, rectified=False)
    assert found.camera == CameraIntrinsics(250, 255, 110, 100)


@pytest.mark.parametrize("coefficients", [[0.0] * 4, []])
@pytest.mark.parametrize("degrees", [0.0, 22.0, 43.0])
def test_a_hand_before_a_fisheye_without_coefficients_is_where_its_angle_says(
    degrees: float, coefficients: list[float]
) -> None:
    message = info(distortion_model="equidistant", d=coefficients)
    message.k = np.array([305.58, 0, 320, 0, 305.58, 240, 0, 0, 1.0])
    found = calibration_from_camera_info(message, 640, 480, rectified=False)
    assert found.lens is not None
    column = 305.58 * np.radians(degrees)
    seen = right_hand_from(centred_vertices() + np.array([0.6 * column / 305.58, 0, 0.6]), found.camera)
    (hand,) = undistort([seen], found.camera, found.lens)
    assert hand.joints_3d is not None
    x, _, z = hand.joints_3d[ROOT_JOINT]
    assert np.degrees(np.arctan2(x, z)) == pytest.approx(degrees, abs=0.05)


def test_images_that_differ_by_rounding_are_used() -> None:
    message = info()
    message.roi.width, message.roi.height = 638, 479
    found = calibration_from_camera_info(message, 639, 480, rectified=False)
    assert found.camera == CameraIntrinsics(500, 510, 320, 240)
    message = info(width=641, height=481, binning_x=2, binning_y=2)
    assert calibration_from_camera_info(message, 321, 241, rectified=False).camera == CameraIntrinsics(
        250, 255, 160, 120
    )


@pytest.mark.parametrize("roi", [(0, 0, 640, 480), (1, 0, 639, 480), (100, 40, 400, 300)])
def test_an_image_of_the_whole_sensor_is_not_shifted_by_a_region_of_interest(roi: tuple[int, int, int, int]) -> None:
    message = info()
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = roi
    found = calibration_from_camera_info(message, 640, 480, rectified=False)
    assert found.camera == CameraIntrinsics(500, 510, 320, 240)


@pytest.mark.parametrize(
    ("binning", "roi"), [((2, 2), (0, 0, 0, 0)), ((0, 0), (10, 10, 300, 200)), ((2, 2), (10, 10, 300, 200))]
)
def test_binning_and_region_that_contradict_the_image_are_named(
    binning: tuple[int, int], roi: tuple[int, int, int, int]
) -> None:
    message = info(binning_x=binning[0], binning_y=binning[1])
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = roi
    with pytest.raises(
        CameraInfoError, match=f"{roi[2]} x {roi[3]} at {roi[0]}, {roi[1]}.*{binning[0]} x {binning[1]}"
    ):
        calibration_from_camera_info(message, 500, 400, rectified=False)


def test_a_resized_image_without_region_or_binning_is_said_to_be_resized() -> None:
    with pytest.raises(CameraInfoError, match="resize"):
        calibration_from_camera_info(info(), 320, 240, rectified=False)


def test_a_small_region_of_a_large_sensor_is_plausible() -> None:
    message = info(width=4000, height=3000)
    message.k = np.array([8000, 0, 2000, 0, 8000, 1500, 0, 0, 1.0])
    message.roi.x_offset, message.roi.width, message.roi.height = 3900, 64, 48
    found = calibration_from_camera_info(message, 64, 48, rectified=False)
    assert found.camera == CameraIntrinsics(8000, 8000, -1900, 1500)


@pytest.mark.parametrize("size", [(400, 300), (0, 0)])
def test_a_region_that_the_sensor_does_not_have_is_refused(size: tuple[int, int]) -> None:
    """Whether K belongs to the sensor or to the region is then anybody's guess."""
    message = info(width=400, height=300)
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 40, *size
    with pytest.raises(CameraInfoError, match=r"at 100, 40.*contradict"):
        calibration_from_camera_info(message, 400, 300, rectified=False)


NUMBERS = st.one_of(st.floats(200, 700), st.floats(200, 700), st.floats(200, 700), st.floats())


@given(
    model=st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", "", "other"]),
    k=st.lists(NUMBERS, min_size=9, max_size=9),
    d=st.sampled_from([0, 4, 5, 8]).flatmap(lambda n: st.lists(st.floats(-1, 1) | st.floats(), min_size=n, max_size=n)),
    sizes=st.lists(st.sampled_from([*[0] * 20, 1, 2, 300, 400, 640, 2**32 - 1]), min_size=8, max_size=8),
    rectified=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_whatever_a_camera_info_holds_its_hands_are_finite_or_it_is_refused(
    model: str, k: list[float], d: list[float], sizes: list[int], rectified: bool
) -> None:
    message = info(distortion_model=model, d=d, width=sizes[0], height=sizes[1])
    message.k, message.p = np.array(k), np.array([*k, 0, 0, 0])
    message.binning_x, message.binning_y = sizes[2:4]
    roi = message.roi
    roi.x_offset, roi.y_offset, roi.width, roi.height = sizes[4:]
    try:
        found = calibration_from_camera_info(message, 640, 400, rectified=rectified)
    except CameraInfoError:
        return
    assert np.isfinite(found.camera.matrix).all()
    if found.lens is not None:
        for point in ((0.0, 0, 0.5), (0.4, 0.1, 0.5), (3.0, 2.0, 0.5)):
            seen = right_hand_from(centred_vertices() + np.array(point), found.camera)
            (hand,) = undistort([seen], found.camera, found.lens)
            assert hand.metric is None or np.isfinite(hand.metric.vertices).all()


@given(
    st.floats(0.3, 3),
    st.floats(0.3, 3),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    st.sampled_from(["plumb_bob", "equidistant"]),
    st.tuples(st.floats(0, 640), st.floats(0, 480)),
)
@settings(max_examples=200, deadline=None)
def test_a_ray_of_a_pixel_is_seen_at_that_pixel_or_there_is_none(
    fx: float, fy: float, d: list[float], model: str, pixel: tuple[float, float]
) -> None:
    message = info(distortion_model=model, d=d)
    message.k = np.array([640 * fx, 0, 320, 0, 640 * fy, 240, 0, 0, 1.0])
    try:
        found = calibration_from_camera_info(message, 640, 480, rectified=False)
    except CameraInfoError:
        return
    if found.lens is not None:
        ray = found.lens.undistort_points([pixel], found.camera)[0]
        if np.isfinite(ray).all():
            seen_at = found.lens.project([[*ray, 1.0]], found.camera)[0]
            np.testing.assert_allclose(seen_at, pixel, atol=0.5)
