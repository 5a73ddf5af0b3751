"""What `handos doctor` finds out about the weights, the cache, the backends and the network that runs."""

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from handos_model.commands.finding import Finding

_POINTER: Final = b"version https://git-lfs"
"""What stands in a file whose content Git LFS has not fetched."""
_SEE_ABOVE: Final = "what stands below the lines above"
_REINSTALL: Final = "pip install --force-reinstall --no-deps .    # in a complete copy of the repository"


def examine_network() -> Iterator[Finding]:
    """Weights, cache, backends, and the network, which is loaded."""
    try:
        from handos_model.inference.pipeline import DEFAULT_WEIGHTS
    except Exception as error:  # a package that cannot be imported, which has a line of its own
        yield Finding("network", f"cannot be loaded: {error}", "FAIL", _SEE_ABOVE)
        return
    yield _weights(DEFAULT_WEIGHTS)
    yield _cache()
    yield from _backends()
    yield _network(DEFAULT_WEIGHTS)


def _weights(network: Path) -> Finding:
    """The weights to train on, without which the network runs; those that run are loaded, see `_network`."""
    from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX

    path = network.with_suffix(TRAINED_WEIGHTS_SUFFIX)
    purpose = "`handos finetune`, `handos train` and the backend torch start from it"
    if not path.is_file():
        return Finding("weights to train", f"{path} is missing; {purpose}", "warn", _remedy(path))
    if not _is_whole(path):
        state = f"{path} ({path.stat().st_size} bytes) is not complete; {purpose}"
        return Finding("weights to train", state, "warn", _remedy(path))
    return Finding("weights to train", str(path))


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file has as many bytes as its header announces."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, path.stat().st_size)))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return bool(path.stat().st_size == 8 + length + max(ends, default=0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return False


def _cache() -> Finding:
    from handos_model.inference.backends.engine import cache_folder

    folder = cache_folder()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Finding("cache", f"{folder} can be written")
    state = f"{folder} cannot be written: TensorRT keeps its engines there; the other backends need it not"
    return Finding("cache", state, "warn", "export XDG_CACHE_HOME=/tmp/cache-$USER    # or another folder of yours")


def _backends() -> Iterator[Finding]:
    from handos_model.inference.backends.selection import BACKENDS

    for name, spec in BACKENDS.items():
        reason = spec.unavailable_reason()
        yield Finding(f"backend {name}", reason or "works", "-" if reason else "ok")


def _network(weights: Path) -> Finding:
    from handos_model.inference.pipeline import HandPipeline

    try:
        pipeline = HandPipeline.load()
    except Exception as error:  # whatever it is, the network cannot run
        is_file = isinstance(error, FileNotFoundError | ValueError)
        return Finding("network", " ".join(str(error).split()), "FAIL", _remedy(weights) if is_file else _SEE_ABOVE)
    properties = pipeline.engine.properties
    return Finding(
        "network",
        f"preset {properties.preset}, {properties.input_sizes}, hand {properties.topology_id}, from {weights}; "
        f"runs on {pipeline.engine.description}",
    )


def _remedy(path: Path) -> str:
    """What to type for weights that are missing or damaged."""
    is_checkout = (path.parents[2] / ".git").exists()
    if path.is_file() and path.read_bytes()[: len(_POINTER)] == _POINTER:
        return f"git -C {path.parents[2]} lfs pull" if is_checkout else f"git lfs pull && {_REINSTALL}"
    return f"git -C {path.parents[2]} checkout -- {path}" if is_checkout else _REINSTALL
