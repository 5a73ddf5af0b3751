"""Forwards what `handos_model` logs, such as the progress of building an engine, to the node's log."""

import logging
from typing import Final

from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.impl.rcutils_logger import RcutilsLogger

_SEVERITIES: Final = (
    (logging.ERROR, LoggingSeverity.ERROR),
    (logging.WARNING, LoggingSeverity.WARN),
    (logging.INFO, LoggingSeverity.INFO),
    (logging.DEBUG, LoggingSeverity.DEBUG),
)


class RosLogHandler(logging.Handler):
    """Forwards records of Python's logging to a ROS logger."""

    def __init__(self, logger: RcutilsLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        for level, severity in _SEVERITIES:
            if record.levelno >= level:
                self._logger.log(record.getMessage(), severity)
                return


def forward_logs(logger: RcutilsLogger) -> None:
    """Forward what `handos_model` logs from now on, including progress."""
    source = logging.getLogger("handos_model")
    source.setLevel(logging.INFO)
    source.handlers = [RosLogHandler(logger)]
    source.propagate = False
