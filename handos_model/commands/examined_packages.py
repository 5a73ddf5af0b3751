"""What `handos doctor` finds out about Python and its packages."""

import importlib
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from handos_model.commands.finding import Finding

_PYTHONS: Final = ((3, 10), (3, 13))
_OLDEST_PIP: Final = (21, 3)
"""Installs from pyproject.toml, also with --editable."""
_REQUIRED: Final = {
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "onnxruntime": "onnxruntime",
    "yaml": "pyyaml",
    "tqdm": "tqdm",
}
"""Modules by what installs them; that typer is there shows in this command running."""
_OPTIONAL: Final = {
    "rerun-sdk": ("rerun", "`handos run --view` and --rrd"),
    "foxglove-sdk": ("foxglove", "`handos run --foxglove`"),
    "rosbags": ("recordings", "bags, and `handos run --format`"),
    "dexi-rs": ("retarget", "robot hands"),
    "torch": ("train", "`handos train`, `handos finetune`, `handos export`, and the backends torch and torch-cuda"),
    "anny": ("assets", "`handos assets`"),
}
"""Distributions, by the extra that installs them and what needs them."""
_OTHER_OPENCVS: Final = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
"""Distributions whose files replace those of opencv-python-headless."""
_HEADLESS: Final = "pip install --force-reinstall --no-deps opencv-python-headless"
"""OpenCV without windows."""


def examine_packages() -> Iterator[Finding]:
    """Python, pip, the packages that are needed and those that may be."""
    yield _python()
    yield from _pip()
    for module, distribution in _REQUIRED.items():
        yield _required(module, distribution)
    yield from _replaced_opencv()
    yield from _paired_onnxruntimes()
    for distribution, (extra, purpose) in _OPTIONAL.items():
        yield _optional(distribution, extra, purpose)


def _python() -> Finding:
    state = f"{platform.python_version()} on {platform.machine()}, {sys.executable}"
    if _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return Finding("python", state)
    remedy = "python3.12 -m venv venv && venv/bin/pip install .    # in the repository"
    return Finding("python", f"{state}: 3.10 to 3.13 is needed", "FAIL", remedy)


def _pip() -> Iterator[Finding]:
    version = installed_version("pip")
    if version is None:
        return
    if tuple(int(number) for number in version.split(".")[:2]) < _OLDEST_PIP:
        yield Finding("pip", f"{version} is too old to install this project", "warn", "pip install --upgrade pip")
    else:
        yield Finding("pip", version)


def _required(module: str, distribution: str) -> Finding:
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            return Finding(distribution, "missing", "FAIL", f"pip install {distribution}")
        return _broken(distribution, error)
    except Exception as error:  # libraries that cannot be loaded raise ImportError, OSError, AttributeError, ...
        return _broken(distribution, error)
    if getattr(imported, "__file__", None) is None:  # a folder that remains is a module to Python
        state = "its files are gone, as after the uninstallation of another package with the same files"
        kept = "onnxruntime-gpu" if module == "onnxruntime" and installed_version("onnxruntime-gpu") else distribution
        return Finding(distribution, state, "FAIL", f"pip install --force-reinstall --no-deps {kept}")
    return Finding(distribution, str(getattr(imported, "__version__", None) or installed_version(distribution)))


def _broken(distribution: str, error: Exception) -> Finding:
    state = f"cannot be imported: {' '.join(str(error).split())}"
    others = _opencvs() if distribution == "opencv-python-headless" else []
    if others:
        return Finding(distribution, state, "FAIL", f"pip uninstall --yes {' '.join(others)} && {_HEADLESS}")
    return Finding(distribution, state, "FAIL", f"pip install --force-reinstall {distribution}")


def _opencvs() -> list[str]:
    return [name for name in _OTHER_OPENCVS if installed_version(name) is not None]


def _replaced_opencv() -> Iterator[Finding]:
    others = _opencvs()
    if others and installed_version("opencv-python-headless") is not None:
        yield Finding(
            "opencv",
            f"{' and '.join(others)} has files of the same names as opencv-python-headless: the last installed is used",
            "warn",
            f"pip uninstall --yes {' '.join(others)} && {_HEADLESS}",
        )


def _paired_onnxruntimes() -> Iterator[Finding]:
    processor, gpu = installed_version("onnxruntime"), installed_version("onnxruntime-gpu")
    if processor is None or gpu is None:
        return
    remedy = "pip install --force-reinstall --no-deps onnxruntime-gpu"
    try:
        providers = importlib.import_module("onnxruntime").get_available_providers()
    except Exception as error:  # as in `_required`
        yield Finding("onnxruntime-gpu", f"{gpu}, beside onnxruntime {processor}: {error}", "FAIL", remedy)
        return
    if "CUDAExecutionProvider" not in providers:
        state = f"{gpu}, but the files of onnxruntime {processor} have replaced its own: the GPU is not used"
        yield Finding("onnxruntime-gpu", state, "warn", remedy)
    else:
        yield Finding("onnxruntime-gpu", gpu)


def _optional(distribution: str, extra: str, purpose: str) -> Finding:
    version = installed_version(distribution)
    if version is None:
        state = f"not installed; needed for {purpose}: `pip install '.[{extra}]'` in the repository"
        return Finding(distribution, state, "-")
    return Finding(distribution, version)


def installed_version(distribution: str) -> str | None:
    """Version of a distribution; ``None`` if pip has not installed it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
