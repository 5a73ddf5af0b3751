"""What hands wear colours the skin where it is worn, and nowhere else."""

import numpy as np
import pytest

from handos_model.hand.topology import HandTopology
from handos_model.synthesis import worn
from handos_model.synthesis.worn import Worn

TOPOLOGY = HandTopology.load()
JOINTS = (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices).astype(np.float32)
KNUCKLES = {"index": 5, "middle": 9, "ring": 13, "pinky": 17}


def coloured(monkeypatch: pytest.MonkeyPatch, seed: int, **shares: float) -> np.ndarray:
    """(V,) which vertices are not bare when only the things named are worn."""
    for name in ("RING_SHARE", "WATCH_SHARE", "GLOVE_SHARE"):
        monkeypatch.setattr(worn, name, shares.get(name, 0.0))
    tint = Worn(TOPOLOGY.mean_vertices, JOINTS).tint(np.random.default_rng(seed))
    assert tint.shape == TOPOLOGY.mean_vertices.shape
    assert ((tint >= 0.05) & (tint <= 3)).all()
    return np.asarray((tint != 1).any(axis=1))


def test_most_hands_are_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not coloured(monkeypatch, 0).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_ring_goes_around_one_finger_next_to_its_knuckle(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    under_ring = TOPOLOGY.mean_vertices[coloured(monkeypatch, seed, RING_SHARE=1.0)]
    assert len(under_ring) >= 4
    middles = {name: (JOINTS[knuckle] + JOINTS[knuckle + 1]) / 2 for name, knuckle in KNUCKLES.items()}
    assert min(np.linalg.norm(under_ring - middle, axis=1).max() for middle in middles.values()) < 0.02


def test_a_glove_covers_all_fingertips(monkeypatch: pytest.MonkeyPatch) -> None:
    along_y = JOINTS[9] - JOINTS[0]
    assert along_y.argmax() == 1, "the mean hand points along y, as the hand asset does"
    covered = coloured(monkeypatch, 0, GLOVE_SHARE=1.0)
    tips = JOINTS[[4, 8, 12, 16, 20]]
    nearest = [np.linalg.norm(TOPOLOGY.mean_vertices - tip, axis=1).argmin() for tip in tips]
    assert covered[nearest].all()
