"""What every HandArray of a camera must be like, alone and after those before it."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from broken_promise import Key, key_of, require, require_finite, require_unit, require_within
from builtin_interfaces.msg import Time
from limits_in_force import LimitsInForce

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.plausibility import MAX_OUTSIDE
from handos_model.inference.tracking import MAX_GAP
from handos_ros.clocks.stamps import nanoseconds
from handos_ros.msg import Hand, HandArray

SLACK: Final = 1.0
"""Seconds by which a hand may stay longer than it should: machines that run tests are busy."""
FAR: Final = 3.0
"""Image sizes beyond which no pixel lies: hands that are carried on may leave the image."""
MIDDLE_FINGER: Final = [0, 9, 10, 11, 12]
TOPOLOGY: Final = HandTopology.load()


@dataclass
class SentImages:
    """The images that a camera has sent: stamp and frame, and the size if it is certain."""

    sizes: dict[Key, tuple[int, int] | None] = field(default_factory=dict)

    def add(self, key: Key, size: tuple[int, int] | None) -> None:
        """Remember an image; several may have the same stamp."""
        self.sizes[key] = size if self.sizes.get(key, size) == size else None

    def size_of(self, header: object, what: str) -> tuple[int, int] | None:
        """Size of the image whose header this is."""
        key = key_of(header)
        require(key in self.sizes, f"stamp and frame of {what} are those of an image that was sent, they are {key}")
        return self.sizes[key]


class PublishedHands:
    """The HandArrays of one camera.

    Parameters
    ----------
    sent
        The images that they belong to.
    limits
        Parameters in force.
    is_clock_steady
        Whether the node's clock is; otherwise it may be paused and jump.
    """

    def __init__(self, sent: SentImages, limits: LimitsInForce, *, is_clock_steady: bool = True) -> None:
        self.sent, self.limits, self._is_clock_steady = sent, limits, is_clock_steady
        self.restart()

    def restart(self) -> None:
        """The camera was activated: ids and counters start anew."""
        self._dropped = 0
        self._published: dict[int, float] = {}
        self._seen: dict[int, float] = {}
        self._received: float | None = None
        self._elapsed = 0.0

    def check(self, message: HandArray) -> None:
        """Check the next message."""
        size = self.sent.size_of(message.header, "a HandArray")
        self._check_record(message)
        require(len({hand.id for hand in message.hands}) == len(message.hands), "ids differ within an image")
        for hand in message.hands:
            _check_pixels(hand, size)
            if len(hand.joints_3d):
                require(message.intrinsics != HandArray.INTRINSICS_NONE, "without intrinsics there are no metres")
                _check_metres(hand, self.limits)
                if not self.limits.may_have_lens:
                    _check_projection(hand, message, self.limits.largest("max_reprojection_error"))
            else:
                _check_absent_metres(hand)
        self._check_identities(message)

    def _check_record(self, message: HandArray) -> None:
        require_finite(message.k, "k")
        require(message.intrinsics in (0, 1, 2), f"intrinsics is one of the constants, it is {message.intrinsics}")
        has_matrix = message.k[0] > 0 and message.k[4] > 0 and message.k[8] == 1
        is_empty = not any(message.k)
        is_consistent = is_empty if message.intrinsics == HandArray.INTRINSICS_NONE else has_matrix
        require(is_consistent, f"k is a camera matrix, or zeros without intrinsics: {list(message.k)}")
        times = [nanoseconds(stamp) for stamp in (message.received, message.started, message.finished)]
        is_ordered = times == sorted(times) or not self._is_clock_steady
        require(is_ordered, f"an image is received before it is started and finished: {times}")
        require(0.3 < message.operator_scale < 2, f"operator_scale is a person's: {message.operator_scale:g}")
        is_scaled = message.operator_name != "" or message.operator_scale == 1
        require(is_scaled, f"without an operator the scale is 1, not {message.operator_scale:g}")
        require(message.topology_id == TOPOLOGY.id, "topology_id is that of the topology")
        require(message.dropped >= self._dropped, f"dropped only rises: {message.dropped} after {self._dropped}")
        self._dropped = message.dropped

    def _check_identities(self, message: HandArray) -> None:
        received, coast_time = self._advance(message), self.limits.largest("coast_time")
        for hand in message.hands:
            require(hand.id > 0, "every hand has an id")
            absent = received - self._published.get(hand.id, received)
            limit = max(coast_time, MAX_GAP) + SLACK
            require(absent <= limit, f"id {hand.id} is not used again, it was absent for {absent:.2f} s")
            if hand.state == Hand.STATE_COASTING:
                require(hand.id in self._seen, f"hand {hand.id} was seen before it is carried on")
                unseen = received - self._seen[hand.id]
                require(unseen <= coast_time + SLACK, f"hand {hand.id} is gone after coast_time, not {unseen:.2f} s")
            else:
                self._seen[hand.id] = received
            self._published[hand.id] = received

    def _advance(self, message: HandArray) -> float:
        """Seconds for which the node's clock has run; where it goes back, time goes on from there."""
        received = _seconds(message.received)
        self._elapsed += 0.0 if self._received is None else max(received - self._received, 0.0)
        self._received = received
        return self._elapsed


