"""Image messages of all kinds become BGR images and metres."""

import array
import sys
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from encoded_images import jpeg_with_orientation
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image

from handos_model.files.image_messages import ImageDecodingError, decode_depth
from handos_model.files.signal_range import SignalRange
from handos_ros.images.image_decoding import decode_image

BGR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
GREY = BGR[..., :1]
ALPHA = np.full((6, 8, 1), 7, np.uint8)
RED, GREEN, BLUE, WHITE = (81, 90, 240), (145, 54, 34), (41, 240, 110), (235, 128, 128)
"""Y, U, V of pure colours after ITU-R BT.601, studio range."""
IN_BGR = {RED: (0, 0, 255), GREEN: (0, 255, 0), BLUE: (255, 0, 0), WHITE: (255, 255, 255)}


def message_of(
    rows: npt.NDArray[np.generic], encoding: str, width: int, height: int, padding: int = 0, big: bool = False
) -> Image:
    """Message of (rows, samples) with `padding` bytes of noise after each row."""
    flat = rows.reshape(len(rows), -1).view(np.uint8)
    padded = np.hstack([flat, np.full((len(flat), padding), 251, np.uint8)])
    message = Image(encoding=encoding, width=width, height=height, step=padded.shape[1], is_bigendian=int(big))
    message.data = array.array("B", padded.tobytes())
    return message


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "samples", "expected"),
    [
        ("bgr8", BGR, BGR),
        ("8UC3", BGR, BGR),
        ("rgb8", BGR[..., ::-1], BGR),
        ("bgra8", np.dstack([BGR, ALPHA]), BGR),
        ("rgba8", np.dstack([BGR[..., ::-1], ALPHA]), BGR),
        ("mono8", GREY, np.repeat(GREY, 3, axis=2)),
    ],
)
def test_packed_encodings(
    encoding: str, samples: npt.NDArray[np.uint8], expected: npt.NDArray[np.uint8], padding: int
) -> None:
    message = message_of(np.ascontiguousarray(samples), encoding, 8, 6, padding)
    np.testing.assert_array_equal(decode_image(message), expected)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("encoding", "channels"), [("mono16", 1), ("bgr16", 3)])
def test_sixteen_bit_samples_keep_their_upper_byte_in_either_byte_order(
    encoding: str, channels: int, big: bool
) -> None:
    samples = (BGR[..., :channels].astype(">u2" if big else "<u2") << 8) + np.array(99, ">u2" if big else "<u2")
    samples = np.ascontiguousarray(samples.astype(">u2" if big else "<u2"))
    decoded = decode_image(message_of(samples, encoding, 8, 6, padding=4, big=big))
    np.testing.assert_array_equal(decoded, np.broadcast_to(BGR[..., :channels], BGR.shape))


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, WHITE])
@pytest.mark.parametrize(
    ("encoding", "order"), [("uyvy", "uyvy"), ("yuv422", "uyvy"), ("yuyv", "yuyv"), ("yuv422_yuy2", "yuyv")]
)
def test_interleaved_half_colour(encoding: str, order: str, colour: tuple[int, int, int]) -> None:
    pair = [colour["yuv".index(letter)] for letter in order]
    rows = np.tile(np.array(pair, np.uint8), (6, 4))
    decoded = decode_image(message_of(rows, encoding, 8, 6, padding=3))
    np.testing.assert_allclose(decoded, np.broadcast_to(IN_BGR[colour], (6, 8, 3)), atol=3)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, WHITE])
