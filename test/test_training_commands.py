"""`handos info`, `synth`, `train` and `export`, run as a user runs them, and what they say to mistakes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="the model needs the train extra")
import torch

from handos_model import HandPipeline, cli
from handos_model.architecture.building import build_detector
from handos_model.architecture.presets import EDGE
from handos_model.benchmarks.export_parity import require_parity
from handos_model.hand.topology import HandTopology
from handos_model.io.overlay_files import write_image
from handos_model.training.checkpoint import save_checkpoint
from handos_model.training.decoder_stage import SupervisedDecoder, load_model

SIZE = 96
TOPOLOGY = HandTopology.load()


def handos(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number, width in enumerate((96, 96, 200)):
        write_image(folder / f"{number}.png", rng.integers(0, 256, (72, width, 3), np.uint8))
    return folder


def random_weights(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    module = SupervisedDecoder(EDGE, TOPOLOGY, build_detector(EDGE), decoded_queries=2)
    save_checkpoint(path, {"average": module.state_dict()})
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random ones, as `handos train` would have left them."""
    return random_weights(tmp_path_factory.mktemp("state") / "decoder.pt", seed=0)


@pytest.fixture(scope="module")
def exported(weights: Path, pictures: Path) -> tuple[Path, Result]:
    """The network that `handos export` wrote, and what it said."""
    path = weights.with_name("network.onnx")
    options = ("--preset", "edge", "--weights", weights, "--out", path, "--image-size", SIZE, "--score-threshold", 0)
    return path, handos("export", *options, "--check", pictures)


def test_export_writes_a_network_that_answers_like_the_weights(exported: tuple[Path, Result]) -> None:
    path, result = exported
    assert result.exit_code == 0, result.output
    # Random weights fill all slots of all pictures.
    assert "12 hand slots differ by at most 0.0" in result.output
    onnx.checker.check_model(str(path), full_check=True)
    assert [path.name for path in path.parent.iterdir() if path.suffix != ".pt"] == ["network.onnx"]


def test_the_pipeline_runs_what_was_exported(exported: tuple[Path, Result]) -> None:
    pipeline = HandPipeline.load(exported[0], score_threshold=0.0)
    hands = pipeline(np.full((72, 96, 3), 90, np.uint8))
    assert len(hands) == EDGE.hand_slots
    assert all(hand.joints_2d.shape == (21, 2) for hand in hands)


def test_a_file_of_other_weights_is_refused(exported: tuple[Path, Result], tmp_path: Path) -> None:
    other = load_model(EDGE, TOPOLOGY, random_weights(tmp_path / "decoder.pt", seed=1))
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    with pytest.raises(ArithmeticError, match="does not answer like its weights"):
        require_parity(other, exported[0], [picture], half=False)


def test_without_a_hand_nothing_is_said_to_be_the_same(weights: Path, exported: tuple[Path, Result]) -> None:
    with pytest.raises(ValueError, match=r"no image has a hand with a score of 0\.0 or more: name pictures of hands"):
        require_parity(load_model(EDGE, TOPOLOGY, weights), exported[0], [], half=False)


def test_weights_of_another_preset_are_refused(weights: Path) -> None:
    wider = replace(EDGE, width=64)
    with pytest.raises(ValueError, match="holds no weights of a decoder of preset 'edge'"):
        load_model(wider, TOPOLOGY, weights)


def test_info_counts_what_the_model_is_made_of() -> None:
    result = handos("info", "--preset", "edge")
    assert result.exit_code == 0
    described = json.loads(result.output)
    parameters = described["parameters"]
    assert parameters["frozen"] == parameters["detector"]
    assert parameters["trained"] == parameters["side_network"] + parameters["decoder"]
    assert described["queries"] == {
        "detector": 30,
        "hands": 4,
        "per_hand": {"joints": 21, "vertices": 98, "camera": 1},
    }
    assert described["gflops"]["total"] == pytest.approx(
        sum(value for part, value in described["gflops"].items() if part != "total"), abs=0.002
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("info", "--preset", "huge"), "no preset 'huge': choose one of edge, full"),
        (("export", "--preset", "edge", "--weights", "gone.pt", "--out", "n.onnx"), "gone.pt not found"),
        (("train", "--config", "gone.yaml", "--state", "state"), "gone.yaml does not exist"),
        (("train", "--config", "alone.yaml", "--state", "state"), "gone"),
        (("synth", "--assets", "gone", "--out", "frames", "--count", "1"), "gone"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[str, ...], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alone.yaml").write_text(
        "preset: edge\nseed: 0\nrendered: gone\ndecoder: {steps: 1, batch_size: 1, image_size: 96, "
        "early_image_size: 96, learning_rate: 0.001, gradient_norm: 1.0, photographs: 0.0}\n"
    )
    result = handos(*arguments)
    assert result.exit_code == 1
    assert complaint in str(result.exception)
    assert not Path("n.onnx").exists()
    assert not Path("frames").exists()
