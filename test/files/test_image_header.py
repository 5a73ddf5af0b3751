"""The size of an encoded image is known before it is decoded."""

import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handos_model.files.image_header import ImageTooLargeError, encoded_size, require_decodable

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
FORMATS = {
    "png": (".png", []),
    "jpeg": (".jpg", []),
    "progressive jpeg": (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "lossy webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
    "lossless webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    "tiff": (".tiff", []),
    "bmp": (".bmp", []),
    "ppm": (".ppm", []),
}


def encoded(name: str) -> bytes:
    suffix, options = FORMATS[name]
    return cv2.imencode(suffix, IMAGE, options)[1].tobytes()


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("name", FORMATS)
def test_the_size_of_every_format_is_read(name: str) -> None:
    assert encoded_size(encoded(name)) == (53, 37)


def test_other_variants_of_formats_are_read() -> None:
    extended = b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0" + (52).to_bytes(3, "little") + (36).to_bytes(3, "little")
    assert encoded_size(extended) == (53, 37)
    big_tiff = b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, 2)
    big_tiff += struct.pack(">HHQQ", 256, 4, 1, 53 << 32) + struct.pack(">HHQQ", 257, 3, 1, 37 << 48)
    assert encoded_size(big_tiff) == (53, 37)
    assert encoded_size(b"P5\n# a comment\n53 # another\n37\n255\n") == (53, 37)
    top_row_first = bytearray(encoded("bmp"))
    struct.pack_into("<i", top_row_first, 22, -37)
    assert encoded_size(bytes(top_row_first)) == (53, 37)


def test_the_thumbnail_in_a_jpegs_exif_is_not_its_size() -> None:
    data, thumbnail = encoded("jpeg"), cv2.imencode(".jpg", IMAGE[:8, :8])[1].tobytes()
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    assert encoded_size(data[:2] + exif + data[2:]) == (53, 37)


def test_images_above_the_limit_are_refused_within_milliseconds() -> None:
    started = time.perf_counter()
    size = encoded_size(png_that_claims(30_000, 30_000))
    assert size is not None
    with pytest.raises(ImageTooLargeError, match="30000 x 30000"):
        require_decodable(*size)
    assert time.perf_counter() - started < 0.1
    require_decodable(8000, 8000)


@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 60), st.binary(max_size=30))
@example("jpeg", 3, b"\xff" * 30)
@example("ppm", 7, b"")  # a height that is cut off after its first digit
def test_damaged_headers_give_a_size_or_none(name: str, at: int, damage: bytes) -> None:
    data = encoded(name)
    size = encoded_size(data[:at] + damage + data[at + len(damage) :])
    assert size is None or min(size) >= 0
    assert encoded_size(data[:at]) in (None, (53, 37))


def test_endless_fill_bytes_of_a_jpeg_cost_no_time() -> None:
    started = time.perf_counter()
    assert encoded_size(b"\xff\xd8" + b"\xff" * 10_000_000) is None
    assert time.perf_counter() - started < 0.5
