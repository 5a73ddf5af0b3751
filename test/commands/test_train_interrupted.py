"""`handos train` in real processes: stopped, started twice, and resumed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import yaml
from drawn_hands import drawn_hands
from process_groups import Program, ended_programs, wait_until_gone

from handos_model.datasets.annotated_folder import write_shard
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.training.checkpoint import read_progress

ENDLESS = 1_000_000
"""Steps."""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Trains the decoder on small views in two processes, without end, with a checkpoint after each step."""
    write_shard(tmp_path / "rendered", 0, drawn_hands()[1::2])
    weights = str(DEFAULT_WEIGHTS.with_suffix(".safetensors"))
    stage = {"steps": ENDLESS, "batch_size": 2, "image_size": 96, "early_image_size": 96, "learning_rate": 1e-4}
    configuration = {
        "preset": "edge",
        "seed": 0,
        "processes": 2,
        "checkpoint_minutes": 0,
        "rendered": str(tmp_path / "rendered"),
        "detector_weights": weights,
        "decoder_weights": weights,
        "decoder": stage | {"gentle": True, "gradient_norm": 1.0, "photograph_fraction": 0, "log_steps": 1},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(configuration))
    handos = "from handos_model.commands.cli import main; main()"
    return [
        *(sys.executable, "-c", handos, "train"),
        *("--config", str(tmp_path / "train.yaml"), "--state", str(tmp_path / "state")),
    ]


@pytest.fixture
def start(command: list[str]) -> Iterator[Callable[[], Program]]:
    """Starts the command."""
    with ended_programs() as programs:
        yield lambda: programs.start(command)


def wait_for_step(program: Program, checkpoint: Path, step: int) -> None:
    while read_progress(checkpoint).step < step:
        assert program.poll() is None, program.communicate()[1]
        time.sleep(0.05)


def test_a_run_that_is_stopped_keeps_its_newest_checkpoint_and_goes_on(
    command: list[str], start: Callable[[], Program], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "state/decoder.pt"
    program = start()
    wait_for_step(program, checkpoint, 1)
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 1
    assert str(tmp_path / "state") in second.stderr
    program.send_signal(signal.SIGTERM)
    _, shown = program.communicate()
    wait_until_gone(program.pid)
    assert program.returncode == 128 + signal.SIGTERM
    last = shown.splitlines()[-1]
    assert str(checkpoint) in last
    assert "the same command" in last
    step = read_progress(checkpoint).step

    resumed = start()
    wait_for_step(resumed, checkpoint, step + 1)
    resumed.kill()
    _, shown = resumed.communicate()
    wait_until_gone(resumed.pid)
    assert f"decoder, step {step}:" in shown
