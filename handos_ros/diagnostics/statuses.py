"""Statuses for /diagnostics. Pure functions: nothing is published here."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from handos_model.inference.image_condition import ImageCondition
from handos_ros.diagnostics.counters import CameraCounters, ErrorCounters

SILENCE: Final = 2.0
"""Seconds without an image before a warning."""
PERSISTENT: Final = 10.0
"""Seconds after which a warning becomes an error."""
RECENT: Final = 10.0
"""Seconds for which an error is shown."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass(frozen=True)
class CameraCondition:
    """What a camera's status is made of."""

    name: str
    image_topic: str
    counters: CameraCounters
    silent_for: float
    """Seconds since the last image; before the first since the node subscribed, since then."""
    latency_limit: float
    """Milliseconds."""
    slow_for: float
    """Seconds for which the latency has been over its limit; 0: it is not."""
    bad_stamp_for: float = math.inf
    """Seconds since the last image whose stamp was not used."""
    is_paused: bool = False
    """Whether no image is received because nobody listens."""
    image: ImageCondition = field(default_factory=ImageCondition)
    """What the newest images are like."""


def named_after(node: str, statuses: Iterable[DiagnosticStatus]) -> list[DiagnosticStatus]:
    """The statuses, each named after the node too, as in "robot1/handos: camera left": two nodes never share one.

    Parameters
    ----------
    node
        Full name.
    """
    named = list(statuses)
    for status in named:
        status.name = f"{node.removeprefix('/')}: {status.name}"
    return named


def camera_status(camera: CameraCondition) -> DiagnosticStatus:
    """Status of one camera."""
    level, message = (OK, "paused: nobody listens (on_demand)") if camera.is_paused else _judge(camera)
    counters = camera.counters
    return DiagnosticStatus(
        level=level,
        name=f"camera {camera.name}" if camera.name else "camera",
        message=message,
        hardware_id=camera.image_topic,
        values=_key_values(
            {
                "frames in": counters.received,
                "frames lost on the way": counters.lost,
                "frames out": counters.published,
                "frames dropped": counters.dropped,
                "frames late": counters.late,
                "stamps not used": _counts({problem.name: n for problem, n in dict(counters.stamps.counts).items()}),
                "implausible hands": _counts(dict(counters.rejections)),
                "poses dropped": counters.poses_dropped,
                "drawings dropped": counters.drawings_dropped,
                "missing transforms": counters.transforms.missing,
                "latency p50 [ms]": _milliseconds(counters.latency(50)),
                "latency p95 [ms]": _milliseconds(counters.latency(95)),
                "latency limit [ms]": f"{camera.latency_limit:g}",
                "age of the last image [s]": f"{camera.silent_for:.2f}" if counters.received else "no image yet",
                "image": camera.image.problem or ("no image yet" if camera.image.level is None else "good"),
                "image level [0..255]": "no image yet" if camera.image.level is None else f"{camera.image.level:.0f}",
                "hands now": counters.hands,
            }
        ),
    )


def node_status(
    state: str, errors: ErrorCounters, now: float, details: Mapping[str, str], *, problem: str = ""
) -> DiagnosticStatus:
    """Status of the node itself.

    Parameters
    ----------
    state
        Of the lifecycle.
    errors
        Counted so far.
    now
        `time.monotonic`.
    details
        Of the kind of node.
    problem
        What is wrong now, with the remedy; empty: nothing.
    """
    is_recent = errors.when is not None and now - errors.when < RECENT
    return DiagnosticStatus(
        level=ERROR if is_recent else WARN if problem else OK,
        name="node",
        message=f"error: {errors.last}" if is_recent else problem or state,
        values=_key_values(
            {
                "state": state,
                **details,
                "errors": errors.count,
                "last error": errors.last or "none",
            }
        ),
    )


def _judge(camera: CameraCondition) -> tuple[bytes, str]:
    if camera.silent_for > SILENCE:
        since = "since the last one" if camera.counters.received else "since activation"
        level = ERROR if camera.silent_for > PERSISTENT else WARN
        return level, f"no image on {camera.image_topic} for {camera.silent_for:.0f} s {since}"
    counters = camera.counters
    if camera.slow_for > 0:
        level = ERROR if camera.slow_for > PERSISTENT else WARN
        latency = _milliseconds(camera.counters.latency(95))
        return level, f"latency {latency} ms (95th percentile) is over the limit of {camera.latency_limit:g} ms"
    if counters.stamps.newest is not None and camera.bad_stamp_for < RECENT:
        return WARN, f"the stamps of {camera.image_topic} {counters.stamps.newest.value}"
    if counters.transforms.problem:
        return WARN, counters.transforms.problem
    if camera.image.problem:
        return WARN, camera.image.problem
    return OK, "processing images" if counters.published else "waiting for the first image"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.lower().replace('_', ' ')}: {count}" for name, count in counts.items()) or "none"


def _milliseconds(latency: float | None) -> str:
    return "no image yet" if latency is None else f"{latency:.1f}"


def _key_values(values: dict[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=str(value)) for key, value in values.items()]
