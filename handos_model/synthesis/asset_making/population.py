"""Random people: MakeHuman's shape targets, weighted by age, sex, origin, muscle, weight, height and hands."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.asset_making.makehuman import MakeHuman

_LEVELS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "sex": (("female", 0.0), ("male", 1.0)),
    "age": (("child", 0.1875), ("young", 0.5), ("old", 1.0)),
    "muscle": (("minmuscle", 0.0), ("averagemuscle", 0.5), ("maxmuscle", 1.0)),
    "weight": (("minweight", 0.0), ("averageweight", 0.5), ("maxweight", 1.0)),
    "height": (("minheight", 0.0), ("", 0.5), ("maxheight", 1.0)),
}
"""The levels of each trait that have targets, and their values; between two levels their targets are mixed."""
_ORIGINS: Final = ("african", "asian", "caucasian")
_HANDS: Final = ("fingers-length", "fingers-diameter", "scale")
_CHILDREN: Final = 0.2
"""Share of people who are not grown up."""

Weights = dict[str, float]
"""Of targets, by name."""


@dataclass(frozen=True)
class Traits:
    """What a random person is like: values as in `_LEVELS`."""

    values: dict[str, float]
    origins: FloatArray
    """(3,) shares, which sum to 1."""
    hands: FloatArray
    """(3,) from -1 to 1, as in `_HANDS`."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Traits":
        """Of any age from childhood on."""
        age = rng.uniform(0.1875, 0.5) if rng.random() < _CHILDREN else rng.uniform(0.45, 1.0)
        middle = rng.normal(0.5, (0.2, 0.2, 0.13)).clip(0, 1)
        values = {"sex": rng.beta(0.4, 0.4), "age": age}
        values |= dict(zip(("muscle", "weight", "height"), middle.tolist(), strict=True))
        origins = rng.dirichlet((0.5, 0.5, 0.5)).astype(np.float32)
        return cls(values, origins, rng.normal(0, 0.4, 3).clip(-1, 1).astype(np.float32))

    def target_weights(self) -> Weights:
        """The weight of every target that shapes this person."""
        levels = {trait: _mixed_levels(trait, value) for trait, value in self.values.items()}
        weights: Weights = {}
        for (sex, sex_part), (age, age_part) in product(levels["sex"], levels["age"]):
            for origin, share in zip(_ORIGINS, self.origins.tolist(), strict=True):
                weights[f"macrodetails/{origin}-{sex}-{age}"] = share * sex_part * age_part
            for (muscle, muscle_part), (weight, weight_part) in product(levels["muscle"], levels["weight"]):
                part = sex_part * age_part * muscle_part * weight_part
                build = f"{sex}-{age}-{muscle}-{weight}"
                weights[f"macrodetails/universal-{build}"] = part
                for height, height_part in levels["height"]:
                    if height:
                        weights[f"macrodetails/height/{build}-{height}"] = part * height_part
        for name, value in zip(_HANDS, self.hands.tolist(), strict=True):
            for side in "lr":
                weights[f"hands/{side}-hand-{name}-{'incr' if value > 0 else 'decr'}"] = abs(value)
        return weights


def _mixed_levels(trait: str, value: float) -> list[tuple[str, float]]:
    """The levels on both sides of a value, and the share of each."""
    levels = _LEVELS[trait]
    values = [level for _, level in levels]
    above = int(np.searchsorted(values, value, side="right").clip(1, len(levels) - 1))
    share = (value - values[above - 1]) / (values[above] - values[above - 1])
    return [(levels[above - 1][0], 1 - share), (levels[above][0], share)]


def random_people(makehuman: MakeHuman, base: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """(count, V, 3) vertices of random people in the pose of the base mesh (V, 3), metres."""
    people = [Traits.sample(rng).target_weights() for _ in range(count)]
    names = sorted({name for weights in people for name, weight in weights.items() if weight > 0})
    progress = tqdm(names, desc="shapes", unit="target")
    targets = np.stack([makehuman.target(name, len(base)).reshape(-1) for name in progress])
    weights = np.array([[person.get(name, 0.0) for name in names] for person in people], np.float32)
    return base + (weights @ targets).reshape(count, -1, 3)
