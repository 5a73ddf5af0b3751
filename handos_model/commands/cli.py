"""The command line `handos`: assembles the commands and turns a user's mistakes into one line.

Each command imports what it needs when it runs, so that `handos --help` answers at once and `handos run` needs no
torch.
"""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, Final

import typer

from handos_model.commands.annotate import annotate
from handos_model.commands.assets import assets
from handos_model.commands.bench import bench
from handos_model.commands.build_engine import build_engine
from handos_model.commands.calibrate import calibrate
from handos_model.commands.doctor import doctor
from handos_model.commands.eval import evaluations
from handos_model.commands.export import export
from handos_model.commands.finetune import finetune
from handos_model.commands.info import info
from handos_model.commands.run import run
from handos_model.commands.synth import synth
from handos_model.commands.train import train

_EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "train": (
        "accelerate",
        "numba",
        "onnx",
        "onnxscript",
        "safetensors",
        "scipy",
        "tensorboard",
        "torch",
        "transformers",
    ),
    "assets": ("anny", "numba", "scipy"),
    "eval": ("matplotlib", "scipy"),
    "recordings": ("av", "mcap", "pyarrow", "rosbags", "trimesh", "zstandard"),
    "rerun": ("rerun",),
    "foxglove": ("foxglove", "rosbags"),
    "cluster": ("ray",),
    "tensorrt": ("cuda", "onnx"),
}
"""The modules that each extra of pyproject.toml installs."""
_EXTRA_OF_COMMAND: Final[dict[str, str]] = {
    "annotate": "recordings",
    "assets": "assets",
    "build-engine": "tensorrt",
    "eval": "eval",
    "run": "recordings",
}
"""The extra that is named first where several install a module; otherwise "train"."""

app = typer.Typer(no_args_is_help=True)
for command in (run, annotate, calibrate, bench, build_engine, assets, synth, train, finetune, export, info, doctor):
    app.command()(command)
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
    try:
        app()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in ("", "handos_model"):
            raise
        _fail(_missing_module(module, sys.argv[1:]))
    except ImportError as error:  # a library that cannot be loaded
        _fail(f"{' '.join(str(error).split())}: `handos doctor` says what to type")
    except AttributeError as error:
        husk = _husk_named(error.obj)
        if husk is None:
            raise
        _fail(f"the files of {husk} are gone: `handos doctor` says what to type")
    except (OSError, ValueError, ArithmeticError) as error:
        _fail(str(error))


def _husk_named(module: object) -> str | None:
    """Name of an uninstalled package whose folder remains, which Python takes for a module; ``None``: it is none."""
    if isinstance(module, ModuleType) and getattr(module, "__file__", None) is None:
        return module.__name__
    return None


def _missing_module(module: str, arguments: Sequence[str]) -> str:
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    preferred = _EXTRA_OF_COMMAND.get(command, "train")
    extras = sorted((extra for extra in _EXTRAS if module in _EXTRAS[extra]), key=lambda extra: extra != preferred)
    if not extras:
        return f"the package {module} is not installed: install it, or this project again"
    return f"`handos {command}` needs the package {module}: `pip install '.[{extras[0]}]'` in the repository"


def _fail(message: str) -> None:
    print(f"handos: {message}", file=sys.stderr)
    sys.exit(1)
