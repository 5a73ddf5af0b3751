"""One engine for each size of input, where a runtime wants to know the size before it runs."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from handos_model.inference.engine import Engine, EngineOutput, NetworkProperties
from handos_model.inference.input_size import InputSize
from handos_model.io.frame import ImageArray

TYPICAL_PICTURE: Final[tuple[int, int]] = (640, 480)
"""Width and height for whose aspect ratio an engine is made at once."""

_KEPT: Final[int] = 8
"""Engines that stay loaded: a few cameras at once, and not the memory of all sizes in a folder of pictures."""

_LOGGER = logging.getLogger(__name__)


class EnginePerSize:
    """Makes an engine when the first picture comes that needs it.

    Parameters
    ----------
    properties
        What the network says about itself.
    load
        Makes the engine for inputs of a size. It is called at once for `TYPICAL_PICTURE`, so that whatever hinders it
        is said before there are pictures.
    """

    def __init__(self, properties: NetworkProperties, load: Callable[[InputSize], Engine]) -> None:
        self.properties = properties
        self._load = load
        self._engine_for = lru_cache(maxsize=_KEPT)(self._make)
        self.description = self._engine_for(properties.input_sizes.fitting(*TYPICAL_PICTURE)).description

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        return self._engine_for(InputSize(*network_input.shape[1:3]))(network_input)

    def _make(self, size: InputSize) -> Engine:
        _LOGGER.info("preparing the network for inputs of %s pixels", size)
        return self._load(size)
