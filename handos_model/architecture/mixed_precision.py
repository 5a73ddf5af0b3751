"""bf16 in training, where it saves time and memory: in layers, not in heads, boxes and losses."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def in_bf16(enabled: bool, like: Tensor) -> AbstractContextManager[object]:
    """Run convolutions and matrix products in bf16 on the device of `like`; does nothing if not enabled.

    bf16 has eight significant bits, a resolution of 1 mm in 20 cm and 2 pixels in 640: too coarse for coordinates.
    """
    return torch.autocast(like.device.type, torch.bfloat16) if enabled else nullcontext()


def cpu_computes_in_bf16() -> bool:
    """Whether this processor multiplies bf16 numbers; others imitate it, which takes longer than single precision."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
