"""Grip signals for simple grippers: aperture, closing, whether the hand grips, and which finger pinches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.skeleton import FINGERTIPS, JOINT_COUNT

_T = TypeVar("_T")
Finger = Literal["index", "middle", "ring", "pinky"]
FINGERS: Final[tuple[Finger, ...]] = ("index", "middle", "ring", "pinky")
_THUMB_TIP, _INDEX_TIP = FINGERTIPS[0], FINGERTIPS[1]
_MIN_CALIBRATION: Final = 5
"""Hands that a calibration needs in each position, so that one bad hand does not decide."""
_EXTREMES: Final = (0.05, 0.95)
"""Quantiles between which a hand moves that opens and pinches: beyond them are outliers."""
_NEAR: Final = 0.25
"""Fraction of its range within which such a hand is open, or closed."""
_MIN_RANGE: Final = 0.02
"""Metres between open and closed: less is no more than the error of the joints."""


@dataclass(frozen=True)
class GripCalibration:
    """Distances of the tips of thumb and index finger at which a gripper is fully open and fully closed."""

    open_aperture: float = 0.10
    """Metres."""
    closed_aperture: float = 0.025

    def __post_init__(self) -> None:
        if not (np.isfinite(self.open_aperture) and 0 <= self.closed_aperture <= self.open_aperture - _MIN_RANGE):
            raise ValueError(
                f"the grip's open aperture is {self.open_aperture:.3f} m and its closed one {self.closed_aperture:.3f} "
                f"m: open must exceed closed by at least {_MIN_RANGE} m; calibrate again with the hand wide open and "
                "then pinching"
            )

    def closing(self, aperture: float) -> float:
        """How far the hand is closed at an aperture in metres: 0 open, 1 closed."""
        return float(np.clip((self.open_aperture - aperture) / (self.open_aperture - self.closed_aperture), 0, 1))


DEFAULT_GRIP: Final = GripCalibration()
"""Fits most adults."""


def calibrated_grip(open_apertures: Sequence[float], closed_apertures: Sequence[float]) -> GripCalibration:
    """The calibration from apertures in metres of an open hand and of a pinching one: their medians.

    Raises
    ------
    ValueError
        If there are too few, one is not finite, or open and closed are hardly different.
    """
    for name, apertures in (("open", open_apertures), ("closed", closed_apertures)):
        if len(apertures) < _MIN_CALIBRATION or not np.isfinite(apertures).all():
            raise ValueError(
                f"{len(apertures)} apertures of the {name} hand: a calibration needs {_MIN_CALIBRATION} finite ones"
            )
    return GripCalibration(float(np.median(open_apertures)), float(np.median(closed_apertures)))


def learned_grip(apertures: Sequence[float]) -> GripCalibration:
    """The calibration from apertures in metres of a hand that opened wide and pinched, in any order.

    Raises
    ------
    ValueError
        If there are too few, one is not finite, or the hand hardly moved.
    """
    if not apertures:
        raise ValueError("no apertures: a calibration needs a hand that opens wide and pinches")
    values = np.asarray(apertures, np.float64)
    low, high = np.quantile(values, _EXTREMES)
    margin = _NEAR * (high - low)
    return calibrated_grip(values[values >= high - margin].tolist(), values[values <= low + margin].tolist())


@dataclass(frozen=True)
class GripSettings:
    """When a hand grips and when it pinches."""

    calibration: GripCalibration = DEFAULT_GRIP
    grip_at: float = 0.75
    """Closing from which on the hand grips."""
    release_at: float = 0.45
    """Closing below which it grips no longer."""
    pinch_at: float = 0.025
    """Metres from the tip of the thumb to that of a finger below which they pinch."""
    pinch_release_at: float = 0.04
    """Metres above which they pinch no longer."""
    settle_time: float = 0.05
    """Seconds that a change must last before it is reported: one bad image is none."""
    forget_after: float = 0.5
    """Seconds without a hand after which nothing of the past counts."""

    def __post_init__(self) -> None:
        if not 0 < self.release_at < self.grip_at <= 1:
            raise ValueError(
                f"release_at is {self.release_at} and grip_at {self.grip_at}: give 0 < release_at < grip_at <= 1"
            )
        if not 0 < self.pinch_at < self.pinch_release_at < np.inf:
            raise ValueError(
                f"pinch_at is {self.pinch_at} m and pinch_release_at {self.pinch_release_at} m: give 0 < pinch_at < "
                "pinch_release_at"
            )
        if not (0 <= self.settle_time < self.forget_after < np.inf):
            raise ValueError(
                f"settle_time is {self.settle_time} s and forget_after {self.forget_after} s: give 0 <= settle_time < "
                "forget_after"
            )


@dataclass(frozen=True)
class Grip:
    """The grip of one hand at one time."""

    aperture: float
    """Metres between the tips of thumb and index finger."""
    aperture_sigma: float | None
    """Its standard deviation in metres; ``None`` if that of the joints is unknown."""
    closing: float
    """0 open .. 1 closed."""
    gripping: bool
    """With hysteresis."""
    pinch: Finger | None
    """The finger whose tip is at the thumb's, with hysteresis; the nearest one if there are several."""
    pinch_distance: float
    """Metres from the tip of the thumb to that of the nearest finger."""


