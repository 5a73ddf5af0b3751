"""Memory that was freed goes back to the system."""

import ctypes


def return_freed_memory() -> None:
    """Return what this process has freed; where the C library has no `malloc_trim`, it does so when it likes.

    ONNX Runtime frees the file that it has read, in pieces that the C library keeps otherwise: as much as the network's
    weights.
    """
    library = ctypes.CDLL(None)  # the C library that this process already uses
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
