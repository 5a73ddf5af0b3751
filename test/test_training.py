"""Training on a few images: what learns, what stays, and that an interruption changes nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch
from accelerate import Accelerator
from drawn_hands import SIZE, STAGE, drawn_hands
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from handos_model.architecture.efficientnet_lite import EfficientNetLite0
from handos_model.architecture.handos import OUTPUT_NAMES
from handos_model.architecture.presets import EDGE
from handos_model.hand.topology import HandTopology
from handos_model.io.annotated_folder import write_shard
from handos_model.io.annotations import AnnotatedImage
from handos_model.training import run
from handos_model.training.checkpoint import load_checkpoint, save_checkpoint
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.decoder_stage import load_model, train_decoder
from handos_model.training.detector_stage import SupervisedDetector, train_detector
from handos_model.training.loop import Supervised, TrainingLoop
from handos_model.training.originals import stack_images
from handos_model.training.sample import Batch
from handos_model.training.views import ViewRange, draw_views

TOPOLOGY = HandTopology.load()


@pytest.fixture(scope="module")
def images() -> list[AnnotatedImage]:
    return drawn_hands()


@pytest.fixture(scope="module")
def detector_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("state") / "detector.pt"
    save_checkpoint(path, {"average": SupervisedDetector(EDGE).state_dict()})
    return path


TrainDecoder = Callable[..., list[dict[str, float]]]


@pytest.fixture(scope="module")
def train(images: list[AnnotatedImage], detector_checkpoint: Path) -> TrainDecoder:
    """Train the decoder into a checkpoint; the logged losses."""

    def train_into(checkpoint: Path, **changes: Any) -> list[dict[str, float]]:
        configuration = TrainingConfiguration(preset="edge", seed=5, views=ViewRange(), decoder=STAGE, **changes)
        accelerator = Accelerator(cpu=True)
        torch.set_num_threads(1)
        train_decoder(configuration, [(images, 1.0)], TOPOLOGY, detector_checkpoint, checkpoint, accelerator)
        lines = checkpoint.with_suffix(".jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "time"} for line in lines]

    return train_into


@dataclass(frozen=True)
class WholeRun:
    """A run that nothing interrupted."""

    checkpoint: Path
    losses: list[dict[str, float]]


@pytest.fixture(scope="module")
def whole_run(train: TrainDecoder, tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    checkpoint = tmp_path_factory.mktemp("whole") / "decoder.pt"
    return WholeRun(checkpoint, train(checkpoint))


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the run fail while it draws the samples of a step."""
    from handos_model.training import mixture

    count = 0

    def failing(*arguments: Any) -> Batch:
        nonlocal count
        count += 1
        if count > step:
            raise KeyboardInterrupt
        return draw_views(*arguments)

    monkeypatch.setattr(mixture, "draw_views", failing)


