"""Images of a camera, from normal to hostile: every encoding, wrong sizes and steps, damaged and forged files."""

import array
import struct
import zlib
from collections.abc import Sequence
from typing import Final, TypeVar

import cv2
import numpy as np
from encoded_images import jpeg_with_orientation
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from handos_model.geometry.arrays import ImageArray

BYTES_PER_PIXEL: Final = {
    "mono8": 1, "8UC1": 1, "bgr8": 3, "rgb8": 3, "8UC3": 3, "bgra8": 4, "rgba8": 4, "8UC4": 4,
    "mono16": 2, "bgr16": 6, "rgb16": 6, "uyvy": 2, "yuv422": 2, "yuyv": 2, "yuv422_yuy2": 2, "nv12": 1, "nv21": 1,
    **{f"bayer_{order}{bits}": bits // 8 for order in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)},
}  # fmt: skip
"""By encoding that the node knows; of nv12 and nv21 in the first plane."""
UNKNOWN_ENCODINGS: Final = (
    "",
    "32FC1",
    "16UC1",
    "64FC3",
    "yuv420",
    "BGR8",
    "h264",
    "\N{SNOWMAN}",
    "x" * 300,
)
SIZES: Final = (
    (240, 320),
    (240, 320),
    (480, 640),
    (360, 480),
    (241, 321),
    (320, 240),
    (2, 2),
    (1, 1),
    (1, 640),
    (480, 1),
)
"""Heights and widths; camera_info is for the first."""
EXTREME_NUMBERS: Final = (0, 1, 2, 3, 7, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1)


T = TypeVar("T")


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, as it is: numpy would turn it into one of its own types."""
    return choices[int(rng.integers(len(choices)))]


def image_of(grey: ImageArray, encoding: str, header: Header, rng: np.random.Generator) -> Image:
    """Message of a grey image (H, W) in an encoding."""
    height, width = grey.shape
    samples = _samples(grey, encoding, rng)
    padding = int(rng.integers(0, 40)) if rng.random() < 0.3 else int(width % 2 and encoding in ("nv12", "nv21"))
    samples = np.pad(samples, ((0, 0), (0, padding)), constant_values=128)
    message = Image(header=header, height=height, width=width, encoding=encoding, step=samples.shape[1])
    message.data = array.array("B", samples.tobytes())
    return message


def _samples(grey: ImageArray, encoding: str, rng: np.random.Generator) -> ImageArray:
    """Bytes of the rows (R, N)."""
    height, width = grey.shape
    if encoding in ("nv12", "nv21"):
        return np.vstack([grey, np.full(((height + 1) // 2, width), 128, np.uint8)])
    if encoding in ("uyvy", "yuv422", "yuyv", "yuv422_yuy2"):
        pairs = np.full((height, width, 2), 128, np.uint8)
        pairs[..., 1 if encoding in ("uyvy", "yuv422") else 0] = grey
        return pairs.reshape(height, -1)
    if encoding.endswith("16"):
        wide = grey.astype("<u2") << int(rng.integers(0, 9))
        return np.repeat(wide, BYTES_PER_PIXEL[encoding] // 2, axis=1).view(np.uint8)
    return np.repeat(grey, BYTES_PER_PIXEL.get(encoding, 1), axis=1)


def damage_image(message: Image, rng: np.random.Generator) -> None:
    """Make an image message contradict itself."""
    kind = rng.integers(8)
    if kind == 0:
        message.data = message.data[: int(rng.integers(0, len(message.data) + 1))]
    elif kind == 1:
        message.step = pick(rng, EXTREME_NUMBERS)
    elif kind == 2:
        message.height = pick(rng, EXTREME_NUMBERS)
    elif kind == 3:
        message.width = pick(rng, EXTREME_NUMBERS)
    elif kind == 4:
        message.encoding = pick(rng, UNKNOWN_ENCODINGS)
    elif kind == 5:
        message.encoding = pick(rng, tuple(BYTES_PER_PIXEL))
    elif kind == 6:
        message.is_bigendian = int(rng.integers(1, 256))
    else:
        message.width, message.height = message.height, message.width


def compressed_image_of(grey: ImageArray, header: Header, rng: np.random.Generator) -> CompressedImage:
    """Message of a grey image (H, W) as a file of some format and depth."""
    kind = pick(rng, ("jpeg", "jpeg", "png", "png", "png16", "webp", "tiff", "bmp", "exif", "colour", "alpha"))
    if kind == "exif":
        data = jpeg_with_orientation(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), int(rng.integers(0, 10)))
    elif kind == "png16":
        data = cv2.imencode(".png", grey.astype(np.uint16) << int(rng.integers(0, 9)))[1].tobytes()
    elif kind in ("colour", "alpha"):
        code = cv2.COLOR_GRAY2BGR if kind == "colour" else cv2.COLOR_GRAY2BGRA
        data = cv2.imencode(".png", cv2.cvtColor(grey, code))[1].tobytes()
    else:
        data = cv2.imencode(f".{kind}", grey)[1].tobytes()
    formats = ("jpeg", "png", "bgr8; jpeg compressed bgr8", "16UC1; compressedDepth png", "", "\N{SNOWMAN}")
    return CompressedImage(header=header, format=pick(rng, formats), data=array.array("B", data))


def damage_file(message: CompressedImage, rng: np.random.Generator) -> None:
    """Truncate, overwrite or forge the file in a message."""
    data, kind = bytearray(message.data), rng.integers(6)
    if kind == 0:
        data = data[: int(rng.integers(0, len(data) + 1))]
    elif kind == 1:
        for position in rng.integers(0, len(data), 10):
            data[position] = int(rng.integers(256))
    elif kind == 2:
        data = bytearray(rng.bytes(int(rng.integers(0, 2000))))
    elif kind == 3:
        data = _huge_png(*(int(n) for n in rng.choice([1, 20_000, 65_535, 2**31 - 1], 2)))
    elif kind == 4:
        data = _huge_jpeg(data, rng)
    else:
        data += rng.bytes(100)
    message.data = array.array("B", bytes(data))


def _huge_png(width: int, height: int) -> bytearray:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return bytearray(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


def _huge_jpeg(jpeg: bytearray, rng: np.random.Generator) -> bytearray:
    """A JPEG whose frame header claims another size."""
    start = jpeg.find(b"\xff\xc0")
    if start >= 0:
        jpeg[start + 5 : start + 9] = struct.pack(">HH", *(int(n) for n in rng.choice([0, 1, 239, 65_535], 2)))
    return jpeg
