"""What a person's skin is like, and the colour of skin with a given amount of pigment and blood."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.asset_making.noise import Noise

_TONES: Final = (-0.1, 0.0, 0.4, 0.7, 1.0, 1.15)
_TONE_ABSORBANCE: Final = (
    (0.70, 0.48, 0.20),
    (0.95, 0.66, 0.29),
    (1.75, 1.22, 0.55),
    (2.50, 1.90, 1.05),
    (3.45, 2.75, 1.75),
    (3.90, 3.20, 2.20),
)
"""Of blue, green and red by skins of these tones, lightest to darkest: the logarithm of what they reflect, negative."""
_BLOOD_ABSORBANCE: Final = (0.36, 0.45, 0.04)
_VEIN_ABSORBANCE: Final = (0.0, 0.09, 0.26)


@dataclass(frozen=True)
class Complexion:
    """A person's skin."""

    tone: float
    """Pigment of the back of the hand, 0 light to 1 dark."""
    warmth: float
    """Of the undertone: positive for yellow, negative for rosy skin."""
    blood: float
    """How rosy the palms, fingertips and knuckles are: 1 is usual."""
    veins: float
    """How visible they are, 0..1."""
    creases: float
    """Depth of the lines: 1 is usual."""
    age: float
    """0 young to 1 old: fine lines and spots."""
    beard: float
    """0 none to 1 dense."""
    hair: float
    """Of the forearms, 0 none to 1 dense."""
    noise: Noise
    seed: int
    lip: float
    """How red the lips are: 1 is usual."""

    @classmethod
    def sample(cls, seed: int, tone: float) -> "Complexion":
        """A random skin of a given tone."""
        rng = np.random.default_rng(seed)
        male, age = rng.random() < 0.5, float(rng.beta(1.1, 1.6))
        return cls(
            tone=tone,
            warmth=float(rng.normal(0, 1)),
            blood=float(rng.uniform(0.5, 1.6)),
            veins=float(rng.uniform(0.1, 1.0) * (1 - 0.6 * tone)),
            creases=float(rng.uniform(0.6, 1.5)),
            age=age,
            beard=float(rng.choice([0.0, rng.uniform(0.1, 1.0)])) if male else 0.0,
            hair=float(rng.uniform(0.1, 0.8)) if male else float(rng.uniform(0, 0.15)),
            noise=Noise(rng),
            seed=seed,
            lip=float(rng.uniform(0.6, 1.6)),
        )


@dataclass
class Skin:
    """What N points of a skin contain; painters add to it."""

    tone: FloatArray
    """(N,) pigment, as in `Complexion.tone`."""
    blood: FloatArray
    """(N,) more than usual; negative for less."""
    shade: FloatArray
    """(N,) more than 0 is darker, for lines and hair."""
    vein: FloatArray
    """(N,) 0..1."""

    @classmethod
    def plain(cls, complexion: Complexion, points: FloatArray) -> "Skin":
        """Skin without features: blotches of pigment and blood, and grain."""
        noise, count = complexion.noise, len(points)
        blotches = noise.octaves(points, 0.02, 3)
        redness = noise.octaves(points + np.float32(0.37), 0.009, 3)
        grain = noise.octaves(points + np.float32(0.71), 0.0016, 2)
        spots = _spots(noise(points + np.float32(0.13), 0.0045))
        spots *= (0.15 + 0.7 * complexion.age) * (1 - 0.6 * complexion.tone)
        return cls(
            tone=np.float32(complexion.tone) + 0.012 * blotches + 0.12 * spots,
            blood=0.055 * complexion.blood * redness + 0.03 * grain,
            shade=0.012 * grain,
            vein=np.zeros(count, np.float32),
        )

    def colours(self, warmth: float) -> FloatArray:
        """(N, 3) BGR, linear, 0..1."""
        table = np.array(_TONE_ABSORBANCE, np.float32)
        absorbance = np.stack([np.interp(self.tone, _TONES, table[:, channel]) for channel in range(3)], axis=1)
        absorbance += self.blood[:, None] * np.array(_BLOOD_ABSORBANCE, np.float32)
        absorbance += self.vein[:, None] * np.array(_VEIN_ABSORBANCE, np.float32)
        absorbance += np.float32(warmth) * np.array([0.08, -0.01, -0.015], np.float32)
        return np.asarray(np.exp(-absorbance - self.shade[:, None]), np.float32)


def _spots(noise: FloatArray) -> FloatArray:
    """(N,) 1 where the noise is rarely high: freckles and age spots."""
    return np.asarray(((noise - 2.1) * 2).clip(0, 1), np.float32)
