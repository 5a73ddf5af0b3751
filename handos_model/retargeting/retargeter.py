"""`Retargeter`: the protocol of everything that turns a hand into the joints of a robot hand."""

from typing import Protocol

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Handedness
from handos_model.retargeting.joint_positions import JointPositions


class Retargeter(Protocol):
    """Follows one hand of one side; it has a memory, so that each hand needs a retargeter of its own."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints that are commanded, in the robot's joint order."""

    def __call__(self, joints_3d: FloatArray | Float64Array, handedness: Handedness) -> JointPositions:
        """Positions of the robot's joints for a hand.

        Parameters
        ----------
        joints_3d
            (21, 3) metres, camera optical frame or any other right-handed one. A robot hand follows the hand's shape,
            whatever its size; a gripper follows the distance of thumb and index finger in metres.
        handedness
            Side of the hand, which must be the robot's.

        Raises
        ------
        ValueError
            If the hand is of the wrong side, its joints are not finite, or its palm has no direction.
        """

    def reset(self) -> None:
        """Forget earlier hands, for example after the hand was lost."""
