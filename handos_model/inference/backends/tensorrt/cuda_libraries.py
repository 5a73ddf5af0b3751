"""Access to CUDA through cuda.bindings, or through pycuda where only that is installed, as on many a Jetson."""

from importlib import util

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt.cuda_device import CudaDevice


def cuda_library_unavailable() -> str | None:
    """Reason why CUDA cannot be called from Python on this machine, or ``None``."""
    if _has_cuda_bindings() or _has_pycuda():
        return None
    return "neither of the Python packages pycuda and cuda-bindings is installed: `pip install cuda-bindings`"


def open_cuda_device() -> CudaDevice:
    """Open the first visible GPU.

    Raises
    ------
    BackendError
        If there is none, or no library to access it.
    """
    if _has_cuda_bindings():
        from handos_model.inference.backends.tensorrt.cuda_bindings_device import CudaBindingsDevice

        return CudaBindingsDevice()
    if _has_pycuda():
        from handos_model.inference.backends.tensorrt.pycuda_device import PycudaDevice

        return PycudaDevice()
    raise BackendError(str(cuda_library_unavailable()))


def _has_pycuda() -> bool:
    return util.find_spec("pycuda") is not None


def _has_cuda_bindings() -> bool:
    return util.find_spec("cuda") is not None and util.find_spec("cuda.bindings") is not None
