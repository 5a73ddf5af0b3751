"""The command line `handos`: assembles the commands and turns a user's mistakes into one line.

Each command imports what it needs when it runs, so that `handos --help` answers at once and `handos run` needs no
torch.
"""

import sys
from typing import Annotated

import typer

from handos_model.commands.annotate import annotate
from handos_model.commands.assets import assets
from handos_model.commands.bench import bench
from handos_model.commands.build_engine import build_engine
from handos_model.commands.calibrate import calibrate
from handos_model.commands.doctor import doctor
from handos_model.commands.eval import evaluations
from handos_model.commands.export import export
from handos_model.commands.extras import missing_module
from handos_model.commands.finetune import finetune
from handos_model.commands.info import info
from handos_model.commands.mistakes import mistakes_in_one_line
from handos_model.commands.plain_help import PlainCommand, PlainGroup
from handos_model.commands.run import run
from handos_model.commands.synth import synth
from handos_model.commands.train import train

app = typer.Typer(cls=PlainGroup, no_args_is_help=True, rich_markup_mode="markdown")
for command in (run, annotate, calibrate, bench, build_engine, assets, synth, train, finetune, export, info, doctor):
    app.command(cls=PlainCommand)(command)
app.add_typer(evaluations, name="eval")


def _print_version(wanted: bool) -> None:
    if wanted:
        from handos_model import __version__

        typer.echo(f"handos {__version__}")
        raise typer.Exit


@app.callback()
def handos(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hands from images and videos: boxes, 2D joints, and joints and meshes in metres."""


def main() -> None:
    """Run the command line; a user's mistake ends in one line and exit code 1."""
    with mistakes_in_one_line("handos", lambda module: missing_module(module, sys.argv[1:])):
        app()
