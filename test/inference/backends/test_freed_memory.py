"""Memory that was freed goes back to the system."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
from handos_model.inference.backends.freed_memory import return_freed_memory

def resident():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS"))) // 1024

blocks = [bytearray(4000) for _ in range(20_000)]
last = bytearray(4000)  # keeps the C library from returning what lies before it
before = resident()
del blocks
return_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
def test_blocks_between_others_are_returned() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(result.stdout) > 60  # MiB, of 76
