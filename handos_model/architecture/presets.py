"""Presets: the sizes of a model, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectorPreset:
    """Sizes of the D-FINE detector (Peng et al., 2024) behind its backbone."""

    width: int
    feedforward_width: int
    decoder_layers: int
    queries: int
    points: int
    """Points per level that a query reads in a decoder layer."""


@dataclass(frozen=True)
class Preset:
    """Sizes of the whole model."""

    name: str
    image_size: int
    """Side of the square input in pixels; a multiple of 32."""
    detector: DetectorPreset
    width: int
    """Channels of joint, vertex and camera queries."""
    attention_heads: int
    sampling_points: int
    """Points per head and level that deformable attention reads."""
    layers_2d: int
    interactive_layers: int
    feedforward_width: int
    hand_slots: int
    """Hands per image: a fixed number keeps every shape of the exported graph static."""


EDGE = Preset(
    name="edge",
    image_size=192,
    detector=DetectorPreset(
        width=128,
        feedforward_width=512,
        decoder_layers=3,
        queries=30,
        points=6,
    ),
    width=128,
    attention_heads=8,
    sampling_points=4,
    layers_2d=1,
    interactive_layers=2,
    feedforward_width=512,
    hand_slots=4,
)
"""The shipped default: made for two CPU cores and small Jetsons; the detector has D-FINE-N's sizes."""

PRESETS = {preset.name: preset for preset in (EDGE,)}


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
