"""`JointPositions`: what a robot hand's joints are told."""

from dataclasses import dataclass

from handos_model.geometry.arrays import Float64Array


@dataclass(frozen=True)
class JointPositions:
    """Positions of a robot hand's joints, by name."""

    names: tuple[str, ...]
    """(J) in the robot's joint order."""
    positions: Float64Array
    """(J,) radians of revolute joints, metres of prismatic ones."""

    def by_name(self) -> dict[str, float]:
        """Position of each joint."""
        return dict(zip(self.names, self.positions.tolist(), strict=True))
