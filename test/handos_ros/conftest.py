"""What the tests of the node share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launched_processes import CHOSEN_BY_USERS, HAS_REAL_LAUNCH, Launcher
from node_process import Client
from stand_in_launch_ros import stand_in_modules


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A camera and a subscriber in this process."""
    client = Client()
    yield client
    client.close()


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launcher:
    """Runs the launch file, on the real launch where it is installed; nothing keeps Fast DDS's profile away."""
    if not HAS_REAL_LAUNCH:
        for name, module in stand_in_modules().items():
            monkeypatch.setitem(sys.modules, name, module)
    for variable in CHOSEN_BY_USERS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("handos_ros.topics.large_images.NEEDED_MEMORY", 0)
    monkeypatch.chdir(tmp_path)
    return Launcher(tmp_path, monkeypatch)