def _check_pixels(hand: Hand, size: tuple[int, int] | None) -> None:
    states = (Hand.STATE_TRACKED, Hand.STATE_COASTING, Hand.STATE_TENTATIVE)
    require(hand.state in states, f"state is one of the constants, it is {hand.state}")
    sides = (Hand.HANDEDNESS_LEFT, Hand.HANDEDNESS_RIGHT)
    require(hand.handedness in sides, f"handedness is left or right, it is {hand.handedness}")
    require_within(hand.score, 0, 1, "score")
    require_within(hand.handedness_score, 0.5, 1, "handedness_score")
    require_within(hand.joint_scores, 0, 1, "joint_scores")
    require_finite(hand.box, "box")
    require_finite(hand.joints_2d, "joints_2d")
    left, top, right, bottom = hand.box
    require(left <= right and top <= bottom, f"box is ordered, it is {list(hand.box)}")
    if size is not None:
        limit = FAR * max(*size, 100)
        require_within(hand.box, -limit, limit, "box")
        within = MAX_OUTSIDE * max(size) * 1.001 + 1
        require_within(hand.joints_2d, -within, max(size) + within, "joints_2d")


def _check_metres(hand: Hand, limits: LimitsInForce) -> None:
    lengths = len(hand.joints_3d), len(hand.joint_sigma)
    require(lengths == (63, 21), f"joints_3d and joint_sigma are those of 21 joints: {lengths} numbers")
    require(len(hand.vertices) in (0, 3 * TOPOLOGY.vertex_count), f"vertices are all or none: {len(hand.vertices)}")
    joints = np.reshape(hand.joints_3d, (21, 3)).astype(np.float64)
    vertices = np.reshape(hand.vertices, (-1, 3))
    require_finite(joints, "joints_3d")
    require_finite(vertices, "vertices")
    require_within(hand.joint_sigma, 1e-44, 1e30, "joint_sigma")
    require((joints[:, 2] > 0).all() and (vertices[:, 2] > 0).all(), "hands are in front of the camera")
    distance = float(np.linalg.norm(joints[ROOT_JOINT]))
    require_within(distance, limits.smallest("min_distance"), limits.largest("max_distance"), "distance")
    length = np.linalg.norm(np.diff(joints[MIDDLE_FINGER], axis=0), axis=1).sum()
    require_within(length * (1 + 1e-4), limits.smallest("min_hand_length"), np.inf, "length of the hand")
    require_within(length * (1 - 1e-4), 0, limits.largest("max_hand_length"), "length of the hand")
    require(not np.isinf(hand.depth_residual), "depth_residual is finite, or NaN")
    pose = hand.wrist_pose
    require_unit(pose.orientation, "wrist_pose")
    wrist = [pose.position.x, pose.position.y, pose.position.z]
    require(np.allclose(wrist, joints[0], atol=1e-5), f"wrist_pose is at the wrist: {wrist}, {joints[0]}")


def _check_projection(hand: Hand, message: HandArray, limit: float) -> None:
    joints, pixels = np.reshape(hand.joints_3d, (21, 3)), np.reshape(hand.joints_2d, (21, 2)).astype(np.float64)
    camera = CameraIntrinsics.from_matrix(np.reshape(message.k, (3, 3)).astype(np.float64))
    errors = np.linalg.norm(project(joints, camera) - pixels, axis=1)
    error = np.sqrt((errors**2).mean()) / max(np.ptp(pixels, axis=0).max(), 1.0)
    require(error <= limit * 1.01 + 1e-3, f"joints_3d project onto joints_2d within {limit:g}, not {error:g}")


def _check_absent_metres(hand: Hand) -> None:
    lengths = len(hand.joint_sigma), len(hand.vertices)
    require(lengths == (0, 0), f"without joints_3d there is neither sigma nor mesh: {lengths}")
    require(np.isnan(hand.depth_residual), "without metres there is no depth_residual")
    turn = hand.wrist_pose.orientation
    require((turn.x, turn.y, turn.z, turn.w) == (0, 0, 0, 1), "without metres wrist_pose is the identity")


def _seconds(stamp: Time) -> float:
    return nanoseconds(stamp) / 1e9
