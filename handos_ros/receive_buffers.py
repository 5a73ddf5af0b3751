"""Keeps the memory that images are received into."""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_receive_buffers() -> None:
    """Tell malloc not to give memory of up to 32 MiB back to the system after every image.

    Getting it anew costs more than a millisecond of page faults per 640 x 480 image. Where the C library has no
    `mallopt`, images are received as before, only slower.
    """
    library = ctypes.CDLL(None)  # the C library that this process already uses
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(_M_TRIM_THRESHOLD, 256 << 20)
