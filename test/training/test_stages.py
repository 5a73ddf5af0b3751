"""Training on a few images: which weights change, and that a resumed run equals an uninterrupted one."""

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

from handos_model.architecture.contract import OUTPUT_NAMES
from handos_model.architecture.efficientnet_lite import EfficientNetLite
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import EDGE
from handos_model.architecture.trained_weights import read_trained_weights
from handos_model.datasets.annotated_folder import write_shard
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.training import loop as loop_module
from handos_model.training import run
from handos_model.training.batch import Batch
from handos_model.training.checkpoint import load_checkpoint, save_checkpoint
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.decoder_stage import load_model, train_decoder
from handos_model.training.detector_stage import SupervisedDetector, train_detector
from handos_model.training.image_batch import stack_images
from handos_model.training.loop import SupervisedModule, TrainingLoop
from handos_model.training.views import ViewRange, sample_views

TOPOLOGY = HandTopology.load()
SHIPPED = DEFAULT_WEIGHTS.with_suffix(".safetensors")


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
    """Trains the decoder into a checkpoint and returns the logged losses."""

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
    """An uninterrupted run."""

    checkpoint: Path
    losses: list[dict[str, float]]


@pytest.fixture(scope="module")
def whole_run(train: TrainDecoder, tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    checkpoint = tmp_path_factory.mktemp("whole") / "decoder.pt"
    return WholeRun(checkpoint, train(checkpoint))


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt the run while it draws the batch of a step."""
    from handos_model.training import mixture

    count = 0

    def failing(*arguments: Any) -> Batch:
        nonlocal count
        count += 1
        if count > step:
            raise KeyboardInterrupt
        return sample_views(*arguments)

    monkeypatch.setattr(mixture, "sample_views", failing)


def test_a_resumed_run_has_the_losses_and_weights_of_an_uninterrupted_one(
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


def test_images_cached_on_the_device_give_the_same_losses(
    train: TrainDecoder, whole_run: WholeRun, tmp_path: Path
) -> None:
    assert train(tmp_path / "decoder.pt", loader_processes=2) == whole_run.losses


def test_training_the_decoder_changes_everything_but_the_detector(
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
    changed = {name.split(".")[1] for name, value in state["module"].items() if not torch.equal(value, average[name])}
    assert changed == {"decoder", "side_network", "parts"}


@torch.no_grad()
def test_decoder_starts_from_an_earlier_decoder_and_the_side_network_of_its_own_detector(
    train: TrainDecoder,
    whole_run: WholeRun,
    detector_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    initial: list[dict[str, torch.Tensor]] = []

    def record_state(loop: TrainingLoop, *_: object) -> None:
        initial.append(loop._module.state_dict())
        (tmp_path / "decoder.jsonl").touch()

    monkeypatch.setattr(TrainingLoop, "run", record_state)
    train(tmp_path / "decoder.pt", decoder_weights=str(whole_run.checkpoint))
    earlier, detector = (load_checkpoint(path)["average"] for path in (whole_run.checkpoint, detector_checkpoint))
    for name, value in initial[0].items():
        if name.startswith("model.decoder."):
            assert torch.equal(value, earlier[name]), name
        if name.startswith("model.side_network."):
            assert torch.equal(value, detector[name.removeprefix("model.")]), name


@torch.no_grad()
def test_a_decoder_alone_is_trained_on_top_of_shipped_weights(
    images: list[AnnotatedImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initial: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(TrainingLoop, "run", lambda loop, *_: initial.append(loop._module.state_dict()))
    configuration = TrainingConfiguration(
        preset="edge", seed=5, decoder=STAGE, detector_weights=str(SHIPPED), decoder_weights=str(SHIPPED)
    )
    accelerator = Accelerator(cpu=True)
    train_decoder(configuration, [(images, 1.0)], TOPOLOGY, tmp_path / "none.pt", tmp_path / "decoder.pt", accelerator)
    shipped = read_trained_weights(SHIPPED)
    assert all(torch.equal(initial[0][f"model.{name}"], value) for name, value in shipped.items())


def test_a_detector_starts_from_shipped_weights(images: list[AnnotatedImage], tmp_path: Path) -> None:
    trained = train_a_detector(images, tmp_path / "detector.pt", detector_weights=str(SHIPPED))["module"]
    for name, value in read_trained_weights(SHIPPED).items():
        if value.ndim > 1 and not name.startswith("decoder."):
            # At most two steps of the learning rate; random weights would differ more.
            assert torch.allclose(trained[name], value, atol=5e-3), name


def train_a_detector(images: list[AnnotatedImage], checkpoint: Path, **changes: Any) -> dict[str, Any]:
    """Run two steps of the first stage and return its checkpoint."""
    stage = replace(STAGE, steps=2)
    configuration = TrainingConfiguration(preset="edge", seed=5, detector=stage, decoder=stage, **changes)
    train_detector(configuration, [(images, 1.0)], TOPOLOGY.vertex_count, checkpoint, Accelerator(cpu=True))
    return load_checkpoint(checkpoint)


def test_detector_starts_from_an_earlier_detector_and_its_fine_stages_stay_frozen(
    images: list[AnnotatedImage], detector_checkpoint: Path, tmp_path: Path
) -> None:
    earlier = load_checkpoint(detector_checkpoint)["average"]
    trained = train_a_detector(images, tmp_path / "detector.pt", detector_weights=str(detector_checkpoint))["module"]
    backbone = "detector.model.model.backbone.model.network."
    for name, value in trained.items():
        if name.startswith((f"{backbone}stem", f"{backbone}stages.0", f"{backbone}stages.1")):
            assert torch.equal(value, earlier[name]), name
        elif value.ndim > 1:
            # At most two steps of the learning rate; random weights would differ more.
            assert torch.allclose(value, earlier[name], atol=5e-3), name


def test_a_bf16_backbone_gives_nearly_the_same_losses(
    images: list[AnnotatedImage], detector_checkpoint: Path, tmp_path: Path
) -> None:
    losses = []
    for name, bf16 in (("single", False), ("half", True)):
        train_a_detector(images, tmp_path / f"{name}.pt", detector_weights=str(detector_checkpoint), bf16=bf16)
        losses.append(json.loads((tmp_path / f"{name}.jsonl").read_text().splitlines()[0]))
    single, half = losses
    assert half["heatmaps"] != single["heatmaps"]
    assert half["heatmaps"] == pytest.approx(single["heatmaps"], rel=0.02)


def test_decoder_weights_are_refused_as_detector_weights(
    images: list[AnnotatedImage], whole_run: WholeRun, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"decoder\.pt .*a detector of preset 'edge'"):
        train_a_detector(images, tmp_path / "detector.pt", detector_weights=str(whole_run.checkpoint))


def test_a_checkpoint_loads_as_a_model(whole_run: WholeRun) -> None:
    model = load_model(EDGE, TOPOLOGY, whole_run.checkpoint)
    outputs = model(torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8))
    assert [len(output) for output in outputs] == [EDGE.hand_slots] * len(OUTPUT_NAMES)


@pytest.mark.parametrize("count", [1, 12])
def test_sample_sheets_show_at_most_eight_images(images: list[AnnotatedImage], count: int) -> None:
    image_batch = stack_images([images[k % len(images)] for k in range(count)], TOPOLOGY.vertex_count)
    batch = sample_views(image_batch, InputSize(SIZE, SIZE), ViewRange(), torch.Generator().manual_seed(0))
    module = SupervisedDetector(EDGE).train()
    assert module.draw_samples(batch).shape == (min(count, 8) * SIZE, 2 * SIZE, 3)
    assert module.training
    assert module.detector.training


def test_a_run_writes_sample_sheets_and_a_tensorboard_log(whole_run: WholeRun) -> None:
    folder = whole_run.checkpoint.parent
    (sheet,) = (folder / "decoder_samples").iterdir()
    assert sheet.name == "000003.png"
    assert cv2.imread(str(sheet)).shape == (STAGE.batch_size * SIZE, 2 * SIZE, 3)
    board = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("decoder/vertices")] == [1, 2, 3, 4]


def test_gradient_checkpointing_changes_no_loss(train: TrainDecoder, whole_run: WholeRun, tmp_path: Path) -> None:
    again = train(tmp_path / "decoder.pt", gradient_checkpointing=True)
    assert [line["vertices"] for line in again] == pytest.approx(
        [line["vertices"] for line in whole_run.losses], rel=1e-3
    )


def test_bf16_gives_nearly_the_same_losses(train: TrainDecoder, whole_run: WholeRun, tmp_path: Path) -> None:
    half = train(tmp_path / "decoder.pt", bf16=True)
    assert half != whole_run.losses
    assert half[0]["vertices"] == pytest.approx(whole_run.losses[0]["vertices"], rel=0.05)


def test_two_processes_see_different_samples_and_average_their_gradients(
    images: list[AnnotatedImage], tmp_path: Path
) -> None:
    write_shard(tmp_path / "rendered", 0, images[1::2])
    stage = replace(STAGE, photograph_fraction=0.0, steps=2, sample_sheet_steps=10)
    weights = tmp_path / "backbone.pt"
    torch.manual_seed(0)
    torch.save(EfficientNetLite().state_dict(), weights)
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
    # The first process logs its own samples, which are those of a single process; the mean gradient differs.
    assert two["box"] == one["box"]
    assert two["norm"] != one["norm"]


def test_all_processes_end_by_the_clock_of_the_first(
    images: list[AnnotatedImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainingLoop] = []
    monkeypatch.setattr(TrainingLoop, "run", lambda loop, *_: asked.append(loop))
    stage = replace(STAGE, steps=1000, minutes=2)
    configuration = TrainingConfiguration(
        preset="edge", seed=5, detector=stage, decoder=stage, detector_weights=str(SHIPPED)
    )
    accelerator = Accelerator(cpu=True)
    train_detector(configuration, [(images, 1.0)], TOPOLOGY.vertex_count, tmp_path / "new.pt", accelerator)
    (loop,) = asked
    # This process began at this moment; the first one says that 90 of the 120 seconds are over.
    monkeypatch.setattr(loop_module, "broadcast", lambda seconds: torch.full_like(seconds, 90.0))
    assert loop._done() < 0.5
    monkeypatch.setattr(type(accelerator), "num_processes", 2)
    assert loop._done() == 0.75


@pytest.mark.parametrize(("minutes", "shown"), [(None, " 50%"), (100.0, " 50%"), (2.0, " 75%")])
def test_a_resumed_run_shows_what_fraction_is_done_by_steps_or_by_the_clock(
    minutes: float | None, shown: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    module = SupervisedModule()
    module.weight = torch.nn.Parameter(torch.zeros(1))
    stage = replace(STAGE, steps=4, minutes=minutes)
    loop = TrainingLoop(module, stage, tmp_path / "detector.pt", 0, Accelerator(cpu=True))
    loop.step, loop._seconds = 2, 90.0
    with loop._progress():
        pass
    first = capfd.readouterr().err.split("\r")[1]
    assert first.startswith(f"detector, step 2: {shown}")


def test_detector_weights_are_refused_as_decoder_weights(detector_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"detector\.pt .*a decoder of preset 'edge'"):
        load_model(EDGE, TOPOLOGY, detector_checkpoint)
    with pytest.raises(FileNotFoundError, match=r"gone\.pt"):
        load_model(EDGE, TOPOLOGY, tmp_path / "gone.pt")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "decoder.pt").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"decoder\.pt"):
        load_model(EDGE, TOPOLOGY, tmp_path / "decoder.pt")


def test_average_covers_every_name_of_a_shared_weight(tmp_path: Path) -> None:
    class Shared(SupervisedModule):
        def __init__(self) -> None:
            super().__init__()
            self.first = self.second = torch.nn.Linear(1, 1, bias=False)

        def losses(self, _batch: Batch) -> dict[str, torch.Tensor]:
            return {"loss": self.first.weight.square().sum()}

    loop = TrainingLoop(
        Shared(), replace(STAGE, sample_sheet_steps=10), tmp_path / "shared.pt", 0, Accelerator(cpu=True)
    )
    empty = Batch(**{field.name: torch.zeros(0) for field in fields(Batch)})
    loop.run(lambda *_: empty, checkpoint_minutes=5)
    average = load_checkpoint(tmp_path / "shared.pt")["average"]
    assert torch.equal(average["first.weight"], average["second.weight"])
