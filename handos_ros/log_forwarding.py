"""Forwards what `handos_model` logs, such as the progress of building an engine, to the node's log."""

import logging

from rclpy.impl.rcutils_logger import RcutilsLogger


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
