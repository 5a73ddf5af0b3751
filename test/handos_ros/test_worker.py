"""The worker's thread, without a node: what it says about images that it cannot process."""

from types import SimpleNamespace
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from node_process import wait_until

from handos_model.files.image_messages import ImageDecodingError
from handos_model.inference.output_check import NetworkOutputError
from handos_ros.counters import ErrorCounters
from handos_ros.parameters import NodeParameters
from handos_ros.worker import Worker


def errors_after(error: Exception) -> tuple[ErrorCounters, list[str]]:
    """What is counted and logged when the estimator raises an error."""
    logged: list[str] = []

    def estimate(*_: Any) -> None:
        raise error

    def log(message: str, **_: Any) -> None:
        logged.append(message)

    clock = SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time))
    node: Any = SimpleNamespace(get_clock=lambda: clock, context=SimpleNamespace(ok=lambda: True))
    stream: Any = SimpleNamespace(
        offer=lambda image: True,
        take_newest=lambda: SimpleNamespace(time=SimpleNamespace(age=0.0), arrived=0.0),
        image_topic="/image",
        logger=SimpleNamespace(error=log),
    )
    estimator: Any = SimpleNamespace(estimate=estimate)
    parameters: Any = SimpleNamespace(current=NodeParameters())
    errors = ErrorCounters()
    worker = Worker(node, estimator, parameters, errors)
    worker.deliver(stream, SimpleNamespace())  # type: ignore[arg-type]
    wait_until(lambda: errors.count)
    worker.stop()
    return errors, logged


@pytest.mark.parametrize("kind", [ImageDecodingError, NetworkOutputError])
def test_errors_that_explain_themselves_are_logged_without_a_traceback(kind: type[Exception]) -> None:
    errors, logged = errors_after(kind("the image is damaged: send another"))
    assert errors.last == "the image is damaged: send another"
    assert logged == ["/image: the image is damaged: send another"]


def test_other_errors_are_logged_with_their_traceback() -> None:
    errors, (line,) = errors_after(ZeroDivisionError("division by zero"))
    assert errors.last == "ZeroDivisionError: division by zero"
    assert "Traceback (most recent call last)" in line
