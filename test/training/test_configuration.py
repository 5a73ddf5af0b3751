"""Training configurations: the shipped ones are valid, and errors name the mistake."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from drawn_hands import STAGE, drawn_hands

from handos_model.architecture.handos import build_detector
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import preset_named
from handos_model.datasets.annotated_folder import write_shard
from handos_model.training.configuration import TrainingConfiguration, read_configuration
from handos_model.training.run import open_sources

RNG = np.random.default_rng(0)
CONFIGURATIONS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
TRAINING = [path for path in CONFIGURATIONS if "preset:" in path.read_text()]
EDGE = next(path for path in TRAINING if "edge" in path.name)


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    configuration = read_configuration(path)
    stage = configuration.decoder
    # The model runs at the last training size or at a larger one: see `StageConfiguration.image_size`.
    assert preset_named(configuration.preset).image_size >= stage.image_size
    assert stage.view_size_at(0, RNG) == InputSize(stage.early_image_size, stage.early_image_size)
    assert stage.view_size_at(0.999, RNG) in stage.all_view_sizes()


def test_edge_has_a_detector_stage_and_the_paper_has_none() -> None:
    stages = {path.stem: read_configuration(path).detector for path in TRAINING}
    assert stages["paper"] is None
    assert stages["train_edge_cpu"] is not None


def test_image_sizes_of_the_edge_run_fit_its_detector() -> None:
    configuration = read_configuration(EDGE)
    for stage in (configuration.detector, configuration.decoder):
        assert stage is not None
        build_detector(preset_named(configuration.preset)).require_sizes(*stage.all_view_sizes())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 0", "sede: 0", "'sede'"),
        ("seed: 0", "", "'seed'"),
        ("  rotation: 35", "  turn: 35", "views: .*'turn'"),
        ("preset: edge", "preset: [edge", "own.yaml"),
    ],
)
def test_errors_name_the_mistake(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(EDGE.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_configuration(path)


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.yaml"):
        read_configuration(tmp_path / "gone.yaml")


def test_a_run_without_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    lines = [line for line in EDGE.read_text().splitlines() if not line.startswith(("rendered", "photographs"))]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"decoder .*rendered, photographs, boxes, own_images or datasets"):
        open_sources(read_configuration(path), "decoder", "any")


def test_own_images_are_a_source_beside_the_first_rendered_frames(tmp_path: Path) -> None:
    for folder in ("own", "rendered"):
        write_shard(tmp_path / folder, 0, drawn_hands())
    stage = replace(STAGE, photograph_fraction=0.0, own_fraction=0.25)
    own, rendered = str(tmp_path / "own"), str(tmp_path / "rendered")
    configuration = TrainingConfiguration("edge", 0, stage, rendered=rendered, rendered_frames=3, own_images=own)
    sources = open_sources(configuration, "decoder", "any")
    assert [(len(images), weight) for images, weight in sources] == [(3, 0.75), (4, 0.25)]
    alone = replace(configuration, decoder=replace(stage, own_fraction=1.0))
    assert [len(images) for images, _ in open_sources(alone, "decoder", "any")] == [4]
