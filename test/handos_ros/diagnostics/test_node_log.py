"""What `handos_model` logs comes out of the node's own log, whatever its severity."""

import logging
from collections.abc import Iterator

import pytest
from rclpy.logging import get_logger

from handos_ros.diagnostics.node_log import forward_logs

SOURCE = logging.getLogger("handos_model")


@pytest.fixture
def _restored() -> Iterator[None]:
    """The log of `handos_model` is as it was afterwards."""
    before = SOURCE.level, SOURCE.handlers, SOURCE.propagate
    yield
    SOURCE.setLevel(before[0])
    SOURCE.handlers, SOURCE.propagate = before[1], before[2]


@pytest.mark.usefixtures("_restored")
def test_records_of_all_severities_are_forwarded_in_any_order(capfd: pytest.CaptureFixture[str]) -> None:
    forward_logs(get_logger("forwarded"))
    log = logging.getLogger("handos_model.inference")
    for level in (logging.INFO, logging.WARNING, logging.INFO, logging.ERROR, logging.CRITICAL, logging.WARNING):
        log.log(level, "the engine is %s", logging.getLevelName(level))
    lines = capfd.readouterr().err.splitlines()
    severities = [line[1 : line.index("]")].strip() for line in lines if "[forwarded]" in line]
    assert severities == ["INFO", "WARN", "INFO", "ERROR", "ERROR", "WARN"]
    assert lines[0].endswith("[forwarded]: the engine is INFO")
