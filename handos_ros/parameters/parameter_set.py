"""Parameters of a node: names, defaults, descriptions and ranges in one place, as one frozen dataclass.

Annotations with rclpy's generic classes are quoted throughout the package: before Kilted they are not generic.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from rclpy.parameter import Parameter

Set = TypeVar("Set", bound="ParameterSet")


@dataclass(frozen=True)
class ParameterRule:
    """Which values a parameter accepts, and when it may change."""

    description: str
    between: tuple[float, float] | None
    choices: tuple[str, ...]
    live: bool
    """Whether it may change while the node is configured."""

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError if the value cannot be used. ROS itself checks the type, and the range with a tolerance."""
        if self.between is not None and not self.between[0] <= value <= self.between[1]:
            low, high = self.between
            raise ValueError(f"parameter {name} is {value!r}: give {low:g}..{high:g}")
        if self.choices and value not in self.choices:
            raise ValueError(f"parameter {name} is {value!r}: choose one of {', '.join(self.choices)}")


def parameter(
    default: Any,
    description: str,
    *,
    between: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    """Field of a `ParameterSet`."""
    return field(default=default, metadata={"rule": ParameterRule(description, between, choices, live)})


def rules_of(kind: "type[ParameterSet]") -> dict[str, ParameterRule]:
    """Rules of a node's parameters, by name."""
    return {entry.name: entry.metadata["rule"] for entry in fields(kind)}


@dataclass(frozen=True)
class ParameterSet:
    """Values of a node's parameters; every node has these, and fields of its own."""

    autostart: bool = parameter(
        True, "Configure and activate at start-up; false: wait for a lifecycle manager, or `ros2 lifecycle set`."
    )

    def changed(self: Set, changes: "Iterable[Parameter[Any]]", *, only_live: bool) -> Set:
        """A copy with other values; parameters that are not the node's own, such as use_sim_time, are ignored.

        Raises
        ------
        ValueError
            If a value cannot be used, or must not change now.
        """
        rules = rules_of(type(self))
        own = {change.name: change.value for change in changes if change.name in rules}
        for name, value in own.items():
            if only_live and not rules[name].live and value != getattr(self, name):
                raise ValueError(
                    f"parameter {name} is read when the node is configured: deactivate and clean up the node first"
                )
            rules[name].check(name, value)
        changed = replace(self, **own)
        changed.check_together()
        return changed

    def check_together(self) -> None:
        """Raise ValueError if values contradict each other."""
