"""`handos info`: the size of a model in numbers."""

from typing import Annotated

import typer


def info(preset: Annotated[str, typer.Option(metavar="NAME", help="edge: the shipped one.")] = "edge") -> None:
    """Print a model's parameters, operations, queries and layers as JSON."""
    import json

    from handos_model.architecture.description import describe_model
    from handos_model.architecture.presets import preset_named
    from handos_model.hand.topology import HandTopology

    typer.echo(json.dumps(describe_model(preset_named(preset), HandTopology.load()), indent=2))
