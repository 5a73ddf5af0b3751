"""The command line `handos`: assembles the commands and turns a user's mistakes into one line.

Each command imports what it needs when it runs, so that `handos --help` answers at once and `handos run` needs no
torch.
"""

import sys
from typing import Final

import typer

from handos_model.commands.bench import bench
from handos_model.commands.build_engine import build_engine
from handos_model.commands.doctor import doctor
from handos_model.commands.eval import evaluations
from handos_model.commands.export import export
from handos_model.commands.info import info
from handos_model.commands.run import run
from handos_model.commands.synth import synth
from handos_model.commands.train import train

_EXTRAS: Final[dict[str, str]] = {
    **dict.fromkeys(("accelerate", "numba", "onnx", "onnxscript", "tensorboard", "torch", "transformers"), "train"),
    **dict.fromkeys(("matplotlib", "scipy", "yaml"), "eval"),
}
"""The extra that installs a package which a command may lack."""

app = typer.Typer(
    help="Hands from images and videos: boxes, 2D joints, and joints and meshes in metres.",
    no_args_is_help=True,
    add_completion=False,
)
for command in (run, bench, build_engine, synth, train, export, info, doctor):
    app.command()(command)
app.add_typer(evaluations, name="eval")


def main() -> None:
    """Run the command line; a user's mistake ends in one line and exit code 1."""
    try:
        app()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _fail(f"the package {package} is not installed: `pip install 'handos[{_EXTRAS[package]}]'`")
    except (OSError, ValueError, ArithmeticError) as error:
        _fail(str(error))


def _fail(message: str) -> None:
    print(f"handos: {message}", file=sys.stderr)
    sys.exit(1)
