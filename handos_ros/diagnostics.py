"""Statuses for /diagnostics. Pure functions: nothing is published here."""

from dataclasses import dataclass
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from handos_ros.statistics import CameraStatistics, ErrorStatistics

SILENCE: Final = 2.0
"""Seconds without an image that are worth a warning."""
PERSISTENT: Final = 10.0
"""Seconds after which what was worth a warning is an error."""
RECENT: Final = 10.0
"""Seconds for which an error shows."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass(frozen=True)
class CameraCondition:
    """What a camera's status is made of."""

    name: str
    image_topic: str
    statistics: CameraStatistics
    received: int
    lost: int
    """Images that did not reach the node."""
    dropped: int
    """Images that the node skipped."""
    image_age: float
    """Seconds since the last image; before the first, since activation."""
    latency_limit: float
    """Milliseconds."""
    slow_for: float
    """Seconds for which the latency has been over its limit."""


def camera_status(camera: CameraCondition) -> DiagnosticStatus:
    """Status of one camera."""
    level, message = _judgement(camera)
    statistics = camera.statistics
    return DiagnosticStatus(
        level=level,
        name=f"handos: camera {camera.name}" if camera.name else "handos: camera",
        message=message,
        hardware_id=camera.image_topic,
        values=_values(
            {
                "frames in": camera.received,
                "frames lost on the way": camera.lost,
                "frames out": statistics.published,
                "frames dropped": camera.dropped,
                "latency p50 [ms]": _milliseconds(statistics.latency(50)),
                "latency p95 [ms]": _milliseconds(statistics.latency(95)),
                "latency limit [ms]": f"{camera.latency_limit:g}",
                "age of the last image [s]": f"{camera.image_age:.2f}" if camera.received else "no image yet",
                "hands now": statistics.hands,
            }
        ),
    )


def node_status(state: str, network: str, errors: ErrorStatistics, now: float) -> DiagnosticStatus:
    """Status of the node itself.

    Parameters
    ----------
    state
        Of the lifecycle.
    network
        Backend, device and precision in words; empty while no network is loaded.
    errors
        Counted so far.
    now
        `time.monotonic`.
    """
    fresh = errors.when is not None and now - errors.when < RECENT
    return DiagnosticStatus(
        level=ERROR if fresh else OK,
        name="handos: node",
        message=f"error: {errors.last}" if fresh else state,
        values=_values(
            {
                "state": state,
                "backend": network or "not loaded",
                "errors": errors.count,
                "last error": errors.last or "none",
            }
        ),
    )


def _judgement(camera: CameraCondition) -> tuple[bytes, str]:
    if camera.image_age > SILENCE:
        since = "since activation" if not camera.received else "since the last one"
        level = ERROR if camera.image_age > PERSISTENT else WARN
        return level, f"no image on {camera.image_topic} for {camera.image_age:.0f} s {since}"
    if camera.slow_for > 0:
        level = ERROR if camera.slow_for > PERSISTENT else WARN
        late = _milliseconds(camera.statistics.latency(95))
        return level, f"latency {late} ms (95th percentile) is over the limit of {camera.latency_limit:g} ms"
    return OK, "images are worked on" if camera.statistics.published else "waiting for the first image"


def _milliseconds(latency: float | None) -> str:
    return "no image yet" if latency is None else f"{latency:.1f}"


def _values(values: dict[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=str(value)) for key, value in values.items()]
