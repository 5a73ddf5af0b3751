"""The parameters that a published hand may have been made with: several, while they are being changed."""

from typing import Any

from handos_ros.parameters.node_parameters import RULES, NodeParameters


class LimitsInForce:
    """The smallest and the largest value of every numeric parameter since the node was last known to be settled."""

    def __init__(self) -> None:
        self.settle()

    def settle(self) -> None:
        """Only the defaults hold from now on, and no lens."""
        self._values = {name: {float(getattr(NodeParameters(), name))} for name, rule in RULES.items() if rule.between}
        self.may_have_lens = False

    def add(self, name: str, value: Any) -> None:
        """A value was accepted."""
        if name in self._values:
            self._values[name].add(float(value))

    def smallest(self, name: str) -> float:
        """Smallest value of a parameter that may be in force."""
        return min(self._values[name])

    def largest(self, name: str) -> float:
        """Largest value of a parameter that may be in force."""
        return max(self._values[name])
