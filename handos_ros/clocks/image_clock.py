"""`ImageClock`: when the images of one camera were taken, as far as their stamps can be believed.

Stamps come from camera drivers and recordings, and some are zero, repeated, or of another clock. They are published as
they are, but nothing is computed from a stamp that contradicts the time of reception.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_LATE: Final = 1.0
"""Seconds by which the stamp of an image that was overtaken may lie back. A larger step is a clock that was set, or a
recording that starts again."""
LATE_PATIENCE: Final = 0.2
"""Seconds after the newest image in which images may be late: hands must not wait for a clock that was set back."""
MIN_STEP: Final = 0.001
"""Seconds by which stamps must advance from image to image: less is a stamp that stands still."""
MAX_DEVIATION: Final = 1.0
"""Seconds by which a step of the stamps and of reception may differ: networks and busy processes delay images."""
MAX_OFFSET: Final = 60.0
"""Seconds between a stamp and the node's clock above which they are different clocks."""


class StampProblem(Enum):
    """Why a stamp is not used. The value says it to a user, with the remedy."""

    NOT_SET = "are zero: have the camera's driver set them"
    NEGATIVE = "are negative: check the camera's clock"
    STANDING_STILL = "do not advance from image to image: check the camera's driver"
    SET_BACK = "went back: the camera's clock was set, or a recording started again"
    JUMPING = "do not advance as time does: check the camera's clock"
    OTHER_CLOCK = (
        "are of another clock than the node's: synchronise the camera's clock, or for a recording set use_sim_time and "
        "play it with --clock"
    )


@dataclass(frozen=True)
class ImageTime:
    """When an image was taken."""

    seconds: float
    """By the stamps as far as possible; never goes back from one image of a camera to the next."""
    received: float
    """Seconds of a clock that runs steadily, when the image reached the node."""
    age: float
    """Seconds from taking to receiving the image; 0 if the stamp does not tell."""
    problem: StampProblem | None
    """``None``: the stamp is used."""


@dataclass(frozen=True)
class _UsedStamp:
    """The newest stamp from which the time was taken."""

    stamp: int
    received: float
    seconds: float


class ImageClock:
    """Reads the stamps of one camera's images in the order of their arrival."""

    def __init__(self) -> None:
        self._used: _UsedStamp | None = None
        self._received: float | None = None
        self._seconds = 0.0

    def read(self, stamp: int, received: float, now: int) -> ImageTime | None:
        """Time of the next image; ``None`` if it is late: a newer one came before it.

        Parameters
        ----------
        stamp
            The image's stamp in nanoseconds, whatever it is.
        received
            Seconds of a clock that runs steadily.
        now
            The node's clock in nanoseconds, which stamps should be of.
        """
        if self._is_late(stamp, received):
            return None
        problem = self._problem_of(stamp, received)
        seconds = self._seconds + self._waited(received)
        if problem is None and self._used is not None:
            seconds = max(self._used.seconds + (stamp - self._used.stamp) / 1e9, self._seconds)
        self._seconds, self._received = seconds, received
        if problem not in _UNUSABLE:
            self._used = _UsedStamp(stamp, received, seconds)
        return self._image_time(stamp, received, now, problem)

    def _waited(self, received: float) -> float:
        return 0.0 if self._received is None else max(received - self._received, 0.0)

    def _is_late(self, stamp: int, received: float) -> bool:
        used = self._used
        if used is None or received - used.received > LATE_PATIENCE:
            return False
        return 0 < used.stamp - stamp <= MAX_LATE * 1e9

    def _problem_of(self, stamp: int, received: float) -> StampProblem | None:
        if stamp <= 0:
            return StampProblem.NOT_SET if stamp == 0 else StampProblem.NEGATIVE
        if self._used is None:
            return None
        step = (stamp - self._used.stamp) / 1e9
        if step < 0:
            return StampProblem.SET_BACK
        if step < MIN_STEP:
            return StampProblem.STANDING_STILL
        if abs(step - (received - self._used.received)) > MAX_DEVIATION:
            return StampProblem.JUMPING
        return None

    def _image_time(self, stamp: int, received: float, now: int, problem: StampProblem | None) -> ImageTime:
        age = (now - stamp) / 1e9
        if abs(age) > MAX_OFFSET or problem in _UNUSABLE:
            return ImageTime(self._seconds, received, 0.0, problem or StampProblem.OTHER_CLOCK)
        return ImageTime(self._seconds, received, max(age, 0.0), problem)


_UNUSABLE: Final = (StampProblem.NOT_SET, StampProblem.NEGATIVE, StampProblem.STANDING_STILL)
"""Problems of one stamp; with the others the clock runs on from a new time."""
