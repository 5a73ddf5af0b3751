"""OpenCV's own messages, which say less than our errors do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cv2.utils import logging


@contextmanager
def silent_opencv() -> Iterator[None]:
    """Keep OpenCV quiet, unless OPENCV_LOG_LEVEL in the environment asks for its messages."""
    if "OPENCV_LOG_LEVEL" in os.environ:
        yield
        return
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)
