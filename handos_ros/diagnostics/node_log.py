"""A node's log: what `handos_model` logs goes there too, and a warning is repeated only now and then."""

import logging
from typing import Final

from rclpy.impl.rcutils_logger import RcutilsLogger

WARNING_PERIOD: Final = 10.0
"""Seconds between two warnings of a kind."""


class RosLogHandler(logging.Handler):
    """Forwards records of Python's logging to a ROS logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        message = record.getMessage()
        # A line of its own for each severity: rclpy refuses a call that changes its severity.
        if record.levelno >= logging.ERROR:
            self._logger.error(message)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(message)
        elif record.levelno >= logging.INFO:
            self._logger.info(message)
        else:
            self._logger.debug(message)


def forward_logs(logger: RcutilsLogger) -> None:
    """Forward what `handos_model` logs from now on, including progress."""
    source = logging.getLogger("handos_model")
    source.setLevel(logging.INFO)
    source.handlers = [RosLogHandler(logger)]
    source.propagate = False
