"""`handos info`, `synth`, `train` and `export` as a user runs them, and their error messages."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="the model needs the train extra")
import torch

from handos_model import HandPipeline
from handos_model.architecture.handos import build_detector
from handos_model.architecture.presets import EDGE
from handos_model.architecture.trained_weights import read_trained_model
from handos_model.commands import cli
from handos_model.evaluation.export_parity import require_parity
from handos_model.files.images import write_image
from handos_model.hand.topology import HandTopology
from handos_model.training import run as training
from handos_model.training.checkpoint import save_checkpoint
from handos_model.training.configuration import read_configuration
from handos_model.training.decoder_stage import SupervisedDecoder, load_model

SIZE = 96
TOPOLOGY = HandTopology.load()


def handos(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


def write_configuration(path: Path) -> None:
    """A training configuration whose data do not exist."""
    path.write_text(
        "preset: edge\nseed: 0\nrendered: gone\ndecoder: {steps: 1, batch_size: 1, image_size: 96, "
        "early_image_size: 96, learning_rate: 0.001, gradient_norm: 1.0, photograph_fraction: 0.0}\n"
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
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
    """A checkpoint of random weights, as `handos train` writes it."""
    return random_weights(tmp_path_factory.mktemp("state") / "decoder.pt", seed=0)


@pytest.fixture(scope="module")
def kept(weights: Path) -> Path:
    """The same weights as the safetensors file that `handos export` wrote."""
    path = weights.with_name("kept.safetensors")
    options = ("--preset", "edge", "--weights", weights, "--image-size", SIZE, "--score-threshold", 0)
    result = handos("export", *options, "--out", path)
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def exported(kept: Path, images: Path) -> tuple[Path, Result]:
    """The network that `handos export` wrote of them, and the command's result."""
    path = kept.with_name("network.onnx")
    path.with_suffix(".int8.onnx").write_text("of an earlier network")
    return path, handos("export", "--weights", kept, "--out", path, "--check", images)


def test_kept_weights_are_those_of_the_checkpoint(weights: Path, kept: Path) -> None:
    expected = load_model(EDGE, TOPOLOGY, weights).state_dict()
    model, properties = read_trained_model(kept, TOPOLOGY)
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert (properties.preset, properties.input_sizes.side, properties.score_threshold) == ("edge", SIZE, 0)


def test_export_writes_a_network_with_the_outputs_of_its_weights(exported: tuple[Path, Result]) -> None:
    path, result = exported
    assert result.exit_code == 0, result.output
    assert re.search(r"[1-9]\d* hand slots differ by at most 0\.0", result.output)
    onnx.checker.check_model(str(path), full_check=True)
    assert {path.name for path in path.parent.iterdir()} == {"decoder.pt", "kept.safetensors", "network.onnx"}


def test_the_pipeline_runs_the_exported_network(exported: tuple[Path, Result]) -> None:
    pipeline = HandPipeline.load(exported[0], score_threshold=0.0)
    hands = pipeline(np.full((72, 96, 3), 90, np.uint8))
    assert len(hands) == 1
    assert all(hand.joints_2d.shape == (21, 2) for hand in hands)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--out", "network.pt"), r"network\.pt"),
        (("--out", "kept.safetensors", "--half"), "--half"),
        (("--out", "network.onnx"), "--preset"),
    ],
)
def test_export_options_that_contradict_each_other_are_named(
    options: tuple[str, ...], named: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = handos("export", "--weights", weights, *options)
    assert isinstance(result.exception, ValueError)
    assert re.search(named, str(result.exception))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--check", "--int8"])
def test_nothing_is_written_if_images_to_export_with_do_not_exist(option: str, kept: Path, tmp_path: Path) -> None:
    result = handos("export", "--weights", kept, "--out", tmp_path / "out/hand.onnx", option, tmp_path / "gone")
    assert isinstance(result.exception, FileNotFoundError)
    assert str(tmp_path / "gone") in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_the_check_fails_for_other_weights(exported: tuple[Path, Result], tmp_path: Path) -> None:
    other = load_model(EDGE, TOPOLOGY, random_weights(tmp_path / "decoder.pt", seed=1))
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    with pytest.raises(ArithmeticError, match=r"network\.onnx"):
        require_parity(other, exported[0], [image], "single")


def test_the_check_refuses_images_without_hands(weights: Path, exported: tuple[Path, Result]) -> None:
    with pytest.raises(ValueError, match=r"score of 0\.0"):
        require_parity(load_model(EDGE, TOPOLOGY, weights), exported[0], [], "single")


def test_weights_of_another_preset_are_refused(weights: Path) -> None:
    wider = replace(EDGE, width=64)
    with pytest.raises(ValueError, match=r"decoder\.pt .*a decoder of preset 'edge'"):
        load_model(wider, TOPOLOGY, weights)


def test_a_mistake_that_a_training_process_finds_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_configuration(tmp_path / "alone.yaml")
    # Passed in this process, which does not look: only the training process finds that there is nothing.
    monkeypatch.setattr(training, "_open_data", lambda *_: None)
    with pytest.raises(ValueError, match="gone") as caught:
        training.train(read_configuration(tmp_path / "alone.yaml"), "decoder", tmp_path / "state")
    assert "Traceback" not in str(caught.value)


def test_info_counts_parameters_queries_and_gflops() -> None:
    result = handos("info", "--preset", "edge")
    assert result.exit_code == 0
    described = json.loads(result.output)
    parameters = described["parameters"]
    assert parameters["frozen"] == parameters["detector"]
    assert parameters["trained"] == parameters["side_network"] + parameters["decoder"]
    assert described["queries"] == {
        "detector": 30,
        "hands": 12,
        "per_hand": {"joints": 21, "vertices": 98, "camera": 1},
    }
    assert described["gflops"]["total"] == pytest.approx(
        sum(value for part, value in described["gflops"].items() if part != "total"), abs=0.002
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "--preset", "huge"), "'huge'"),
        (("export", "--preset", "edge", "--weights", "gone.pt", "--out", "n.onnx"), "gone.pt"),
        (("train", "--config", "gone.yaml", "--state", "state"), "gone.yaml"),
        (("train", "--config", "alone.yaml", "--state", "state"), "gone"),
        (("synth", "--assets", "gone", "--out", "frames", "--count", "1"), "gone"),
        (("synth", "--assets", ".", "--out", "frames", "--count", "1", "--backgrounds", "nowhere"), "nowhere"),
    ],
)
def test_errors_name_the_mistake(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_configuration(Path("alone.yaml"))
    result = handos(*arguments)
    assert result.exit_code == 1
    assert message in str(result.exception)
    assert not Path("n.onnx").exists()
    assert not Path("frames").exists()
    assert not Path("state").exists()


def test_synth_says_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handos_model.synthesis.dataset.render_dataset", lambda *_, **__: None)
    result = handos("synth", "--assets", "assets", "--out", tmp_path / "frames", "--count", 1)
    assert result.output.strip() == f"-> {tmp_path / 'frames'}"
