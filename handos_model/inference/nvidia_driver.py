"""Asks the NVIDIA driver whether there is a GPU, without any library of CUDA: every GPU backend needs that much."""

import ctypes
from typing import Final

LIBRARY: Final[str] = "libcuda.so.1"
"""Belongs to the driver, not to the CUDA toolkit."""


def gpu_obstacle() -> str | None:
    """Why nothing can run on an NVIDIA GPU here; ``None`` where something can."""
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return f"no NVIDIA driver ({LIBRARY} cannot be loaded; in a container, run it with --gpus all)"
    status = driver.cuInit(0)
    if status:
        return f"the NVIDIA driver does not start (cuInit says error {status}): `nvidia-smi` tells more"
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        return "the NVIDIA driver sees no GPU: check CUDA_VISIBLE_DEVICES"
    return None
