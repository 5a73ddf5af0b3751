"""Size of a model: parameters, operations, queries and layers."""

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.presets import Preset
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology

_PARTS = ("detector", "side_network", "decoder")


def describe_model(preset: Preset, topology: HandTopology) -> dict[str, Any]:
    """Parameters, operations per image, queries and layers of a preset.

    Operations are those of convolutions, matrix products and attention, with a multiply-add counted as two; sampling
    of the feature maps is not counted.
    """
    model = build_model(preset, topology).eval()
    vertex_queries = topology.vertex_count if preset.queries_all_vertices else len(topology.coarse_vertices)
    return {
        "preset": preset.name,
        "image_size": preset.image_size,
        "parameters": {
            "frozen": _count_parameters(model.detector),
            "trained": _count_parameters(model.side_network) + _count_parameters(model.decoder),
            **{part: _count_parameters(model.get_submodule(part)) for part in _PARTS},
        },
        "gflops": _count_operations(model, preset.image_size),
        "queries": {
            "detector": preset.detector.queries,
            "hands": preset.hand_slots,
            "per_hand": {"joints": JOINT_COUNT, "vertices": vertex_queries, "camera": 1},
        },
        "layers": {
            "detector": preset.detector.decoder_layers,
            "2d": preset.layers_2d,
            "interactive": preset.interactive_layers,
        },
    }


def _count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _count_operations(model: HandOS, image_size: int) -> dict[str, float]:
    # The meta device computes shapes only, so even the largest preset takes no memory.
    counter = FlopCounterMode(display=False, depth=1)
    with torch.no_grad(), counter:
        model.to("meta")(torch.zeros(1, image_size, image_size, 3, dtype=torch.uint8, device="meta"))
    counts = counter.get_flop_counts()
    parts = {part: sum(counts[f"{type(model).__name__}.{part}"].values()) / 1e9 for part in _PARTS}
    return {name: round(value, 3) for name, value in (parts | {"total": sum(parts.values())}).items()}
