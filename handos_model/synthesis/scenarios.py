"""The scenarios of rendered sequences: situations in which a tracker of hands can fail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.synthesis.assets import SIDES
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.motion import added, angles_vector, constant, drift, held_pose, through
from handos_model.synthesis.performance import CameraPath, MovingHand, MovingObject, Performance, View
from handos_model.synthesis.posing import gesture_angles
from handos_model.synthesis.reaching import OUTWARD
from handos_model.synthesis.stage import Stage, Waypoint

MIN_TURNING_EXPOSURE: Final = 1 / 60
"""Seconds: with less, a turning camera would see everything sharply."""


@dataclass(frozen=True)
class Scenario:
    """A situation that sequences show."""

    play: Callable[[Stage], Performance]
    views: tuple[View, ...]
    """They alternate from sequence to sequence."""
    may_be_far: bool = False
    """As for `Stage`."""


def crossing(stage: Stage) -> Performance:
    """Two hands of one person cross each other and return."""
    rng, hands = stage.rng, dict[Handedness, MovingHand]()
    near = SIDES[rng.integers(2)]
    reach, turn = rng.uniform(0.3, 0.42), rng.uniform(0.45, 0.55)
    for side in SIDES:
        x, depth = reach * stage.x_sign(side), stage.depth + (-0.05 if side == near else 0.07)
        y = stage.y + rng.uniform(-0.08, 0.08)
        way: list[Waypoint] = [(0, x, y, depth), (0.12, x, y, depth), (turn, -0.8 * x, y - 0.1, depth)]
        hands[side] = stage.hand(side, stage.path([*way, (turn + 0.12, -0.8 * x, y, depth), (0.97, x, y, depth)]))
    return Performance(stage.camera, hands)


def behind_object(stage: Stage) -> Performance:
    """A hand hides behind an object and comes back."""
    rng, side = stage.rng, SIDES[stage.rng.integers(2)]
    x, y = 0.7 * stage.x_sign(side), stage.y
    hidden = 0.05 * stage.x_sign(side)
    start, end = rng.uniform(0.32, 0.38), rng.uniform(0.5, 0.62)
    way: list[Waypoint] = [(0, x, y, stage.depth), (0.12, x, y, stage.depth), (start, hidden, y, stage.depth)]
    way += [(end, hidden, y, stage.depth), (end + 0.2, x, y, stage.depth)]
    hand = stage.hand(side, stage.path(way))
    near = 0.85 * stage.depth
    centre = stage.camera.point(hidden, y - 0.08 / stage.depth, near, stage.size)
    obstacle = MovingObject(int(rng.integers(1 << 31)), (0.13, 0.18), constant(centre))
    return Performance(stage.camera, stage.with_resting_hand(side, hand), (obstacle,))


def behind_hand(stage: Stage) -> Performance:
    """A hand hides behind the other one and comes back."""
    rng, side = stage.rng, SIDES[stage.rng.integers(2)]
    other = SIDES[1 - SIDES.index(side)]
    x, y, near = 0.5 * stage.x_sign(side), stage.y, 0.8 * stage.depth
    start, end = rng.uniform(0.32, 0.38), rng.uniform(0.5, 0.6)
    far = stage.depth + 0.05
    way: list[Waypoint] = [(0, x, y, far), (0.12, x, y, far), (start, 0.0, y - 0.1, far), (end, 0.0, y - 0.1, far)]
    spread = constant(angles_vector(gesture_angles(GESTURES[("flat", "relaxed", "open")[rng.integers(3)]])))
    hands = {
        side: stage.hand(side, stage.path([*way, (end + 0.2, x, y, far)])),
        other: stage.hand(other, stage.path([(0, 0.0, y + 0.1, near), (1, 0.0, y + 0.1, near)]), spread),
    }
    return Performance(stage.camera, hands)


def exchange(stage: Stage) -> Performance:
    """A hand leaves the image and the other one enters it, a little later or a little earlier."""
    rng, side = stage.rng, SIDES[stage.rng.integers(2)]
    other = SIDES[1 - SIDES.index(side)]
    x, y, depth = 0.3 * stage.x_sign(side), stage.y, stage.depth
    away_x, away_y = (0.3, 2.6) if stage.view == "opposite" else (1.8, 1.0)
    away = away_x * stage.x_sign(side)
    leaving, entering = rng.uniform(0.25, 0.35), rng.uniform(0.35, 0.6)
    hands = {
        side: stage.hand(side, stage.path([
            (0, x, y, depth), (leaving, x, y, depth), (leaving + 0.17, away, away_y, depth),
        ])),
        other: stage.hand(other, stage.path([
            (0, -away, away_y, depth), (entering, -away, away_y, depth), (entering + 0.17, -x, y, depth),
            (1, -x, y, depth),
        ])),
    }  # fmt: skip
    return Performance(stage.camera, hands)


def entering(stage: Stage) -> Performance:
    """A hand enters slowly, waits half inside the image, enters, and leaves at the same border."""
    side = SIDES[stage.rng.integers(2)]
    sign, y, depth = stage.x_sign(side), stage.y, stage.depth
    hand = stage.hand(side, stage.path([
        (0, 1.7 * sign, y, depth), (0.4, 1.0 * sign, y, depth), (0.55, 0.97 * sign, y, depth),
        (0.75, 0.5 * sign, y, depth), (1, 1.4 * sign, y, depth),
    ]))  # fmt: skip
    return Performance(stage.camera, stage.with_resting_hand(side, hand))


def turning(stage: Stage) -> Performance:
    """The head-mounted camera turns quickly to one side, to the other and back; the hands stay where they are."""
    rng = stage.rng
    degrees = rng.uniform(20, 38) * rng.choice([-1, 1])
    turns = np.array([0, 0, 1, 1, -0.8, -0.8, 0]) * degrees
    times = stage.seconds * np.array([0, 0.15, 0.3, 0.4, 0.62, 0.72, 0.87])
    before, eye = stage.camera, stage.camera.eye(0.0)
    pitch = np.radians(rng.uniform(18, 28))
    forward = np.array([0.0, -np.sin(pitch), np.cos(pitch)])
    nods = through([0, stage.seconds / 2, stage.seconds], [[0.0], [rng.normal(0, 0.06)], [0.0]])
    yaw = through(times.tolist(), turns[:, None])

    def target(seconds: float) -> Float64Array:
        angle = float(np.radians(yaw(seconds)[0]))
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y, z = forward
        return eye + np.array([cosine * x + sine * z, y + float(nods(seconds)[0]), cosine * z - sine * x])

    stage.camera = CameraPath(before.eye, target, before.intrinsics, max(before.exposure, MIN_TURNING_EXPOSURE))
    hands = {
        side: stage.hand(side, stage.path([(k, 0.3 * stage.x_sign(side), 0.6, stage.depth) for k in (0, 1)]))
        for side in SIDES
    }
    return Performance(stage.camera, hands)


def still(stage: Stage) -> Performance:
    """Two hands that do not move at all, for a measure of jitter."""
    hands = dict[Handedness, MovingHand]()
    for side in SIDES:
        x, y = 0.35 * stage.x_sign(side), stage.y + stage.rng.uniform(-0.1, 0.1)
        wrist = constant(stage.camera.point(x, y, stage.depth, stage.size))
        hand = stage.hand(side, wrist, held_pose(stage.rng, stage.poser))
        hands[side] = MovingHand(wrist, constant(hand.palm(0.0)), hand.elbow, hand.angles)
    return Performance(stage.camera, hands)


def waving(stage: Stage) -> Performance:
    """A hand waves quickly, rests and waves again."""
    rng, side = stage.rng, SIDES[stage.rng.integers(2)]
    frequency, amplitude = rng.uniform(1.6, 2.4), rng.uniform(0.2, 0.3)
    x, y = 0.4 * stage.x_sign(side), rng.uniform(-0.25, 0.0)
    left, right = (stage.camera.point(x + step, y, stage.depth, stage.size) for step in (-amplitude, amplitude))
    strength = through((stage.seconds * np.array([0, 0.12, 0.45, 0.52, 0.6, 0.95])).tolist(), [
        [0.0], [1.0], [1.0], [0.0], [0.0], [1.0],
    ])  # fmt: skip

    def wrist(seconds: float) -> Float64Array:
        swing = 0.5 * float(strength(seconds)[0]) * np.sin(2 * np.pi * frequency * seconds)
        return np.asarray((left + right) / 2 + swing * (right - left))

    names = ("open", "flat", "relaxed", "four")
    angles = constant(angles_vector(gesture_angles(GESTURES[names[rng.integers(len(names))]])))
    elbow = np.array([0.5 * OUTWARD[side], -1.0, 0.3])
    hand = MovingHand(wrist, constant([0.0, 0.0, 1.0]), elbow, angles)
    return Performance(stage.camera, stage.with_resting_hand(side, hand))


def empty(stage: Stage) -> Performance:
    """No hand in sight: a face and arms from near, or moving objects only, and a camera that pans."""
    rng, camera = stage.rng, stage.camera
    with_person = rng.random() < 0.6
    eye = np.array([rng.normal(0, 0.1), rng.uniform(0.6, 0.7), rng.uniform(0.75, 1.0)])
    pan = rng.normal(0, [0.12, 0.04, 0])
    start = np.array([rng.normal(0, 0.08), rng.uniform(0.58, 0.66), 0.0])
    target = through([0, stage.seconds / 2, stage.seconds], [start - pan, start + pan, start - pan])
    stage.camera = CameraPath(constant(eye), target, camera.intrinsics, camera.exposure)
    objects = tuple(_drifting_object(stage) for _ in range(rng.integers(2, 4)))
    hands = {side: stage.resting_hand(side) for side in SIDES} if with_person else {}
    return Performance(stage.camera, hands, objects)


SCENARIOS: Final[dict[str, Scenario]] = {
    "crossing": Scenario(crossing, ("opposite", "head"), may_be_far=True),
    "behind_object": Scenario(behind_object, ("opposite", "head"), may_be_far=True),
    "behind_hand": Scenario(behind_hand, ("opposite", "head"), may_be_far=True),
    "exchange": Scenario(exchange, ("opposite", "head")),
    "entering": Scenario(entering, ("opposite", "head")),
    "turning": Scenario(turning, ("head",)),
    "still": Scenario(still, ("opposite", "head"), may_be_far=True),
    "waving": Scenario(waving, ("opposite",), may_be_far=True),
    "empty": Scenario(empty, ("opposite",)),
}
"""By name."""


def _drifting_object(stage: Stage) -> MovingObject:
    rng = stage.rng
    depth = rng.uniform(0.35, 0.6)
    start, end = (
        stage.camera.point(rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9), depth, stage.size) for _ in range(2)
    )
    curve = added(through([0, stage.seconds], [start, end]), drift(rng, 0.04))
    return MovingObject(int(rng.integers(1 << 31)), (0.04, 0.04), curve)