@pytest.mark.parametrize(("encoding", "order"), [("nv12", (1, 2)), ("nv21", (2, 1))])
def test_planes_of_brightness_and_half_colour(
    encoding: str, order: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    brightness = np.full((6, 8), colour[0], np.uint8)
    half = np.tile(np.array([colour[k] for k in order], np.uint8), (3, 4))
    decoded = decode_image(message_of(np.vstack([brightness, half]), encoding, 8, 6, padding=2))
    np.testing.assert_allclose(decoded, np.broadcast_to(IN_BGR[colour], (6, 8, 3)), atol=3)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns(pattern: str, bits: int) -> None:
    values = {"r": 200, "g": 100, "b": 50}
    tile = np.array([values[letter] for letter in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(tile, (3, 4)).astype("<u2" if bits == 16 else np.uint8) << (bits - 8)
    decoded = decode_image(message_of(mosaic, f"bayer_{pattern}{bits}", 8, 6))
    np.testing.assert_array_equal(decoded[2:-2, 2:-2], np.broadcast_to((50, 100, 200), (2, 4, 3)))


def test_compressed_images() -> None:
    data = cv2.imencode(".png", BGR)[1].tobytes()
    np.testing.assert_array_equal(decode_image(CompressedImage(format="png", data=data)), BGR)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 no jpeg"])
def test_damaged_compressed_images_are_refused(data: bytes) -> None:
    with pytest.raises(ImageDecodingError, match="cannot be decoded"):
        decode_image(CompressedImage(format="jpeg", data=data))


@pytest.mark.parametrize(("step", "cut"), [(23, 0), (24, 1), (0, 0)])
def test_images_whose_data_do_not_fit_are_refused(step: int, cut: int) -> None:
    message = message_of(BGR, "bgr8", 8, 6)
    message.step = step
    message.data = message.data[: len(message.data) - cut]
    with pytest.raises(ImageDecodingError, match="check the camera driver"):
        decode_image(message)


def test_other_encodings_are_left_to_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("cv_bridge")  # the real one is not on PyPI

    class CvBridge:
        def imgmsg_to_cv2(self, message: Image, encoding: str) -> npt.NDArray[np.uint8]:
            assert encoding == "bgr8"
            return BGR

    vars(stand_in).update(CvBridge=CvBridge, CvBridgeError=ValueError)
    monkeypatch.setitem(sys.modules, "cv_bridge", stand_in)
    assert decode_image(message_of(BGR, "yuv444", 8, 6)) is BGR


def test_without_cv_bridge_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(ImageDecodingError, match="'yuv444' is not supported without cv_bridge: install it"):
        decode_image(message_of(BGR, "yuv444", 8, 6))


def test_depth_in_millimetres_and_in_metres() -> None:
    metres = np.array([[0.5, 1.25], [0.0, 3.0]], np.float32)
    for big in (False, True):
        millimetres = (1000 * metres).astype(">u2" if big else "<u2")
        np.testing.assert_allclose(decode_depth(message_of(millimetres, "16UC1", 2, 2, padding=2, big=big)), metres)
    np.testing.assert_array_equal(decode_depth(message_of(metres, "32FC1", 2, 2)), metres)


def test_colour_images_are_no_depth() -> None:
    with pytest.raises(ImageDecodingError, match="16UC1"):
        decode_depth(message_of(BGR, "bgr8", 8, 6))


@pytest.mark.parametrize("marker", [0, 0xFFFF])
def test_depth_in_millimetres_has_two_values_that_mean_nothing_was_measured(marker: int) -> None:
    samples = np.array([[marker, 0xFFFE]], "<u2")
    depth = decode_depth(message_of(samples, "16UC1", 2, 1))
    assert not depth[0, 0] > 0
    assert depth[0, 1] == pytest.approx(65.534)


def test_an_orientation_in_compressed_images_is_ignored_because_camera_info_describes_the_sensor() -> None:
    upright = decode_image(CompressedImage(format="jpeg", data=jpeg_with_orientation(BGR, 1)))
    for orientation in (3, 6):
        turned = decode_image(CompressedImage(format="jpeg", data=jpeg_with_orientation(BGR, orientation)))
        np.testing.assert_array_equal(turned, upright)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bayer_rggb16", "png"])
def test_short_samples_give_the_image_of_full_range(encoding: str, bits: int) -> None:
    full = np.random.default_rng(1).integers(0, 256, (16, 16 * (3 if encoding == "rgb16" else 1)), np.uint16)
    full[0, 0] = 255

    def decoded(samples: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        if encoding == "png":
            data = cv2.imencode(".png", samples)[1].tobytes()
            return decode_image(CompressedImage(format="16UC1; png compressed", data=data))
        return decode_image(message_of(samples, encoding, 16, 16))

    np.testing.assert_array_equal(decoded(full << (bits - 8)), decoded(full << 8))
    np.testing.assert_array_equal(decoded(full << (bits - 8)), decoded(full))


def test_a_cameras_dark_image_after_a_bright_one_stays_dark() -> None:
    signal_range = SignalRange()
    decode_image(message_of(np.full((6, 8), 4000, "<u2"), "mono16", 8, 6), signal_range)
    dark = decode_image(message_of(np.full((6, 8), 160, "<u2"), "mono16", 8, 6), signal_range)
    assert signal_range.bits == 12
    assert (dark == 10).all()


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, WHITE])
@pytest.mark.parametrize(("width", "height"), [(7, 6), (8, 5), (7, 5), (1, 1)])
@pytest.mark.parametrize("order", ["uyvy", "yuyv"])
def test_interleaved_colour_of_odd_size(order: str, width: int, height: int, colour: tuple[int, int, int]) -> None:
    pair = [colour["yuv".index(letter)] for letter in order]
    rows = np.tile(np.array(pair, np.uint8), (height, 4))[:, : 2 * width]
    decoded = decode_image(message_of(np.ascontiguousarray(rows), order, width, height, padding=3))
    expected = np.broadcast_to(IN_BGR[colour], (height, width, 3))
    assert decoded.shape == expected.shape
    if width > 1:  # one pixel of them has half a colour
        np.testing.assert_allclose(decoded, expected, atol=3)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, WHITE])
