"""Lighting of a scene: a key light, sometimes a fill and a back light, and the sky."""

from dataclasses import dataclass

import numpy as np

from handos_model.geometry.arrays import FloatArray


@dataclass(frozen=True)
class Lighting:
    """Directional lights and a hemisphere light; the first directional light casts shadows."""

    directions: FloatArray
    """(L, 3) unit vectors towards the lights, camera coordinates."""
    colours: FloatArray
    """(L, 3) linear BGR."""
    sky: FloatArray
    """(3,) ambient light from above, linear BGR."""
    ground: FloatArray
    """(3,) ambient light from below, linear BGR."""
    shadow_strength: float
    """Fraction of the first light that its shadow takes away, 0..1."""


def random_lighting(rng: np.random.Generator) -> Lighting:
    """One to three lights, mostly above and in front of the scene, warm to cold, scaled to a good exposure."""
    count = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    directions = rng.normal(0, 1, (count, 3)) * [1.0, 0.7, 0.7] + [0.0, -0.7, -0.5]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    warmth = rng.normal(0, 0.13, (count, 1)) * np.array([1.0, 0.1, -1.0])
    strength = np.array([1.0, 0.45, 0.45])[:count, None] * np.exp(rng.normal(0, 0.3, (count, 1)))
    colours = strength * np.exp(warmth + rng.normal(0, 0.03, (count, 3)))
    sky = rng.uniform(0.25, 0.9) * np.exp(rng.normal(0, 0.12, 3))
    ground = sky * rng.uniform(0.25, 0.9) * np.exp(rng.normal(0, 0.12, 3))
    exposure = rng.uniform(0.7, 1.15) * 1.1 / (colours.sum(axis=0).mean() * 0.65 + sky.mean() * 0.8)
    return Lighting(
        directions=directions.astype(np.float32),
        colours=(colours * exposure).astype(np.float32),
        sky=(sky * exposure).astype(np.float32),
        ground=(ground * exposure).astype(np.float32),
        shadow_strength=float(rng.uniform(0.5, 0.95)),
    )
