"""Both stages of training, within the time that the other steps leave."""

import time
from collections.abc import Callable
from typing import Final

from handos_model.architecture.trained_weights import read_trained_properties
from handos_model.finetuning.recipe import START, training_configuration
from handos_model.finetuning.request import Request
from handos_model.finetuning.spoken_time import in_words
from handos_model.finetuning.timetable import Timetable
from handos_model.training.checkpoint import read_progress
from handos_model.training.configuration import StageName, TrainingConfiguration
from handos_model.training.run import train

_WORTH_SAYING: Final = 60.0
"""Seconds by which everything may take longer than the user wants."""
_STAGES: Final[tuple[StageName, ...]] = ("detector", "decoder")


def train_stages(
    request: Request,
    images: int,
    rendered_frames: int,
    timetable: Timetable,
    closing: float,
    say: Callable[[str], None],
) -> None:
    """Train detector and decoder as far as an earlier part of this run has not done it.

    Parameters
    ----------
    request, timetable
        Of this run.
    images, rendered_frames
        Number of labelled images to train on, and of rendered ones.
    closing
        Seconds that export and comparison will take.
    say
        Tells the user a line.
    """
    preset, announced = read_trained_properties(START).preset, False
    trained = 0.0
    for stage in _STAGES:
        checkpoint = request.state / f"{stage}.pt"
        minutes = timetable.stage_minutes(stage, trained, closing)
        configuration = training_configuration(request, preset, images, rendered_frames, minutes)
        before = read_progress(checkpoint)
        if not _is_done(configuration, stage, before.step, before.seconds):
            left = 60 * minutes - before.seconds
            if announced:
                say(f"training the {stage}: {in_words(left)} at most")
            else:
                say(_announcement(request, left, stage, timetable, closing))
                announced = True
            started = time.monotonic()
            train(configuration, stage, request.state)
            trained_now = read_progress(checkpoint).seconds - before.seconds
            timetable.note_start(time.monotonic() - started - trained_now)
        trained = read_progress(checkpoint).seconds


def _is_done(configuration: TrainingConfiguration, stage: StageName, step: int, seconds: float) -> bool:
    settings = configuration.detector if stage == "detector" else configuration.decoder
    return settings is not None and settings.done(step, seconds) >= 1


def _announcement(request: Request, left: float, stage: StageName, timetable: Timetable, closing: float) -> str:
    stages = "decoder"
    if stage == "detector":  # the decoder is to get as long
        left += 60 * timetable.stage_minutes(stage, 0.0, closing)
        stages = "detector, then the decoder"
    left += timetable.starting(2 if stage == "detector" else 1)
    line = (
        f"training the {stages}: {in_words(left)} at most, then about {in_words(closing)} to export and compare; "
        "Ctrl-C interrupts it, the same command goes on"
    )
    longer = timetable.overrun(closing)
    if longer < _WORTH_SAYING:
        return line
    return (
        f"{line}\nwith what was done before, that is {in_words(longer)} longer than --minutes {request.minutes:g}: "
        "labelling and comparing leave too few"
    )
