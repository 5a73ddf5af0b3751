"""Presets: the sizes of a model, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DFinePreset:
    """Sizes of a D-FINE detector behind its backbone; its weights are trained here."""

    width: int
    feedforward_width: int
    decoder_layers: int
    queries: int
    points: int
    """Points per level that a query reads in a decoder layer."""


@dataclass(frozen=True)
class GroundingDinoPreset:
    """Grounding DINO (Liu et al., 2023) as published; its sizes are those of its weights."""

    weights: str
    """Name at Hugging Face, or a local folder with config.json and model.safetensors."""
    prompt_tokens: tuple[int, ...]
    """The prompt in the vocabulary of its text backbone, BERT uncased."""
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
    """Points per head and level that deformable attention reads."""
    queries_all_vertices: bool
    """Whether every vertex is a query, or only the coarse ones, with the others interpolated between them."""
    layers_2d: int
    interactive_layers: int
    feedforward_width: int
    hand_slots: int
    """Hands per image: a fixed number keeps every shape of the exported graph static."""


EDGE = Preset(
    name="edge",
    image_size=384,
    detector=DFinePreset(
        width=128,
        feedforward_width=512,
        decoder_layers=3,
        queries=30,
        points=6,
    ),
    width=128,
    attention_heads=8,
    sampling_points=2,
    queries_all_vertices=False,
    layers_2d=1,
    interactive_layers=2,
    feedforward_width=512,
    hand_slots=4,
)
"""The shipped default: made for two CPU cores and small Jetsons; the detector has D-FINE-N's sizes."""

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
"""The paper's sizes, for a GPU; what it does not publish (heads, points, feed-forward width) is chosen here.

The paper has Grounding DINO 1.5, whose weights are not public; those of version 1 are.
"""

PRESETS = {preset.name: preset for preset in (EDGE, FULL)}


def preset_named(name: str) -> Preset:
    """The preset with this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
