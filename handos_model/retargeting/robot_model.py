"""`RobotModel`: the links and joints of a robot hand, and where the links are for given joint positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from handos_model.geometry.arrays import Float64Array

JointKind = Literal["revolute", "continuous", "prismatic", "fixed"]
JOINT_KINDS: Final[tuple[JointKind, ...]] = ("revolute", "continuous", "prismatic", "fixed")


@dataclass(frozen=True)
class Mimic:
    """A joint that follows another one: position = multiplier x the other's + offset."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True)
class RobotJoint:
    """A joint between two links."""

    name: str
    kind: JointKind
    parent: str
    child: str
    origin: Float64Array
    """(4, 4) from the joint's frame to the parent link's, metres."""
    axis: Float64Array
    """(3,) unit vector in the joint's frame."""
    lower: float = 0.0
    """Radians or metres; minus infinity without a limit, as for continuous joints."""
    upper: float = 0.0
    max_velocity: float | None = None
    """Radians or metres per second; ``None`` if the robot's description does not say."""
    mimic: Mimic | None = None

    def motion(self, position: float) -> Float64Array:
        """(4, 4) from the child link's frame to the joint's at a position in radians or metres."""
        transform = np.eye(4)
        if self.kind == "prismatic":
            transform[:3, 3] = position * self.axis
        elif self.kind != "fixed":
            transform[:3, :3] = rotation_about(self.axis, position)
        return transform


@dataclass(frozen=True)
class Shape:
    """A primitive that a link is drawn as."""

    link: str
    kind: Literal["box", "cylinder", "sphere"]
    size: tuple[float, ...]
    """Metres: box (x, y, z), cylinder (radius, length along z), sphere (radius)."""
    origin: Float64Array
    """(4, 4) from the shape's frame to the link's."""
    colour: tuple[float, float, float]
    """Red, green, blue, 0..1."""


@dataclass(frozen=True)
class RobotModel:
    """A robot hand as its URDF describes it."""

    source: str
    """File or topic that it was read from, for messages."""
    name: str
    links: tuple[str, ...]
    joints: tuple[RobotJoint, ...]
    """In the order of the description, fixed ones included."""
    shapes: tuple[Shape, ...] = ()
    """Boxes, cylinders and spheres that it is drawn as; meshes are left out."""

    @cached_property
    def root(self) -> str:
        """The link that is no joint's child."""
        children = {joint.child for joint in self.joints}
        return next(link for link in self.links if link not in children)

    @cached_property
    def independent_joints(self) -> tuple[str, ...]:
        """Names of the joints that move and follow no other, in the order of the description."""
        return tuple(joint.name for joint in self.joints if joint.kind != "fixed" and joint.mimic is None)

    @cached_property
    def joint(self) -> dict[str, RobotJoint]:
        """Each joint by its name."""
        return {joint.name: joint for joint in self.joints}

    def limits(self, names: Sequence[str]) -> Float64Array:
        """(J, 2) lower and upper limit of joints; infinite without a limit."""
        return np.array([(self.joint[name].lower, self.joint[name].upper) for name in names]).reshape(-1, 2)

    def moves(self, link: str) -> bool:
        """Whether a joint further out than `link` moves, so that `link` is no fingertip."""
        return any(joint.kind != "fixed" or self.moves(joint.child) for joint in self.joints if joint.parent == link)

    def link_poses(self, positions: Mapping[str, float]) -> dict[str, Float64Array]:
        """Pose of every link: forward kinematics.

        Parameters
        ----------
        positions
            Radians or metres of joints, by name; joints that are not named are at 0, and those that mimic others
            follow them.

        Returns
        -------
        poses
            (4, 4) from each link's frame to that of `root`.
        """
        poses: dict[str, Float64Array] = {self.root: np.eye(4)}
        for joint in self._outwards:
            poses[joint.child] = poses[joint.parent] @ joint.origin @ joint.motion(self._position(joint, positions))
        return poses

    def _position(self, joint: RobotJoint, positions: Mapping[str, float]) -> float:
        if joint.mimic is None:
            return positions.get(joint.name, 0.0)
        return joint.mimic.multiplier * self._position(self.joint[joint.mimic.joint], positions) + joint.mimic.offset

    @cached_property
    def _outwards(self) -> tuple[RobotJoint, ...]:
        """The joints, each after the one that its parent link hangs on."""
        reached, ordered = [self.root], []
        for link in reached:
            outer = [joint for joint in self.joints if joint.parent == link]
            ordered += outer
            reached += [joint.child for joint in outer]
        return tuple(ordered)


def rotation_about(axis: Float64Array, angle: float) -> Float64Array:
    """(3, 3) rotation by `angle` radians about a unit vector (3,): Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross)