@pytest.mark.parametrize(("width", "height"), [(7, 6), (8, 5), (7, 5)])
@pytest.mark.parametrize("missing_rows", [0, 1])
def test_planes_of_odd_size(width: int, height: int, missing_rows: int, colour: tuple[int, int, int]) -> None:
    brightness = np.full((height, 8), colour[0], np.uint8)
    half = np.tile(np.array(colour[1:], np.uint8), ((height + 1) // 2 - missing_rows * (height % 2), 4))
    decoded = decode_image(message_of(np.vstack([brightness, half]), "nv12", width, height, padding=8 % width))
    np.testing.assert_allclose(decoded, np.broadcast_to(IN_BGR[colour], (height, width, 3)), atol=3)


def test_planes_without_room_for_the_last_colour_are_refused_by_encoding_and_size() -> None:
    with pytest.raises(ImageDecodingError, match=r"nv21 image of 7 x 6 .*at least 8"):
        decode_image(message_of(np.zeros((9, 7), np.uint8), "nv21", 7, 6))


def test_images_that_would_fill_the_memory_are_refused_before_decoding() -> None:
    for message in (
        Image(encoding="bgr8", width=30_000, height=30_000, step=90_000),
        CompressedImage(format="pgm", data=b"P5 30000 30000 255 "),
    ):
        with pytest.raises(ImageDecodingError, match="30000 x 30000"):
            decode_image(message)
    with pytest.raises(ImageDecodingError, match="30000 x 30000"):
        decode_depth(Image(encoding="16UC1", width=30_000, height=30_000, step=60_000))


ENCODINGS = (
    *("bgr8", "8UC3", "rgb8", "bgra8", "8UC4", "rgba8", "mono8", "8UC1", "mono16", "bgr16", "rgb16", "yuv422"),
    *("uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "yuv444", "16UC1", "32FC1", ""),
    *(f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)),
)


@given(
    st.sampled_from(ENCODINGS),
    st.integers(0, 9) | st.just(2**32 - 1),
    st.integers(0, 9) | st.just(2**32 - 1),
    st.integers(0, 80) | st.just(2**32 - 1),
    st.integers(0, 2000),
    st.sampled_from([0, 1, 255]),
)
@example("nv12", 3, 3, 4, 20, 0)
@example("bayer_rggb8", 1, 1, 1, 1, 0)
@settings(max_examples=600, deadline=None)
def test_whatever_a_message_holds_it_is_an_image_or_refused(
    encoding: str, width: int, height: int, step: int, length: int, big: int
) -> None:
    data = array.array("B", np.random.default_rng(length).integers(0, 256, length, np.uint8).tobytes())
    message = Image(encoding=encoding, width=width, height=height, step=step, is_bigendian=big, data=data)
    for decode, shape, dtype in (
        (decode_image, (height, width, 3), np.uint8),
        (decode_depth, (height, width), np.float32),
    ):
        try:
            decoded = decode(message)
        except ImageDecodingError:
            continue
        assert decoded.shape == shape
        assert decoded.dtype == dtype
