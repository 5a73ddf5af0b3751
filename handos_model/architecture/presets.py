"""Presets: the sizes of the models."""

from dataclasses import dataclass, replace
from typing import Final, Literal


@dataclass(frozen=True)
class DFinePreset:
    """Sizes of D-FINE without its backbone; its weights are trained in this project."""

    width: int
    feedforward_width: int
    decoder_layers: int
    queries: int
    points: int
    """Sampling points per level in a decoder layer."""
    backbone: Literal["lite0", "lite2"] = "lite0"
    """EfficientNet-Lite's size."""


@dataclass(frozen=True)
class GroundingDinoPreset:
    """Grounding DINO (Liu et al., 2023) as published; its weights determine its sizes."""

    weights: str
    """Model name on Hugging Face, or a local folder with config.json and model.safetensors."""
    prompt_tokens: tuple[int, ...]
    """Token ids of the prompt, for BERT uncased, its text backbone."""
    width: int = 256
    decoder_layers: int = 6
    queries: int = 900


@dataclass(frozen=True)
class Preset:
    """Sizes of the whole model."""

    name: str
    image_size: int
    """Side of the square input in pixels; a multiple of the detector's `input_multiple`."""
    detector: DFinePreset | GroundingDinoPreset
    width: int
    """Channels of joint, vertex and camera queries."""
    attention_heads: int
    sampling_points: int
    """Sampling points of deformable attention per head and level."""
    queries_all_vertices: bool
    """Whether each vertex has a query, or only the coarse ones, from which the others are interpolated."""
    layers_2d: int
    interactive_layers: int
    feedforward_width: int
    hand_slots: int
    """Maximum number of hands per image."""
    decodes_found: bool = False
    """Whether the exported network decodes as many hands as it finds, instead of filling all slots."""
    trained_sides: tuple[int, int] | None = None
    """Smallest and largest side of a square with as many pixels as the training images; ``None``: `image_size` only."""


_EDGE_DETECTOR: Final = DFinePreset(width=128, feedforward_width=512, decoder_layers=3, queries=30, points=6)
_CROWD_DETECTOR: Final = replace(_EDGE_DETECTOR, queries=60)

EDGE = Preset(
    name="edge",
    image_size=384,
    detector=_EDGE_DETECTOR,
    width=128,
    attention_heads=8,
    sampling_points=2,
    queries_all_vertices=False,
    layers_2d=1,
    interactive_layers=2,
    feedforward_width=512,
    hand_slots=12,
    decodes_found=True,
    trained_sides=(288, 640),
)
"""The default, with shipped weights, for two CPU cores and small Jetsons; the detector has the sizes of D-FINE-N."""

CROWD: Final = replace(EDGE, name="crowd", detector=_CROWD_DETECTOR)
"""`EDGE` with more queries; it has the same weights, and those of the one can be trained further as the other."""

CROWD_LITE2: Final = replace(CROWD, name="crowd-lite2", detector=replace(_CROWD_DETECTOR, backbone="lite2"))
"""`CROWD` with a backbone of one and a half times the size."""

FULL = Preset(
    name="full",
    image_size=1280,
    detector=GroundingDinoPreset(
        weights="IDEA-Research/grounding-dino-tiny",
        prompt_tokens=(101, 2192, 1012, 102),  # [CLS] hand . [SEP]
    ),
    width=256,
    attention_heads=8,
    sampling_points=4,
    queries_all_vertices=True,
    layers_2d=2,
    interactive_layers=4,
    feedforward_width=1024,
    hand_slots=8,
)
"""The paper's sizes, for a GPU; those that it does not state (heads, points, feed-forward width) are chosen here.

The paper uses Grounding DINO 1.5, whose weights are not public; those of version 1 are.
"""

PRESETS = {preset.name: preset for preset in (EDGE, CROWD, CROWD_LITE2, FULL)}


def preset_named(name: str) -> Preset:
    """The preset with this name.

    Raises
    ------
    ValueError
        If there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
