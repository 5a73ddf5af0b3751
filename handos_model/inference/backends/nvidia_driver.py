"""Checks for an NVIDIA GPU through the driver alone, without any CUDA library."""

import ctypes
from typing import Final

LIBRARY: Final[str] = "libcuda.so.1"
"""Part of the driver, not of the CUDA toolkit."""
_COMPUTE_CAPABILITY: Final = (75, 76)
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


def gpu_unavailable() -> str | None:
    """Reason why no NVIDIA GPU can be used on this machine, or ``None``."""
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return f"no NVIDIA driver ({LIBRARY} cannot be loaded; run containers with --gpus all)"
    status = driver.cuInit(0)
    if status:
        return f"the NVIDIA driver does not start (cuInit returned error {status}): see `nvidia-smi`"
    if not _device_count(driver):
        return "the NVIDIA driver finds no GPU: check CUDA_VISIBLE_DEVICES"
    return None


def gpu_count() -> int:
    """Number of NVIDIA GPUs that can be used on this machine."""
    return 0 if gpu_unavailable() else _device_count(ctypes.CDLL(LIBRARY))


def _device_count(driver: ctypes.CDLL) -> int:
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    return count.value


def gpu_compute_capability() -> str:
    """Compute capability of the first GPU, such as "8.9"; only where `gpu_unavailable` has returned ``None``."""
    driver = ctypes.CDLL(LIBRARY)
    device, numbers = ctypes.c_int(), (ctypes.c_int(), ctypes.c_int())
    driver.cuDeviceGet(ctypes.byref(device), 0)
    for number, attribute in zip(numbers, _COMPUTE_CAPABILITY, strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
    return ".".join(str(number.value) for number in numbers)
