"""Addresses of images, videos and streams: `https://...`, `rtsp://...`."""

import re
from base64 import b64encode
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import numpy as np

from handos_model.files.image_header import ImageTooLargeError
from handos_model.files.images import decode_encoded_image
from handos_model.files.signal_range import SignalRange
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.frame import SourceError
from handos_model.recordings.image_folder import IMAGE_SUFFIXES

PROTOCOLS: Final = ("file", "ftp", "http", "https", "rtmp", "rtp", "rtsp", "srt", "tcp", "udp")
"""That OpenCV reads."""
_MAX_BYTES: Final = 100_000_000
"""Of an image that is downloaded."""
_PATIENCE: Final = 20.0
"""Seconds without an answer of the server."""
_DOWNLOAD: Final = "download it and give its path"


def is_address(source: str | Path) -> bool:
    """Whether a source is a URL, which is no path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(source)) is not None


def without_password(address: str) -> str:
    """The address as it may be printed and written to files. Raises SourceError if it is none."""
    try:
        user, separator, host = urlsplit(address).netloc.rpartition("@")
    except ValueError as error:
        raise SourceError(f"address {address} cannot be read: {error}") from error
    return address.replace(f"{user}{separator}{host}", host, 1) if separator else address


def require_protocol(address: str) -> None:
    """Raise SourceError if OpenCV does not read an address's protocol."""
    protocol = address.partition("://")[0].lower()
    if protocol not in PROTOCOLS:
        raise SourceError(
            f"address {without_password(address)} cannot be read: {protocol} is none of {', '.join(PROTOCOLS)}; "
            f"{_DOWNLOAD}"
        )


def is_image_address(address: str) -> bool:
    """Whether a web address is that of a single image, by its path."""
    parts = urlsplit(address)
    return parts.scheme.lower() in ("http", "https") and PurePosixPath(parts.path).suffix.lower() in IMAGE_SUFFIXES


def download_image(address: str) -> ImageArray:
    """The image at a web address, (H, W, 3) BGR.

    Raises
    ------
    SourceError
        If there is none.
    """
    name = without_password(address)
    try:
        with urlopen(_request(address), timeout=_PATIENCE) as answer:
            encoded = answer.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SourceError(f"image {name} cannot be read: {_reason(error)}; check the address") from error
    if len(encoded) > _MAX_BYTES:
        raise SourceError(f"image {name} is larger than {_MAX_BYTES // 1_000_000} MB: {_DOWNLOAD}")
    try:
        image = decode_encoded_image(np.frombuffer(encoded, np.uint8), SignalRange())
    except ImageTooLargeError as error:
        raise SourceError(f"image {name} is not read: {error}") from error
    if image is None:
        raise SourceError(f"image {name} cannot be read: it is damaged, or a web page around an image; {_DOWNLOAD}")
    return image


def why_unreadable(address: str) -> str:
    """Why there are no images at an address, as far as can be told, and what to do."""
    if urlsplit(address).scheme.lower() not in ("http", "https"):
        return "check the address, with user and password, and that this computer reaches the camera"
    try:
        with urlopen(_request(address), timeout=_PATIENCE) as answer:
            kind = answer.headers.get_content_type()
    except (OSError, ValueError) as error:
        return f"{_reason(error)}; check the address"
    if kind == "text/html":
        return "it is a web page; give the address of the video itself, or download the video and give its path"
    return f"OpenCV cannot read this {kind} from a server; {_DOWNLOAD}"


def _request(address: str) -> Request:
    headers = {"User-Agent": "handos"}  # some servers refuse Python's own
    parts = urlsplit(address)
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
    return Request(without_password(address), headers=headers)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answers {error.code} {error.reason}"
    return str(error.reason) if isinstance(error, URLError) else str(error)
