"""Fine-tuning from a folder of images to a network for the node: the steps in order."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import onnx

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, NetworkProperties
from handos_model.architecture.onnx_export import export_onnx
from handos_model.architecture.presets import preset_named
from handos_model.architecture.trained_weights import read_trained_model, read_trained_properties, write_trained_weights
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.files.atomic_write import atomic_write
from handos_model.finetuning.comparison import BACKEND, Comparison, measure, predict, reasons_against
from handos_model.finetuning.image_sets import SetCounts, without_meshes, write_image_set
from handos_model.finetuning.labelling import Labeller, Labels
from handos_model.finetuning.looks import LOWEST_SCORE
from handos_model.finetuning.own_images import Split, split_images
from handos_model.finetuning.recipe import START, move_halfway_back, training_configuration
from handos_model.finetuning.request import Request, require_same_request
from handos_model.finetuning.score_threshold import same_strictness
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import HandPipeline
from handos_model.training.decoder_stage import load_model
from handos_model.training.run import train

_FEWEST_IMAGES: Final = 10
_FEWEST_HANDS: Final = 5
"""Labelled images to train on, and labelled hands to measure with."""
_MOST_GUARD_FRAMES: Final = 300
"""The last rendered frames, at most a fifth of them, are not trained on: they tell what was forgotten."""
_LEAST_TRAINING: Final = 0.3
"""Fraction of the time for training, whatever labelling takes."""
_MEASURING: Final = 0.1
"""Fraction of the time that is left for export and measuring."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    own: Comparison
    """On the images that were held back."""
    guard: Comparison | None
    """On rendered frames that were not trained on, if there are any."""
    reasons_against: tuple[str, ...]
    """Why the trained network was not written to `Request.out`; empty if it was."""


def finetune(request: Request, labels: Labels, say: Say) -> Result:
    """Label, hold back, train, compare, and write the network if it is better.

    Parameters
    ----------
    request, labels
        What a user asks for, and the labels of the images.
    say
        Tells the user a line.

    Raises
    ------
    OSError, ValueError
        If images, labels or frames cannot be used; the message names them.
    """
    started = time.monotonic()
    guard, rendered_frames = _guard_frames(request.rendered)
    split = split_images(labels.names)
    require_same_request(request, labels.names)
    counts = _label_images(request, split, labels, say)
    minutes = _training_minutes(request, (time.monotonic() - started) / 60)
    say(f"training: {minutes:.0f} minutes at most; Ctrl-C interrupts it, the same command goes on")
    preset = read_trained_properties(START).preset
    configuration = training_configuration(request, preset, counts.labelled, rendered_frames, minutes)
    train(configuration, "detector", request.state)
    train(configuration, "decoder", request.state)
    return _compare(request, AnnotatedFolder(request.held_back), guard)


def _guard_frames(rendered: Path | None) -> tuple[Sequence[AnnotatedImage], int]:
    """The frames that tell what was forgotten, and how many there are before them to train on."""
    if rendered is None:
        return (), 0
    frames = AnnotatedFolder(rendered)
    trained = len(frames) - min(_MOST_GUARD_FRAMES, len(frames) // 5)
    return frames[trained:], trained


def _label_images(request: Request, split: Split, labels: Labels, say: Say) -> SetCounts:
    """Write both image sets; returns what there is to train on."""
    pipeline = HandPipeline.load(None, BACKEND, score_threshold=LOWEST_SCORE)
    labeller = Labeller(request.images, labels.given, pipeline)

    def label_without_mesh(name: str) -> AnnotatedImage | None:
        image = labeller.label(name)
        return None if image is None else without_meshes(image)

    held_back = write_image_set(split.held_back, request.held_back, label_without_mesh, "label images to measure with")
    trained = write_image_set(split.trained, request.trained, labeller.label, "label images to train on")
    say(f"held back: {split.rule}: {held_back}")
    say(f"to train on: {trained}")
    if trained.labelled < _FEWEST_IMAGES or held_back.hands < _FEWEST_HANDS:
        raise ValueError(
            f"{request.images}: {trained.labelled} labelled images to train on and {held_back.hands} labelled hands to "
            f"measure with are too few, {_FEWEST_IMAGES} and {_FEWEST_HANDS} are needed: add images"
            + (", or label them (--labels)" if request.labels is None else "")
        )
    return trained


def _training_minutes(request: Request, labelling: float) -> float:
    """What labelling leaves of the time; decided once, so that a run that goes on has the same schedule."""
    file = request.state / "training_minutes.json"
    if not file.is_file():
        left = (1 - _MEASURING) * request.minutes - labelling
        with atomic_write(file) as temporary:
            temporary.write_text(json.dumps(max(left, _LEAST_TRAINING * request.minutes)), encoding="utf-8")
    return float(json.loads(file.read_text(encoding="utf-8")))


def _compare(request: Request, held_back: Sequence[AnnotatedImage], guard: Sequence[AnnotatedImage]) -> Result:
    """Measure both networks on the same images, and write the new one if nothing speaks against it."""
    shipped, start = read_trained_model(START, HandTopology.load())
    model = load_model(preset_named(start.preset), HandTopology.load(), request.state / "decoder.pt")
    move_halfway_back(model, shipped)
    trained = request.state / "trained.onnx"
    export_onnx(model, start, trained)
    networks = {"before": None, "after": trained}
    own = [predict(weights, held_back, f"held back, {name}") for name, weights in networks.items()]
    others = [predict(weights, guard, f"rendered, {name}") for name, weights in networks.items()]
    properties = replace(start, score_threshold=same_strictness(others[0], start.score_threshold, others[1]))
    of_own, of_guard = (
        Comparison(measure(before, start.score_threshold), measure(after, properties.score_threshold))
        for before, after in (own, others)
    )
    reasons = reasons_against(of_own, of_guard if guard else None)
    written = trained if reasons else request.out
    write_trained_weights(model, properties, written.with_suffix(TRAINED_WEIGHTS_SUFFIX))
    _copy_network(trained, properties, written)
    return Result(of_own, of_guard if guard else None, tuple(reasons))


def _copy_network(network: Path, properties: NetworkProperties, copy: Path) -> None:
    """Copy a network with other properties: exporting it again would take as long as measuring it."""
    graph = onnx.load(network)
    onnx.helper.set_model_props(graph, properties.to_metadata())
    with atomic_write(copy) as temporary:
        onnx.save(graph, temporary)
