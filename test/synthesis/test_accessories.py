"""Rings, watches and gloves colour the skin under them, and nothing else."""

import numpy as np
import pytest

from handos_model.hand.topology import HandTopology
from handos_model.synthesis import accessories
from handos_model.synthesis.accessories import Accessories

TOPOLOGY = HandTopology.load()
JOINTS = (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices).astype(np.float32)
MCP_JOINTS = {"index": 5, "middle": 9, "ring": 13, "pinky": 17}


def coloured_vertices(monkeypatch: pytest.MonkeyPatch, seed: int, **probabilities: float) -> np.ndarray:
    """(V,) mask of the coloured vertices, with the given probabilities and 0 for all other accessories."""
    for name in ("RING_PROBABILITY", "WATCH_PROBABILITY", "GLOVE_PROBABILITY"):
        monkeypatch.setattr(accessories, name, probabilities.get(name, 0.0))
    tint = Accessories(TOPOLOGY.mean_vertices, JOINTS).sample_tint(np.random.default_rng(seed))
    assert tint.shape == TOPOLOGY.mean_vertices.shape
    assert ((tint >= 0.05) & (tint <= 3)).all()
    return np.asarray((tint != 1).any(axis=1))


def test_skin_without_accessories_keeps_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not coloured_vertices(monkeypatch, 0).any()


@pytest.mark.parametrize("seed", range(5))
def test_ring_goes_around_the_proximal_bone_of_one_finger(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    under_ring = TOPOLOGY.mean_vertices[coloured_vertices(monkeypatch, seed, RING_PROBABILITY=1.0)]
    assert len(under_ring) >= 4
    bone_centres = {name: (JOINTS[mcp] + JOINTS[mcp + 1]) / 2 for name, mcp in MCP_JOINTS.items()}
    assert min(np.linalg.norm(under_ring - centre, axis=1).max() for centre in bone_centres.values()) < 0.02


def test_glove_covers_all_fingertips(monkeypatch: pytest.MonkeyPatch) -> None:
    along_y = JOINTS[9] - JOINTS[0]
    assert along_y.argmax() == 1, "the mean hand points along y, as the hand asset does"
    covered = coloured_vertices(monkeypatch, 0, GLOVE_PROBABILITY=1.0)
    tips = JOINTS[[4, 8, 12, 16, 20]]
    nearest = [np.linalg.norm(TOPOLOGY.mean_vertices - tip, axis=1).argmin() for tip in tips]
    assert covered[nearest].all()
