"""Forwards TensorRT's messages to Python's logging, and collects its errors for exceptions."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import tensorrt as trt

from handos_model.inference.backends.engine import BackendError

_LOGGER = logging.getLogger(__name__)
_LEVELS: Final = {
    trt.ILogger.Severity.INTERNAL_ERROR: logging.ERROR,
    trt.ILogger.Severity.ERROR: logging.ERROR,
    trt.ILogger.Severity.WARNING: logging.WARNING,
}
"""Everything else becomes DEBUG: TensorRT's info messages only help to debug TensorRT."""
_MAX_ERRORS: Final[int] = 3


class TensorRTLog(trt.ILogger):  # type: ignore[misc]
    """Logger for all TensorRT objects; their functions return False or None and report the reason only here."""

    def __init__(self) -> None:
        super().__init__()
        self._errors: deque[str] = deque(maxlen=_MAX_ERRORS)

    def log(self, severity: Any, message: str) -> None:
        """Called by TensorRT from any thread."""
        level = _LEVELS.get(severity, logging.DEBUG)
        _LOGGER.log(level, "%s", message)
        if level == logging.ERROR:
            self._errors.append(message)

    def pop_errors(self) -> str:
        """Return the last errors since the previous call and clear them."""
        errors = "; ".join(self._errors)
        self._errors.clear()
        return errors or "no error message"

    def create(self, name: str, factory: Callable[..., Any], *arguments: object) -> Any:
        """Create a TensorRT object; factories fail with ``None`` or with a TypeError about a nullptr.

        Raises
        ------
        BackendError
            If the factory fails.
        """
        try:
            created = factory(*arguments)
        except TypeError:
            created = None
        if created is None:
            raise BackendError(f"TensorRT {trt.__version__} cannot create its {name} here: {self.pop_errors()}")
        return created
