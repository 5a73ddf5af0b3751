"""The node keeps its promises under a minute of random messages, parameters and transitions."""

from pathlib import Path

from fuzz_node import fuzz


def test_nodes_keep_their_promises_under_bombardment(tmp_path: Path) -> None:
    assert fuzz(seed=1, seconds=60, folder=tmp_path) >= 1
