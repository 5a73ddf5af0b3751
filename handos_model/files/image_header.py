"""Width and height of an encoded image from its header, before anything is decoded.

A file of 100 kB may decode to gigabytes. OpenCV has a limit too, but only through an environment variable read when it
is loaded.
"""

import re
import struct
from collections.abc import Callable
from typing import Final

MAX_PIXELS: Final = 64_000_000
"""Width times height of the largest image that is decoded: 8000 x 8000, 192 MB."""

_NETPBM: Final = re.compile(rb"P[1-6]" + 2 * rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,10})(?=[\s#])")
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_NUMBERS: Final = {3: "H", 4: "I", 16: "Q"}
"""Formats of a TIFF field's types."""
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that start a frame header."""
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9), 0xFF})
"""Markers without a segment, and 0xFF, which may precede a marker any number of times."""
_MAX_JPEG_STEPS: Final = 10_000
"""Segments are a few dozen, even with large EXIF and colour profiles."""


class ImageTooLargeError(ValueError):
    """An image has more than `MAX_PIXELS` pixels."""


def require_decodable(width: int, height: int) -> None:
    """Raise ImageTooLargeError if an image of this size is not to be decoded."""
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(
            f"it has {width} x {height} pixels, more than {MAX_PIXELS / 1e6:g} million: make it smaller"
        )


def encoded_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Width and height in pixels of a JPEG, PNG, WebP, TIFF, BMP or netpbm image; ``None`` if it is none of these.

    A rotation by EXIF is not applied.
    """
    start = bytes(data[:16])
    for magic, read_size in _READERS:
        if magic.match(start):
            try:
                return read_size(data)
            except (struct.error, IndexError, OverflowError):  # truncated or damaged
                return None
    return None


def _png_size(data: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp_size(data: bytes | memoryview) -> tuple[int, int]:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # a negative height means: top row first


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    position = 2
    for _ in range(_MAX_JPEG_STEPS):
        is_marker, marker = data[position] == 0xFF, data[position + 1]
        if not is_marker or marker == 0xDA:  # no JPEG, or the image's data before its frame header
            return None
        if marker in _JPEG_BARE:
            position += 1 if marker == 0xFF else 2
            continue
        length, height, width = struct.unpack_from(">HxHH", data, position + 2)
        if marker in _JPEG_FRAMES:
            return width, height
        position += 2 + length
    return None


def _webp_size(data: bytes | memoryview) -> tuple[int, int] | None:
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return 1 + width, 1 + height
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff_size(data: bytes | memoryview) -> tuple[int, int] | None:
    order = "<" if data[0] == ord("I") else ">"
    is_big = data[2 if order == "<" else 3] == 43  # BigTIFF: wider offsets
    (directory,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    count_format, entry_bytes, value_at = ("Q", 20, 12) if is_big else ("H", 12, 8)
    (count,) = struct.unpack_from(order + count_format, data, directory)
    first = directory + struct.calcsize(count_format)
    sizes: dict[int, int] = {}
    for entry in range(first, first + min(count, 1000) * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_NUMBERS:
            (sizes[tag],) = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, entry + value_at)
    return (sizes[_TIFF_WIDTH], sizes[_TIFF_HEIGHT]) if len(sizes) == 2 else None


def _netpbm_size(data: bytes | memoryview) -> tuple[int, int] | None:
    found = _NETPBM.match(bytes(data[:4096]))
    return (int(found[1]), int(found[2])) if found else None


_READERS: Final[tuple[tuple[re.Pattern[bytes], Callable[[bytes | memoryview], tuple[int, int] | None]], ...]] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg_size),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png_size),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp_size),
    (re.compile(rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"), _tiff_size),
    (re.compile(rb"BM"), _bmp_size),
    (re.compile(rb"P[1-6]\s"), _netpbm_size),
)
"""What a format starts with, and how its size is read."""
