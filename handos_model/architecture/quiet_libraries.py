"""Keeps warnings of libraries about an export away from users, who can do nothing about them."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import onnxruntime  # type: ignore[import-untyped]

_ORT_WARNING: Final = 2
_ORT_ERROR: Final = 3


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Show no warnings during the block."""
    disabled = logging.root.manager.disable
    handler = logging.NullHandler()
    logging.root.addHandler(handler)  # without one, the first message to the root logger would leave one behind
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(_ORT_ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        onnxruntime.set_default_logger_severity(_ORT_WARNING)
        logging.disable(disabled)
        logging.root.removeHandler(handler)
