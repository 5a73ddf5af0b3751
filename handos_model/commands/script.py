"""`run_script`: a function as a command line, for scripts such as those in examples/."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from handos_model.commands.extras import module_missing_in_script
from handos_model.commands.mistakes import mistakes_in_one_line
from handos_model.commands.plain_help import PlainCommand


def run_script(main: Callable[..., Any]) -> None:
    """Run a function as a command line, as `typer.run` does; a user's mistake ends in one line and exit code 1.

    Parameters
    ----------
    main
        Its parameters become arguments and options.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    app.command(cls=PlainCommand)(main)
    with mistakes_in_one_line(Path(sys.argv[0]).name, module_missing_in_script):
        app()
