"""The node's parameters as ROS holds them: declared, checked and kept up to date."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from handos_ros.parameters.parameter_set import ParameterRule, ParameterSet, rules_of

Parameters = TypeVar("Parameters", bound=ParameterSet)

_DECLARED_LATER: Final = "qos_overrides."
"""Prefix of parameters that rclpy declares with the topics."""


class LiveParameters(Generic[Parameters]):
    """The node's current parameters; changes are checked before ROS accepts them.

    Parameters
    ----------
    node
        Declares them.
    kind
        The class of its parameters.

    Raises
    ------
    ValueError, ParameterException
        If a value that the node was started with cannot be used.
    """

    def __init__(self, node: Node, kind: type[Parameters]) -> None:
        self.current = declare_parameters(node, kind)
        self.only_live = False
        """Whether parameters that are read at configuration must not change now."""
        node.add_pre_set_parameters_callback(self._with_floats)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, changes: "Sequence[Parameter[Any]]") -> SetParametersResult:
        try:
            self.current.changed(changes, only_live=self.only_live)
        except Exception as error:  # whatever it was: after an error here the service would never answer
            return SetParametersResult(successful=False, reason=str(error) or type(error).__name__)
        return SetParametersResult(successful=True)

    def _apply(self, changes: "Sequence[Parameter[Any]]") -> None:
        self.current = self.current.changed(changes, only_live=False)

    def _with_floats(self, changes: "list[Parameter[Any]]") -> "list[Parameter[Any]]":
        """The same changes, with a float where an integer is set and a float is meant."""
        defaults = _defaults(type(self.current))
        return [
            Parameter(change.name, value=float(change.value))
            if _is_integer_for_float(change, defaults.get(change.name))
            else change
            for change in changes
        ]


def declare_parameters(node: Node, kind: type[Parameters]) -> Parameters:
    """Declare all parameters on `node` and return their values; names that do not exist are warned of.

    Raises
    ------
    ValueError
        If a value cannot be used. Values of another type or far out of their range are refused by ROS itself.
    """
    rules = rules_of(kind)
    declared = [_declare(node, name, default, rules[name]) for name, default in _defaults(kind).items()]
    _warn_of_unknown(node, rules)
    return kind().changed(declared, only_live=False)


def _defaults(kind: type[ParameterSet]) -> dict[str, Any]:
    return {entry.name: entry.default for entry in fields(kind)}


def _declare(node: Node, name: str, default: Any, rule: ParameterRule) -> "Parameter[Any]":
    """Declare a parameter; where a float is meant, an integer that the node was started with becomes one."""
    descriptor = _descriptor(default, rule)
    try:
        return node.declare_parameter(name, _ros_value(default), descriptor)
    except InvalidParameterTypeException:
        given = node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True))
        node.undeclare_parameter(name)
        if not _is_integer_for_float(given, default):
            raise
    return node.declare_parameter(name, float(given.value), descriptor, ignore_override=True)


def _is_integer_for_float(parameter: "Parameter[Any]", default: Any) -> bool:
    return parameter.type_ == Parameter.Type.INTEGER and isinstance(default, float)


def _warn_of_unknown(node: Node, known: Iterable[str]) -> None:
    """Warn of parameters that the node was started with and that do not exist, with what may have been meant."""
    # rclpy has no public way to list them, except for declaring every one of them.
    overrides: Sequence[str] = list(getattr(node, "_parameter_overrides", ()))
    unknown = [name for name in overrides if not name.startswith(_DECLARED_LATER) and not node.has_parameter(name)]
    if unknown:
        names = ", ".join(_with_suggestion(name, known) for name in unknown)
        node.get_logger().warning(f"not parameters of this node, and ignored: {names}")


def _with_suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"{name} (did you mean {close[0]}?)" if close else name


def _ros_value(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _descriptor(default: Any, rule: ParameterRule) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=rule.description)
    if rule.choices:
        descriptor.additional_constraints = f"one of {', '.join(rule.choices)}"
    if rule.between is not None and isinstance(default, float):
        low, high = rule.between
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif rule.between is not None:
        low, high = rule.between
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
