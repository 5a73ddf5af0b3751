"""One engine per input size, for runtimes that need static shapes."""

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from handos_model.architecture.contract import NetworkOutput, NetworkProperties
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import Engine

TYPICAL_IMAGE_SIZE: Final[tuple[int, int]] = (640, 480)
"""Width and height of the images whose engine is loaded at once."""

_MAX_LOADED: Final[int] = 8
"""Engines kept in memory: enough for several cameras, bounded for a folder of images of many sizes."""

_LOGGER = logging.getLogger(__name__)


class EnginePerSize:
    """Loads the engine of an input size with the first image that needs it; calls from several threads take turns.

    Parameters
    ----------
    properties
        Metadata of the network.
    load
        Loads the engine for an input size. It is called at once for `TYPICAL_IMAGE_SIZE`, so that errors occur before
        the first image.
    """

    def __init__(self, properties: NetworkProperties, load: Callable[[InputSize], Engine]) -> None:
        self.properties = properties
        self._load = load
        # The engines have one input buffer each, and building one takes minutes.
        self._lock = threading.Lock()
        self._engine_for = lru_cache(maxsize=_MAX_LOADED)(self._load_logged)
        self.description = self._engine_for(properties.input_sizes.for_image(*TYPICAL_IMAGE_SIZE)).description

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        with self._lock:
            return self._engine_for(InputSize(*network_input.shape[1:3]))(network_input)

    def _load_logged(self, size: InputSize) -> Engine:
        _LOGGER.info("loading the network for inputs of %s pixels", size)
        return self._load(size)
