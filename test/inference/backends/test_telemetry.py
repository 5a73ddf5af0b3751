"""Nobody is told that the network runs."""

import os
import subprocess
import sys
from pathlib import Path


def test_loading_a_network_leaves_no_traces_in_the_home(weights: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    program = f"from handos_model import HandPipeline; HandPipeline.load({str(weights)!r})"
    subprocess.run([sys.executable, "-c", program], env=environment | {"HOME": str(home)}, check=True)
    assert list(home.rglob("*")) == []
