"""Training on a GPU that is rented for minutes: by the clock, with weights and numbers in a folder that comes back.

docs/training_gpu.md says what to type. `gpu_training.sh` calls this.
"""

import argparse
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import torch

from handos_model.architecture.contract import NetworkProperties
from handos_model.architecture.handos import HandOS
from handos_model.architecture.input_size import InputSizes
from handos_model.architecture.presets import preset_named
from handos_model.architecture.trained_weights import read_trained_model, write_trained_weights
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.datasets.photographs import Photographs
from handos_model.evaluation.box_evaluation import evaluate_boxes
from handos_model.evaluation.image_evaluation import evaluate_images
from handos_model.evaluation.model_engine import ModelEngine
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import HandPipeline
from handos_model.training.configuration import StageConfiguration, TrainingConfiguration, read_configuration
from handos_model.training.decoder_losses import HANDEDNESS_SLOPE
from handos_model.training.timed_run import TimedRun, trained_model

PART_BYTES: Final = 15 << 20
"""Files that come back may have 16 MiB."""
WEIGHTS: Final = "weights.safetensors"
SIDES: Final = (384, 640)
"""Sides of the squares that have as many pixels as the inputs of the evaluation."""
LOWEST_SCORE: Final = 0.05
SCORE_THRESHOLD: Final = 0.35
DETECTOR_SHARE: Final = 0.55
"""Of the training time."""
EVALUATION_SECONDS: Final = 45.0
PHOTOGRAPHS: Final = 200
"""Held-out photographs that are evaluated."""


def main() -> None:
    """Run one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("unpack", help="an archive that travelled here")
    step.add_argument("archive", type=Path)
    step.add_argument("--work", type=Path, required=True)
    step = steps.add_parser("train", help="try designs, train one, evaluate it")
    step.add_argument("configs", type=Path, nargs="+", help="the first is trained, or the best of them")
    step.add_argument("--work", type=Path, required=True, help="folder of the data and the checkpoints")
    step.add_argument("--out", type=Path, required=True, help="folder that comes back")
    step.add_argument("--until", type=float, required=True, help="when everything ends, in seconds since 1970")
    step.add_argument("--trial-seconds", type=float, default=60.0, help="for each of several designs")
    step.add_argument("--evaluation-seconds", type=float, default=EVALUATION_SECONDS)
    step.add_argument("--tiny", type=int, metavar="STEPS", help="so few steps of tiny batches, to try the run on a CPU")
    step = steps.add_parser("publish", help="write the newest weights into the folder that comes back")
    step.add_argument("config", type=Path)
    step.add_argument("--work", type=Path, required=True)
    step.add_argument("--out", type=Path, required=True)
    step = steps.add_parser("join", help="the parts that came back to one file")
    step.add_argument("folder", type=Path)
    step.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    {"unpack": unpack, "train": train, "publish": publish_newest, "join": join}[arguments.step](arguments)


def unpack(arguments: argparse.Namespace) -> None:
    """Unpack an archive of `gpu_pack.py` into the work folder; the other's files stay."""
    with zipfile.ZipFile(arguments.archive) as archive:
        archive.extractall(arguments.work)


def train(arguments: argparse.Namespace) -> None:
    """Try designs if there are several, train the best, and evaluate it."""
    end = time.monotonic() + arguments.until - time.time()
    report = Report(arguments.out)
    run = TimedRun(HandTopology.load(), loader_processes=max(1, (os.cpu_count() or 1) - 2))
    configurations = {path.stem: read(path, arguments.work, arguments.tiny) for path in arguments.configs}
    for configuration in configurations.values():
        run.read_images(configuration, "detector")
        run.read_images(configuration, "decoder")
    report.note("images are in memory")
    name = next(iter(configurations))
    if len(configurations) > 1:
        name = best_of(configurations, run, arguments, report)
    configuration, state = configurations[name], arguments.work / "state"
    (arguments.work / "chosen").write_text(str(next(path for path in arguments.configs if path.stem == name)))
    training_end = end - arguments.evaluation_seconds
    if configuration.detector is not None:
        share = DETECTOR_SHARE * (training_end - time.monotonic())
        run.train(configuration, "detector", state, time.monotonic() + share)
        report.note("the detector is trained")
    run.train(configuration, "decoder", state, training_end)
    report.note("the decoder is trained")
    model = trained_model(configuration, HandTopology.load(), state)
    publish(model, configuration, arguments.out)
    report.add("evaluation", evaluate(model.to(run.device), configuration, end))


