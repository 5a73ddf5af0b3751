"""The palm length, against the shipped mesh."""

import numpy as np
import pytest
from hands import TOPOLOGY

from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand_size.palm import palm_length

MEAN_HAND = TOPOLOGY.mean_vertices
JOINTS = TOPOLOGY.joint_regressor @ MEAN_HAND


def test_the_palm_of_the_mean_hand_ends_where_its_middle_finger_begins() -> None:
    """The rim of the webs beside the middle finger: the highest edges from one finger's vertices to the next one's."""
    fingers = [
        TOPOLOGY.skin_weights[:, [JOINT_NAMES.index(f"{name}_{part}") for part in ("mcp", "pip", "dip")]].sum(axis=1)
        for name in ("index", "middle", "ring")
    ]
    finger, strength = np.argmax(fingers, axis=0), np.max(fingers, axis=0)
    triangles = TOPOLOGY.faces_right
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[(strength[edges] > 0.35).all(axis=1)]
    rims = [
        MEAN_HAND[edges[(finger[edges].min(axis=1) == k) & (finger[edges].max(axis=1) == k + 1)], 1].mean(axis=1).max()
        for k in (0, 1)
    ]
    wrist = JOINTS[JOINT_NAMES.index("wrist"), 1]
    assert float(palm_length(JOINTS)) == pytest.approx(float(np.mean(rims)) - float(wrist), abs=0.001)


def test_palm_length_grows_with_the_hand_and_does_not_depend_on_where_it_is() -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    moved = 1.3 * JOINTS @ turn + [0.2, -0.1, 0.6]
    assert palm_length(np.stack([JOINTS, moved])) == pytest.approx(float(palm_length(JOINTS)) * np.array([1, 1.3]))
