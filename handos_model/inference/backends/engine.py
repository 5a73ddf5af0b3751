"""`Engine`: the protocol of all backends, a loaded network."""

import os
from pathlib import Path
from typing import Protocol

from handos_model.architecture.contract import NetworkOutput, NetworkProperties
from handos_model.geometry.arrays import ImageArray


class BackendError(OSError):
    """A backend cannot run the network on this machine; the message gives reason and remedy."""


class Engine(Protocol):
    """A network loaded on a device."""

    @property
    def properties(self) -> NetworkProperties:
        """Metadata of the network."""

    @property
    def description(self) -> str:
        """Backend and device, for logs and diagnostics."""

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8 of one of its `input_sizes`."""


def cache_folder() -> Path:
    """Folder for compiled engines (XDG Base Directory Specification); it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handos"