class Report:
    """What is known so far, in a file that is complete at any time."""

    def __init__(self, out: Path) -> None:
        self._path, self._started = out / "report.json", time.monotonic()
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        self._content: dict[str, Any] = {"gpu": gpu, "seconds": {}}
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def note(self, event: str) -> None:
        """Write down when something has happened."""
        seconds = round(time.monotonic() - self._started, 1)
        self.add("seconds", self._content["seconds"] | {event: seconds})

    def add(self, name: str, content: Any) -> None:
        """Write down a result."""
        self._content[name] = content
        temporary = self._path.with_suffix(".part")
        temporary.write_text(json.dumps(self._content, indent=1) + "\n")
        temporary.replace(self._path)
        print(json.dumps({name: content}, indent=1), flush=True)


def read(path: Path, work: Path, tiny: int | None) -> TrainingConfiguration:
    """A configuration whose data are in the work folder; optionally with a few steps of tiny batches."""
    configuration = read_configuration(path)

    def moved(place: str | None) -> str | None:
        return place if place is None else place.replace("out/gpu", str(work), 1)

    configuration = replace(
        configuration,
        rendered=moved(configuration.rendered),
        photographs=moved(configuration.photographs),
        boxes=moved(configuration.boxes),
        backbone_weights=moved(configuration.backbone_weights) or "",
        decoder=shortened(configuration.decoder, tiny),
        detector=None if configuration.detector is None else shortened(configuration.detector, tiny),
    )
    return configuration if tiny is None else replace(configuration, cuda_graph=False, bf16=False)


