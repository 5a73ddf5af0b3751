"""A killed evaluation is resumed; memory does not depend on the number of images."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from command_line import handos
from dataset_folders import random_hands, write_freihand
from evaluated_network import SMALL_CAMERA

from handos_model.evaluation.prediction_log import PredictionLog
from handos_model.evaluation.predictor import Predictor
from handos_model.evaluation.suites import open_freihand
from handos_model.inference.pipeline import HandPipeline


def test_a_killed_evaluation_is_resumed_with_the_same_results(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_freihand(tmp_path / "data", "evaluation", random_hands(60), SMALL_CAMERA)
    command = ("eval", "freihand", "--data", data, "--weights", weights, "--out")
    log = tmp_path / "killed" / "predictions.jsonl"
    arguments = [
        sys.executable,
        "-c",
        "from handos_model.commands.cli import main; main()",
        *map(str, command),
        str(tmp_path / "killed"),
    ]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not log.exists() or log.read_bytes().count(b"\n") < 10:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = log.read_bytes()
    assert before.count(b"\n") < 60
    assert not (tmp_path / "killed" / "pred.json").exists()
    assert handos(*command, tmp_path / "killed", monkeypatch=monkeypatch) == 0
    assert handos(*command, tmp_path / "whole", monkeypatch=monkeypatch) == 0
    assert log.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    for file in ("predictions.jsonl", "pred.json", "scores.json"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def peak_of_evaluation(images: int, weights: Path, folder: Path) -> int:
    """Peak memory of Python and NumPy in bytes."""
    suite = open_freihand(write_freihand(folder / "data", "evaluation", random_hands(images), SMALL_CAMERA))
    predictor = Predictor(HandPipeline.load(weights, score_threshold=0.0))
    tracemalloc.start()
    with PredictionLog(folder / "log.jsonl", {}) as log:
        predictor.predict(suite.dataset, log)
        suite.file_format.write(folder / "pred.json", log, suite.dataset)
        assert suite.score(suite.dataset, log).images == images
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_number_of_images(weights: Path, tmp_path: Path) -> None:
    _, few, many = (peak_of_evaluation(images, weights, tmp_path / str(images)) for images in (2, 4, 16))
    # The vertices of 12 predictions alone are more than 200 kB.
    assert many - few < 60_000
