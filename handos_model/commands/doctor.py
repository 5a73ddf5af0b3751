"""`handos doctor`: what is installed, what can run the network, and why; for what is wrong, what to type."""

from collections.abc import Iterator

import typer

from handos_model.commands.examined_machine import examine_machine
from handos_model.commands.examined_network import examine_network
from handos_model.commands.examined_packages import examine_packages
from handos_model.commands.finding import Finding


def doctor() -> None:
    """Say what is installed, what runs the network, and why; exit code 1 if the network cannot run.

    Below what is wrong stands what to type.
    """
    fails = False
    for finding in examine():
        typer.echo(str(finding))
        fails |= finding.verdict == "FAIL"
    raise typer.Exit(1 if fails else 0)


def examine() -> Iterator[Finding]:
    """Check everything that running the network needs, and what else there is to use it with."""
    yield from examine_packages()
    yield from examine_machine()
    yield from examine_network()
