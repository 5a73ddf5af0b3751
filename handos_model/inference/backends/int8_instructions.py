"""Whether this processor has instructions that make int8 worthwhile."""

from pathlib import Path
from typing import Final

_INSTRUCTIONS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
"""Dot products of bytes, as /proc/cpuinfo calls them: Intel since Ice Lake, AMD since Zen 4, ARM since Cortex-A76."""


def int8_unavailable(processor: Path = Path("/proc/cpuinfo")) -> str | None:
    """Why networks in int8 cannot run well here, or ``None``.

    Without such instructions, x86 processors multiply bytes into 16 bits, where sums saturate, and are hardly faster
    than in single precision.
    """
    try:
        words = set(processor.read_text().split())
    except OSError as error:
        return f"the processor's instructions cannot be read from {processor}: {error.strerror}"
    if words.isdisjoint(_INSTRUCTIONS):
        return f"this processor has no dot products of bytes ({', '.join(sorted(_INSTRUCTIONS))})"
    return None
