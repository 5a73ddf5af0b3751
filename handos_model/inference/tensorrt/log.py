"""TensorRT's messages in Python's logging, and its errors kept for the exceptions that follow them."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import tensorrt as trt

from handos_model.inference.engine import BackendError

_LOGGER = logging.getLogger("handos_model.inference.tensorrt")
_LEVELS: Final = {
    trt.ILogger.Severity.INTERNAL_ERROR: logging.ERROR,
    trt.ILogger.Severity.ERROR: logging.ERROR,
    trt.ILogger.Severity.WARNING: logging.WARNING,
}
"""What TensorRT calls information is of interest only to who debugs TensorRT."""
_KEPT_ERRORS: Final[int] = 3


class TensorRTLog(trt.ILogger):  # type: ignore[misc]
    """Every object of TensorRT is made with a logger; its functions return False or None and say why only here."""

    def __init__(self) -> None:
        super().__init__()
        self._errors: deque[str] = deque(maxlen=_KEPT_ERRORS)

    def log(self, severity: Any, message: str) -> None:
        """Called by TensorRT, from any of its threads."""
        level = _LEVELS.get(severity, logging.DEBUG)
        _LOGGER.log(level, "%s", message)
        if level == logging.ERROR:
            self._errors.append(message)

    def take_errors(self) -> str:
        """The last errors since this was asked before."""
        errors = "; ".join(self._errors)
        self._errors.clear()
        return errors or "nothing"

    def made(self, name: str, make: Callable[..., Any], *arguments: object) -> Any:
        """Make something of TensorRT, which says "no" with ``None`` or with a TypeError about a nullptr.

        Raises
        ------
        BackendError
            If it says "no".
        """
        try:
            thing = make(*arguments)
        except TypeError:
            thing = None
        if thing is None:
            raise BackendError(f"TensorRT {trt.__version__} gives no {name} here. It says: {self.take_errors()}")
        return thing