def aperture(joints_3d: FloatArray | Float64Array) -> float:
    """Metres between the tips of thumb and index finger of joints (21, 3).

    Raises
    ------
    ValueError
        If these are not finite.
    """
    return float(_thumb_distances(joints_3d)[0])


class GripTracker:
    """Follows the grip of one hand."""

    def __init__(self, settings: GripSettings | None = None) -> None:
        self._settings = settings or GripSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the past, for example after the hand was lost."""
        self._stamp: float | None = None
        self._gripping = _Settling[bool](False)
        self._pinch = _Settling[Finger | None](None)

    def update(
        self,
        stamp: float,
        joints_3d: FloatArray | Float64Array,
        joint_sigma: FloatArray | None = None,
    ) -> Grip:
        """The grip of a hand.

        Parameters
        ----------
        stamp
            Seconds, any origin. After a gap of `forget_after`, or if it goes back, nothing of the past counts.
        joints_3d
            (21, 3) metres, any frame.
        joint_sigma
            (21,) metres, standard deviation of each joint.

        Raises
        ------
        ValueError
            If the stamp or the fingertips are not finite.
        """
        if not np.isfinite(stamp):
            raise ValueError(f"the hand's stamp is {stamp}: give seconds")
        distances = _thumb_distances(joints_3d)
        if self._stamp is None or not 0 <= stamp - self._stamp <= self._settings.forget_after:
            self.reset()
        settle = 0.0 if self._stamp is None else self._settings.settle_time
        self._stamp = stamp
        closing = self._settings.calibration.closing(float(distances[0]))
        return Grip(
            aperture=float(distances[0]),
            aperture_sigma=_aperture_sigma(joint_sigma),
            closing=closing,
            gripping=self._gripping.update(stamp, self._wants_grip(closing), settle),
            pinch=self._pinch.update(stamp, self._wanted_pinch(distances), settle),
            pinch_distance=float(distances.min()),
        )

    def _wants_grip(self, closing: float) -> bool:
        return closing >= (self._settings.release_at if self._gripping.value else self._settings.grip_at)

    def _wanted_pinch(self, distances: Float64Array) -> Finger | None:
        current = self._pinch.value
        nearest = int(distances.argmin())
        if distances[nearest] < self._settings.pinch_at:
            held = current is not None and distances[FINGERS.index(current)] < self._settings.pinch_at
            return current if held else FINGERS[nearest]
        if current is not None and distances[FINGERS.index(current)] < self._settings.pinch_release_at:
            return current
        return None


class _Settling(Generic[_T]):
    """A value that changes once its new value has lasted."""

    def __init__(self, value: _T) -> None:
        self.value = value
        self._wanted, self._since = value, 0.0

    def update(self, stamp: float, wanted: _T, settle: float) -> _T:
        if wanted != self._wanted:
            self._wanted, self._since = wanted, stamp
        if stamp - self._since >= settle:
            self.value = self._wanted
        return self.value


def _thumb_distances(joints_3d: FloatArray | Float64Array) -> Float64Array:
    """(4,) metres from the tip of the thumb to those of the fingers."""
    joints = np.asarray(joints_3d, np.float64)
    if joints.shape != (JOINT_COUNT, 3):
        raise ValueError(f"joints have shape {joints.shape}: give ({JOINT_COUNT}, 3), in metres")
    distances = np.linalg.norm(joints[list(FINGERTIPS[1:])] - joints[_THUMB_TIP], axis=1)
    if not np.isfinite(distances).all():
        raise ValueError("the positions of the fingertips are not finite: skip hands with NaN or inf")
    return np.asarray(distances)


def _aperture_sigma(joint_sigma: npt.NDArray[np.floating] | None) -> float | None:
    if joint_sigma is None:
        return None
    return float(np.hypot(joint_sigma[_THUMB_TIP], joint_sigma[_INDEX_TIP]))
