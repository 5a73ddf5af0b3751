"""Packages that are not installed, and what to type to have them."""

from collections.abc import Sequence
from typing import Final

EXTRAS: Final[dict[str, tuple[str, ...]]] = {
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


def missing_module(module: str, arguments: Sequence[str]) -> str:
    """What to do about a module that a command of `handos` with these arguments lacks."""
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    preferred = _EXTRA_OF_COMMAND.get(command, "train")
    extras = sorted((extra for extra in EXTRAS if module in EXTRAS[extra]), key=lambda extra: extra != preferred)
    if not extras:
        return f"the package {module} is not installed: install it, or this project again"
    return f"`handos {command}` needs the package {module}: `pip install '.[{extras[0]}]'` in the repository"


def module_missing_in_script(module: str) -> str:
    """What to do about a module that a script lacks."""
    extra = next((extra for extra in EXTRAS if module in EXTRAS[extra]), None)
    typed = f"`pip install {module}`" if extra is None else f"`pip install '.[{extra}]'` in the repository"
    return f"this needs the package {module}: {typed}"
