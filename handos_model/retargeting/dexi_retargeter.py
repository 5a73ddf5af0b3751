"""`Retargeter` on top of the library dexi-rs."""

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Handedness
from handos_model.retargeting.gripper import require_side
from handos_model.retargeting.hand_frame import ADULT_PALM_LENGTH, joints_in_hand_frame, palm_length
from handos_model.retargeting.joint_positions import JointPositions
from handos_model.retargeting.robot_model import RobotModel
from handos_model.retargeting.settings import RetargetingSettings


class DexiRetargeter:
    """Retargets hands to a robot hand with dexi-rs, by vectors, positions or DexPilot."""

    def __init__(
        self,
        settings: RetargetingSettings,
        model: RobotModel,
        joint_names: tuple[str, ...],
        side: Handedness,
        hand_rotation: Float64Array,
    ) -> None:
        """
        Parameters
        ----------
        settings, model
            Robot file and description, checked against each other.
        joint_names
            Joints in the order of the results.
        side
            Of the robot.
        hand_rotation
            (3, 3) from the hand frame to that of the robot's root link.

        Raises
        ------
        ValueError
            If dexi-rs is not installed or refuses the robot.
        """
        self._side, self._rotation, self._names = side, hand_rotation, joint_names
        self._indices = settings.human_indices
        self._solver = _solver(settings, model)
        solved = list(self._solver.joint_names)
        self._order = [solved.index(name) for name in joint_names]
        self._limits = model.limits(joint_names)
        self._alpha = settings.low_pass_alpha
        self._last: Float64Array | None = None
        self._held = _held_positions(settings, model, solved)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints that are moved, in the robot's joint order."""
        return self._names

    def __call__(self, joints_3d: FloatArray | Float64Array, handedness: Handedness) -> JointPositions:
        """Positions of the robot's joints for a hand; parameters and errors are those of `Retargeter`."""
        require_side(handedness, self._side)
        joints = joints_in_hand_frame(joints_3d, handedness) @ self._rotation.T
        # The robot is described for an adult's hand. A camera's error in size is that of the palm, too, and cancels.
        joints *= ADULT_PALM_LENGTH / palm_length(joints)
        targets = (
            joints[self._indices] if self._indices.ndim == 1 else joints[self._indices[1]] - joints[self._indices[0]]
        )
        solved = np.array(self._solver.retarget(targets.ravel().tolist(), self._held))[self._order]
        return JointPositions(self._names, self._smoothed(solved.clip(self._limits[:, 0], self._limits[:, 1])))

    def reset(self) -> None:
        """Forget earlier hands."""
        self._solver.reset()
        self._last = None

    def _smoothed(self, positions: Float64Array) -> Float64Array:
        """The positions after smoothing; dexi-rs could do it, but its `reset` does not forget them."""
        if self._last is not None and 0 <= self._alpha <= 1:
            positions = self._last + self._alpha * (positions - self._last)
        self._last = positions.copy()
        return positions


def _solver(settings: RetargetingSettings, model: RobotModel) -> Any:
    if find_spec("dexi_rs") is None:
        raise ValueError("robot hands need the Python package dexi-rs: `pip install '.[retarget]'`")
    import dexi_rs

    arguments: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()
    }
    # DexPilot's have a fixed form there; which joints they stand for is decided here.
    arguments["target_link_human_indices"] = None if settings.type == "dexpilot" else settings.human_indices.tolist()
    arguments.update(urdf_path=model.source, low_pass_alpha=1.0)
    try:
        return dexi_rs.RetargetingConfig(**arguments).build()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"dexi-rs refuses the robot description {model.source}: {error}") from error


def _held_positions(settings: RetargetingSettings, model: RobotModel, solved: list[str]) -> list[float]:
    """Where joints that are neither moved nor follow others are held: at 0, or at the limit nearest to it."""
    if settings.target_joint_names is None:
        return []
    held = [name for name in solved if name in model.independent_joints and name not in settings.target_joint_names]
    return [float(np.clip(0.0, *limits)) for limits in model.limits(held)]