def shortened(stage: StageConfiguration, tiny: int | None) -> StageConfiguration:
    """The stage with so many steps, small enough for a CPU, but with all of its view sizes."""
    if tiny is None:
        return stage
    sizes = tuple((width // 2 // 32 * 32, height // 2 // 32 * 32) for width, height in stage.view_sizes)
    return replace(
        stage,
        steps=tiny,
        batch_size=4,
        image_size=128,
        early_image_size=128,
        early_fraction=0.3,
        view_sizes=sizes,
        warmup_steps=2,
        log_steps=2,
        sample_sheet_steps=tiny,
    )


def best_of(
    configurations: dict[str, TrainingConfiguration], run: TimedRun, arguments: argparse.Namespace, report: Report
) -> str:
    """Train the detector of each design for the same time and compare their boxes."""
    quality = {}
    for name, configuration in configurations.items():
        state = arguments.work / f"trial_{name}"
        run.train(configuration, "detector", state, time.monotonic() + arguments.trial_seconds)
        model = trained_model(configuration, HandTopology.load(), state).to(run.device)
        evaluation = evaluate_detector(model, configuration, time.monotonic() + arguments.evaluation_seconds)
        report.add(f"trial of {name}", evaluation)
        precisions = [result["average_precision"] or 0.0 for result in evaluation.values()]
        quality[name] = sum(precisions) / max(1, len(precisions))
    best = max(quality, key=lambda name: quality[name])
    report.note(f"{best} is the best of the designs")
    return best


def evaluate(model: HandOS, configuration: TrainingConfiguration, end: float) -> dict[str, Any]:
    """Boxes and joints on held-out photographs, as many as the time allows."""
    results = evaluate_detector(model, configuration, end)
    if configuration.photographs is not None:
        folder, sources = Path(configuration.photographs), configuration.held_out_sources
        photographs = Photographs(
            folder / "images",
            folder / "labels.json",
            only=sources,
            reliable=True,
            convention=configuration.photograph_joints,
        )
        chosen = [photographs[k] for k in range(0, len(photographs), max(1, len(photographs) // PHOTOGRAPHS))]
        pipeline = pipeline_of(model, configuration, SIDES[0], SCORE_THRESHOLD)
        evaluation = evaluate_images(predictions(pipeline, chosen, end))
        results["photographs"] = asdict(evaluation)
    return results


def evaluate_detector(model: HandOS, configuration: TrainingConfiguration, end: float) -> dict[str, Any]:
    """Boxes on held-out photographs at several sizes."""
    if configuration.boxes is None:
        return {}
    images = BoxedPhotographs(Path(configuration.boxes), only=configuration.held_out_sources)
    pipelines = {side: pipeline_of(model, configuration, side, LOWEST_SCORE) for side in SIDES}
    return {
        f"boxes at {side}": asdict(evaluate_boxes(predictions(pipeline, images, end), SCORE_THRESHOLD))
        for side, pipeline in pipelines.items()
    }


def pipeline_of(model: HandOS, configuration: TrainingConfiguration, side: int, score_threshold: float) -> HandPipeline:
    """The model at an input size."""
    engine = ModelEngine(model, properties_of(model, configuration, side))
    return HandPipeline(engine, score_threshold=score_threshold)


def properties_of(model: HandOS, configuration: TrainingConfiguration, side: int) -> NetworkProperties:
    """What is written beside the weights."""
    sizes = InputSizes(side, model.detector.input_multiple)
    design = preset_named(configuration.preset)
    return NetworkProperties(
        design.name,
        HandTopology.load().id,
        sizes,
        SCORE_THRESHOLD,
        HANDEDNESS_SLOPE,
        design.trained_sides,
        model.slots if design.decodes_found else None,
    )


def predictions(pipeline: HandPipeline, images: Any, end: float) -> Iterator[tuple[AnnotatedImage, tuple[Hand, ...]]]:
    """Images and their hands, until there is no time left."""
    for image in images:
        if time.monotonic() > end:
            print("no time for the other images of the evaluation", flush=True)
            return
        yield image, pipeline(image.image)


def publish_newest(arguments: argparse.Namespace) -> None:
    """Write the newest checkpoint of the run, if there is one."""
    chosen = arguments.work / "chosen"
    path = Path(chosen.read_text()) if chosen.is_file() else arguments.config
    configuration = read(path, arguments.work, None)
    try:
        model = trained_model(configuration, HandTopology.load(), arguments.work / "state")
    except FileNotFoundError:
        return
    publish(model, configuration, arguments.out)


def publish(model: HandOS, configuration: TrainingConfiguration, out: Path) -> None:
    """Write the weights in parts, each of which replaces the last one at once."""
    whole = out.parent / WEIGHTS
    side = preset_named(configuration.preset).image_size
    write_trained_weights(model, properties_of(model, configuration, side), whole)
    content = whole.read_bytes()
    whole.unlink()
    for number, start in enumerate(range(0, len(content), PART_BYTES)):
        temporary = out.parent / f"{WEIGHTS}.part"
        temporary.write_bytes(content[start : start + PART_BYTES])
        temporary.replace(out / f"{WEIGHTS}.{number}")


def join(arguments: argparse.Namespace) -> None:
    """Join the parts and check that they are weights."""
    parts = sorted(arguments.folder.glob(f"{WEIGHTS}.[0-9]"))
    if not parts:
        raise SystemExit(f"{arguments.folder} has no {WEIGHTS}.0: give the folder that came back")
    arguments.weights.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, properties = read_trained_model(arguments.weights, HandTopology.load())
    print(f"{arguments.weights}: {properties}")


if __name__ == "__main__":
    main()
