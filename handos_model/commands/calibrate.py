"""`handos calibrate`: keep the size of an operator's hands, measured with a ruler."""

from typing import Annotated

import typer

from handos_model.commands.options import Operators


def calibrate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The operator's: letters, digits, hyphens, underscores.")],
    palm_length: Annotated[
        float,
        typer.Option(
            metavar="METRES",
            help="From the crease of the wrist to the crease at the base of the middle finger, such as 0.104.",
        ),
    ],
    operators: Operators = None,
) -> None:
    """Keep the size of an operator's hands, so that their later metres hold.

    Use it with `handos run --operator NAME` and with the node's parameter `operator`. A node with a depth camera can
    measure the hands itself: see its service ~/calibrate.
    """
    from handos_model.hand_size.operator_folder import OperatorFolder
    from handos_model.hand_size.operator_size import OperatorSize

    size = OperatorSize.typed(name, palm_length)
    path = OperatorFolder.at(operators).write(size)
    typer.echo(f"{size}: hands are scaled by {size.scale:.3f} -> {path}")
