"""The kernels that TensorRT for RTX compiles when it loads an engine, kept in a file beside it."""

import logging
from pathlib import Path
from typing import Any

from handos_model.inference.backends.tensorrt.cache_files import read_cache, write_cache

_LOGGER = logging.getLogger(__name__)


class RuntimeCache:
    """Compiled kernels of an engine. The GPU's context must be active.

    Parameters
    ----------
    engine
        Deserialized engine.
    path
        File of the cache.
    """

    def __init__(self, engine: Any, path: Path) -> None:
        self._path = path
        self._stored = read_cache(path)
        self.config = engine.create_runtime_config()
        """For `create_execution_context`."""
        self._cache = self.config.create_runtime_cache()
        # TensorRT rejects caches that are damaged, or of another version, driver or GPU.
        if self._stored and not self._cache.deserialize(self._stored):
            _LOGGER.warning("TensorRT rejects the cache of compiled kernels %s, so they are compiled again", path)
        self.config.set_runtime_cache(self._cache)

    def write(self) -> None:
        """Store the kernels that were compiled since."""
        content = bytes(self._cache.serialize())
        if content != self._stored:
            write_cache(self._path, content)
