"""A user's mistake ends in one line and exit code 1, not in a traceback."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def mistakes_in_one_line(program: str, missing_module: Callable[[str], str]) -> Iterator[None]:
    """Run a program.

    Parameters
    ----------
    program
        Its name, with which the line begins.
    missing_module
        Says what to do about a module that is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module in ("", "handos_model"):
            raise
        _fail(program, missing_module(module))
    except ImportError as error:  # a library that cannot be loaded
        _fail(program, f"{' '.join(str(error).split())}: `handos doctor` says what to type")
    except AttributeError as error:
        husk = _husk_named(error.obj)
        if husk is None:
            raise
        _fail(program, f"the files of {husk} are gone: `handos doctor` says what to type")
    except (OSError, ValueError, ArithmeticError) as error:
        _fail(program, str(error))


def _husk_named(module: object) -> str | None:
    """Name of an uninstalled package whose folder remains, which Python takes for a module; ``None``: it is none."""
    if isinstance(module, ModuleType) and getattr(module, "__file__", None) is None:
        return module.__name__
    return None


def _fail(program: str, message: str) -> None:
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(1)
