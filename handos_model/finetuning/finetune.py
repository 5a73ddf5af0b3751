"""Fine-tuning from a folder of images to a network for the node: the steps in order."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from handos_model.architecture.trained_weights import read_trained_properties
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.files.atomic_write import remove_abandoned
from handos_model.finetuning.comparison import BACKEND
from handos_model.finetuning.image_check import check_images
from handos_model.finetuning.image_sets import SetCounts, without_meshes, write_image_set
from handos_model.finetuning.kept_result import keep_result, read_result
from handos_model.finetuning.labelling import Labeller, Labels
from handos_model.finetuning.looks import LOWEST_SCORE
from handos_model.finetuning.outcome import Result, closing_seconds, compare
from handos_model.finetuning.own_images import Split, split_images
from handos_model.finetuning.recipe import START
from handos_model.finetuning.request import Request, require_same_request
from handos_model.finetuning.request_paths import RENDER
from handos_model.finetuning.shipped_quality import shipped_quality
from handos_model.finetuning.spoken_time import in_words
from handos_model.finetuning.stages import train_stages
from handos_model.finetuning.timetable import Timetable
from handos_model.inference.pipeline import HandPipeline
from handos_model.training.state_folder import claim_state

_FEWEST_IMAGES: Final = 10
_FEWEST_HANDS: Final = 5
"""Labelled images to train on, and labelled hands to measure with."""
_MOST_GUARD_FRAMES: Final = 300
"""The last rendered frames, at most a fifth of them, are not trained on: they tell what was forgotten."""

Say = Callable[[str], None]


def finetune(request: Request, labels: Labels, say: Say, warn: Say) -> Result:
    """Label, hold back, train, compare, and write the network if it is better; a finished run is not repeated.

    Parameters
    ----------
    request, labels
        What a user asks for, and the labels of the images.
    say, warn
        Tell the user a line.

    Raises
    ------
    OSError, ValueError
        If images, labels or frames cannot be used, or another run is at work in the state folder; the message names
        them.
    """
    rendered, guard = _rendered_frames(request.rendered)
    split = split_images(labels.names)
    with claim_state(request.state):
        timetable = _begin(request, labels)
        finished = read_result(request)
        if finished is not None:
            say(_finished(request, finished))
            return finished
        if request.rendered is None:
            warn(f"without rendered frames, what is forgotten is neither prevented nor measured: {RENDER}")
        with timetable.preparing("labels"):
            counts = _label_images(request, split, labels, say)
        held_back, trained = AnnotatedFolder(request.held_back), AnnotatedFolder(request.trained)
        with timetable.preparing("before"):
            threshold = read_trained_properties(START).score_threshold
            before = shipped_quality(request.state / "before.json", held_back, guard, threshold)
        closing = closing_seconds(before)
        train_stages(request, counts.labelled, len(rendered), timetable, closing, say)
        say(f"exporting the trained network, and comparing it: about {in_words(closing)}")
        result = compare(request, held_back, guard, before, (trained, rendered))
        keep_result(request, result)
        return result


def _begin(request: Request, labels: Labels) -> Timetable:
    """Accept request and images, or go on with those that were accepted; a refused start leaves nothing in the way."""
    file = request.state / "timetable.json"
    if request.file.is_file():
        require_same_request(request, labels.names)
        return Timetable(file, request.minutes)
    file.unlink(missing_ok=True)  # of a start that was refused
    timetable = Timetable(file, request.minutes)
    with timetable.preparing("check"):
        check_images(request.images, labels)
    require_same_request(request, labels.names)
    return timetable


def _finished(request: Request, result: Result) -> str:
    outcome = f"{request.out} was not written" if result.reasons_against else f"{request.out} is written"
    return (
        f"this run is finished, and {outcome}; nothing is done again. To train anew, name another folder with --state; "
        "what came of it:"
    )


def _rendered_frames(folder: Path | None) -> tuple[Sequence[AnnotatedImage], Sequence[AnnotatedImage]]:
    """The frames to train on, and those after them, which tell what was forgotten."""
    if folder is None:
        return (), ()
    frames = AnnotatedFolder(folder)
    trained = len(frames) - min(_MOST_GUARD_FRAMES, len(frames) // 5)
    return AnnotatedFolder(folder, trained), frames[trained:]


def _label_images(request: Request, split: Split, labels: Labels, say: Say) -> SetCounts:
    """Write both image sets; returns what there is to train on."""
    pipeline = HandPipeline.load(None, BACKEND, score_threshold=LOWEST_SCORE)
    labeller = Labeller(request.images, labels.given, pipeline)

    def label_without_mesh(name: str) -> AnnotatedImage | None:
        image = labeller.label(name)
        return None if image is None else without_meshes(image)

    for folder in (request.held_back, request.trained):
        remove_abandoned(folder, ".npz")
    held_back = write_image_set(split.held_back, request.held_back, label_without_mesh, "label images to measure with")
    trained = write_image_set(split.trained, request.trained, labeller.label, "label images to train on")
    say(f"held back: {split.rule}: {held_back}")
    say(f"to train on: {trained}")
    if trained.labelled < _FEWEST_IMAGES or held_back.hands < _FEWEST_HANDS:
        request.abandon()
        raise ValueError(
            f"{request.images}: {trained.labelled} labelled images to train on and {held_back.hands} labelled hands to "
            f"measure with are too few, {_FEWEST_IMAGES} and {_FEWEST_HANDS} are needed: add images"
            + (", or label them (--labels)" if request.labels is None else "")
        )
    return trained
