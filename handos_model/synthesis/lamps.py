"""Random lighting: a main lamp, sometimes a fill and a back light, and a sky."""

import numpy as np

from handos_model.synthesis.shading import Lighting


def random_lighting(rng: np.random.Generator) -> Lighting:
    """Lamps mostly above and in front of the scene, white to warm or cold, in sum as bright as a good exposure."""
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
        shadow=float(rng.uniform(0.5, 0.95)),
    )
