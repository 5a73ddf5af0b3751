"""Help without types of Python: a flag has no value, and every other value has a name."""

from collections.abc import Sequence
from typing import Any, Final

from typer.core import TyperArgument, TyperCommand, TyperGroup

_VALUES: Final = {"<int range>": "N", "<float range>": "X"}
"""Names of values that are given none, by the types that Typer shows; it shows their ranges as x>=1."""


class PlainCommand(TyperCommand):
    """A command with such a help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _named(super().get_params(ctx), ctx)


class PlainGroup(TyperGroup):
    """A group of commands with such a help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _named(super().get_params(ctx), ctx)


def _named(parameters: Sequence[Any], context: Any) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            parameter.display_type_rich = _no_type  # type: ignore[method-assign]  # its name is enough
        elif parameter.metavar is None and parameter.is_flag:
            parameter.metavar = ""
        elif parameter.metavar is None and hasattr(parameter, "display_type"):  # older ones of Typer show INTEGER RANGE
            parameter.metavar = _VALUES.get(parameter.display_type(context))
    return list(parameters)


def _no_type(ctx: Any) -> None:
    return None