def test_interrupted_run_goes_on_with_the_losses_of_an_uninterrupted_one(
    train: TrainDecoder,
    whole_run: WholeRun,
    images: list[AnnotatedImage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "decoder.pt"
    with monkeypatch.context() as patch:
        interrupt_at(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train(path, checkpoint_minutes=0.0)
    assert load_checkpoint(path)["step"] == 2
    assert train(path, checkpoint_minutes=0.0) == whole_run.losses
    first, second = (load_checkpoint(run)["average"] for run in (whole_run.checkpoint, path))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_images_kept_on_the_device_give_the_same_losses(
    train: TrainDecoder, whole_run: WholeRun, tmp_path: Path
) -> None:
    assert train(tmp_path / "decoder.pt", loaders=2) == whole_run.losses


def test_training_the_decoder_leaves_every_bit_of_the_detector_and_moves_the_rest(
    whole_run: WholeRun, detector_checkpoint: Path
) -> None:
    before = load_checkpoint(detector_checkpoint)["average"]
    state = load_checkpoint(whole_run.checkpoint)
    for kind in ("module", "average"):
        after = state[kind]
        detector = {k.removeprefix("model."): v for k, v in after.items() if k.startswith("model.detector.")}
        assert detector
        assert all(torch.equal(value, before[name]) for name, value in detector.items())
    average = state["average"]
    moved = {name.split(".")[1] for name, value in state["module"].items() if not torch.equal(value, average[name])}
    assert moved == {"decoder", "side_network", "parts"}


@torch.no_grad()
def test_decoder_begins_with_the_weights_of_an_earlier_one_and_the_side_network_of_its_own_detector(
    train: TrainDecoder,
    whole_run: WholeRun,
    detector_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[dict[str, torch.Tensor]] = []

    def look(loop: TrainingLoop, *_: object) -> None:
        begun.append(loop._module.state_dict())
        (tmp_path / "decoder.jsonl").touch()

    monkeypatch.setattr(TrainingLoop, "run", look)
    train(tmp_path / "decoder.pt", decoder_weights=str(whole_run.checkpoint))
    earlier, detector = (load_checkpoint(path)["average"] for path in (whole_run.checkpoint, detector_checkpoint))
    for name, value in begun[0].items():
        if name.startswith("model.decoder."):
            assert torch.equal(value, earlier[name]), name
        if name.startswith("model.side_network."):
            assert torch.equal(value, detector[name.removeprefix("model.")]), name


def train_a_detector(images: list[AnnotatedImage], checkpoint: Path, **changes: Any) -> dict[str, Any]:
    """Two steps of the first stage; the checkpoint it leaves."""
    stage = replace(STAGE, steps=2)
    configuration = TrainingConfiguration(preset="edge", seed=5, detector=stage, decoder=stage, **changes)
    train_detector(configuration, [(images, 1.0)], TOPOLOGY.vertex_count, checkpoint, Accelerator(cpu=True))
    return load_checkpoint(checkpoint)


def test_detector_begins_with_the_weights_of_an_earlier_one_and_keeps_its_fine_stages(
    images: list[AnnotatedImage], detector_checkpoint: Path, tmp_path: Path
) -> None:
    earlier = load_checkpoint(detector_checkpoint)["average"]
    trained = train_a_detector(images, tmp_path / "detector.pt", detector_weights=str(detector_checkpoint))["module"]
    backbone = "detector.model.model.backbone.model.network."
    for name, value in trained.items():
        if name.startswith((f"{backbone}stem", f"{backbone}stages.0", f"{backbone}stages.1")):
            assert torch.equal(value, earlier[name]), name
        elif value.ndim > 1:
            # Two steps of the learning rate at most; random weights would be far off.
            assert torch.allclose(value, earlier[name], atol=5e-3), name


def test_detector_with_its_backbone_in_bf16_learns_nearly_the_same(
    images: list[AnnotatedImage], detector_checkpoint: Path, tmp_path: Path
) -> None:
    losses = []
    for name, bf16 in (("single", False), ("half", True)):
        train_a_detector(images, tmp_path / f"{name}.pt", detector_weights=str(detector_checkpoint), bf16=bf16)
        losses.append(json.loads((tmp_path / f"{name}.jsonl").read_text().splitlines()[0]))
    single, half = losses
    assert half["heatmaps"] != single["heatmaps"]
    assert half["heatmaps"] == pytest.approx(single["heatmaps"], rel=0.02)


def test_weights_of_no_detector_are_refused(images: list[AnnotatedImage], whole_run: WholeRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no weights of a detector of preset 'edge'"):
        train_a_detector(images, tmp_path / "detector.pt", detector_weights=str(whole_run.checkpoint))


def test_trained_weights_become_a_model(whole_run: WholeRun) -> None:
    model = load_model(EDGE, TOPOLOGY, whole_run.checkpoint)
    answers = model(torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8))
    assert [len(answer) for answer in answers] == [EDGE.hand_slots] * len(OUTPUT_NAMES)


@pytest.mark.parametrize("count", [1, 12])
def test_of_a_large_batch_the_detector_draws_the_first_eight(images: list[AnnotatedImage], count: int) -> None:
    originals = stack_images([images[k % len(images)] for k in range(count)], TOPOLOGY.vertex_count)
    batch = draw_views(originals, SIZE, ViewRange(), torch.Generator().manual_seed(0))
    module = SupervisedDetector(EDGE).train()
    assert module.picture_of(batch).shape == (min(count, 8) * SIZE, 2 * SIZE, 3)
    assert module.training
    assert module.detector.training


def test_pictures_and_tensorboard_tell_how_it_goes(whole_run: WholeRun) -> None:
    folder = whole_run.checkpoint.parent
    (picture,) = (folder / "decoder_pictures").iterdir()
    assert picture.name == "000003.png"
    assert cv2.imread(str(picture)).shape == (STAGE.batch_size * SIZE, 2 * SIZE, 3)
    board = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("decoder/vertices")] == [1, 2, 3, 4]


def test_gradient_checkpointing_changes_no_loss(train: TrainDecoder, whole_run: WholeRun, tmp_path: Path) -> None:
    again = train(tmp_path / "decoder.pt", gradient_checkpointing=True)
    assert [line["vertices"] for line in again] == pytest.approx(
        [line["vertices"] for line in whole_run.losses], rel=1e-3
    )


def test_bf16_is_near_single_precision(train: TrainDecoder, whole_run: WholeRun, tmp_path: Path) -> None:
    half = train(tmp_path / "decoder.pt", bf16=True)
    assert half != whole_run.losses
    assert half[0]["vertices"] == pytest.approx(whole_run.losses[0]["vertices"], rel=0.05)


def test_two_processes_see_different_samples_and_keep_the_same_weights(
    images: list[AnnotatedImage], tmp_path: Path
) -> None:
    write_shard(tmp_path / "rendered", 0, images[1::2])
    stage = replace(STAGE, photographs=0.0, steps=2, picture_steps=10)
    weights = tmp_path / "backbone.pt"
    torch.manual_seed(0)
    torch.save(EfficientNetLite0().state_dict(), weights)
    configuration = TrainingConfiguration(
        preset="edge",
        seed=5,
        rendered=str(tmp_path / "rendered"),
        backbone_weights=str(weights),
        views=ViewRange(),
        detector=stage,
        decoder=stage,
        processes=2,
    )
    run.train(configuration, "detector", tmp_path / "two")
    run.train(replace(configuration, processes=1), "detector", tmp_path / "one")
    two, one = (json.loads((tmp_path / f / "detector.jsonl").read_text().splitlines()[0]) for f in ("two", "one"))
    # The first process logs its own samples, which are those of a lone process; the mean gradient is another one.
    assert two["box"] == one["box"]
    assert two["norm"] != one["norm"]


def test_checkpoint_of_another_kind_is_refused(detector_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no weights of a decoder of preset 'edge'"):
        load_model(EDGE, TOPOLOGY, detector_checkpoint)
    with pytest.raises(FileNotFoundError, match=r"decoder\.pt that `handos train` wrote"):
        load_model(EDGE, TOPOLOGY, tmp_path / "gone.pt")


def test_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "decoder.pt").write_bytes(b"half a file")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        load_model(EDGE, TOPOLOGY, tmp_path / "decoder.pt")


def test_average_covers_every_name_of_a_shared_weight(tmp_path: Path) -> None:
    class Shared(Supervised):
        def __init__(self) -> None:
            super().__init__()
            self.first = self.second = torch.nn.Linear(1, 1, bias=False)

        def losses(self, _batch: Batch) -> dict[str, torch.Tensor]:
            return {"loss": self.first.weight.square().sum()}

    loop = TrainingLoop(Shared(), replace(STAGE, picture_steps=10), tmp_path / "shared.pt", 0, Accelerator(cpu=True))
    empty = Batch(**{field.name: torch.zeros(0) for field in fields(Batch)})
    loop.run(lambda _size, _rng: empty, checkpoint_minutes=5)
    average = load_checkpoint(tmp_path / "shared.pt")["average"]
    assert torch.equal(average["first.weight"], average["second.weight"])
