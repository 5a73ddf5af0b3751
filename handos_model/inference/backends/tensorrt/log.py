"""Forwards TensorRT's messages to Python's logging, and collects its errors for exceptions."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt.library import TensorRTLibrary

_LOGGER = logging.getLogger(__name__)
_LEVELS: Final = {"INTERNAL_ERROR": logging.ERROR, "ERROR": logging.ERROR, "WARNING": logging.WARNING}
"""Everything else becomes DEBUG: TensorRT's info messages only help to debug TensorRT."""
_MAX_ERRORS: Final[int] = 3
_OLD_DRIVER: Final = "driver version is insufficient"
"""Part of CUDA's message."""


class TensorRTLog:
    """Logger for all TensorRT objects; their functions return False or None and report the reason only here.

    `create_log` makes one, because each library has a base class of its own.
    """

    def __init__(self, library: TensorRTLibrary) -> None:
        super().__init__()
        self._library = library
        self._errors: deque[str] = deque(maxlen=_MAX_ERRORS)

    def log(self, severity: Any, message: str) -> None:
        """Called by TensorRT from any thread."""
        level = _LEVELS.get(severity.name, logging.DEBUG)
        _LOGGER.log(level, "%s", message)
        if level == logging.ERROR:
            self._errors.append(message)

    def pop_errors(self) -> str:
        """Return the last errors since the previous call and clear them."""
        errors = "; ".join(self._errors)
        self._errors.clear()
        return " ".join(errors.split()) or "no error message"

    def create(
        self,
        name: str,
        factory: Callable[..., Any],
        *arguments: object,
        failure: type[BackendError] = BackendError,
    ) -> Any:
        """Create a TensorRT object; factories fail with ``None`` or with a TypeError about a nullptr.

        Raises
        ------
        BackendError
            If the driver is too old for this version of TensorRT.
        failure
            If the factory fails for another reason.
        """
        try:
            created = factory(*arguments)
        except TypeError:
            created = None
        if created is not None:
            return created
        errors = self.pop_errors()
        if _OLD_DRIVER in errors:
            raise BackendError(f"the NVIDIA driver is too old for {self._library}: update it. Its message: {errors}")
        raise failure(f"{self._library} cannot create its {name} here: {errors}")


def create_log(library: TensorRTLibrary) -> TensorRTLog:
    """A log that the objects of a library accept."""
    return type("Log", (TensorRTLog, library.trt.ILogger), {})(library)
