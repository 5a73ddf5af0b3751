"""How the shipped weights are trained further without losing what they know.

Trained like random weights, they lose hands within minutes (docs/finetuning.md): heads that only
training has are random, their gradients reach everything below them, and Adam's steps are equally long however small a
gradient is. So those heads are left out, batch statistics stay, and the rate is low (`StageConfiguration.gentle`).
"""

import math
import os
from typing import Final

import torch
from torch import nn

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX
from handos_model.architecture.mixed_precision import cpu_computes_in_bf16
from handos_model.finetuning.request import Request
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.training.configuration import StageConfiguration, TrainingConfiguration
from handos_model.training.views import ViewRange

START: Final = DEFAULT_WEIGHTS.with_suffix(TRAINED_WEIGHTS_SUFFIX)
"""The weights that are trained further."""
_LEARNING_RATE: Final = 1e-4
_PRETRAINED_RATE: Final = 0.3
_OWN_FRACTION: Final = 0.5
"""Of the images, where there are rendered ones, too."""
_VIEWS_PER_IMAGE: Final = 120
"""In each stage: with few images, training ends before the time is up."""
_FEWEST_STEPS: Final = 60
_BATCH_SIZE: Final = 16
_IMAGE_SIZE: Final = 256
_MOST_PROCESSES: Final = 4


@torch.no_grad()
def move_halfway_back(trained: nn.Module, shipped: nn.Module) -> None:
    """Replace trained weights by their mean with those that they started from.

    The mean keeps most of what either knows (Wortsman et al.: Robust fine-tuning of zero-shot models, CVPR 2022).
    """
    before = shipped.state_dict()
    for name, weight in trained.state_dict().items():
        if weight.is_floating_point():
            weight.lerp_(before[name], 0.5)


def training_configuration(
    request: Request, preset: str, images: int, rendered_frames: int, minutes: float
) -> TrainingConfiguration:
    """The run that trains the shipped weights further on the images of `request.trained`.

    Parameters
    ----------
    request
        Names the images.
    preset
        That of the shipped weights.
    images
        Number of labelled images to train on.
    rendered_frames
        Number of rendered ones, 0 for none.
    minutes
        For a stage.
    """
    on_gpu = torch.cuda.is_available()
    cores = len(os.sched_getaffinity(0))
    processes = 1 if on_gpu else min(cores, _MOST_PROCESSES)
    own_fraction = _OWN_FRACTION if rendered_frames else 1.0
    views_per_step = processes * _BATCH_SIZE * own_fraction
    steps = max(_FEWEST_STEPS, math.ceil(_VIEWS_PER_IMAGE * images / views_per_step))

    def stage(gradient_norm: float) -> StageConfiguration:
        return StageConfiguration(
            steps=steps,
            minutes=minutes,
            batch_size=_BATCH_SIZE,
            image_size=_IMAGE_SIZE,
            early_image_size=_IMAGE_SIZE,
            learning_rate=_LEARNING_RATE,
            pretrained_rate=_PRETRAINED_RATE,
            gradient_norm=gradient_norm,
            photograph_fraction=0.0,
            own_fraction=own_fraction,
            cooldown=0.5,
            warmup_steps=20,
            ema_decay=0.99,
            gentle=True,
            log_steps=5,
        )

    return TrainingConfiguration(
        preset=preset,
        seed=0,
        processes=processes,
        loader_processes=min(cores, 8) if on_gpu else 0,
        rendered=str(request.rendered) if rendered_frames else None,
        rendered_frames=rendered_frames or None,
        own_images=str(request.trained),
        detector_weights=str(START),
        decoder_weights=str(START),
        bf16=not on_gpu and cpu_computes_in_bf16(),
        checkpoint_minutes=0.5,
        views=ViewRange(smallest_hand=0.09, smallest_image=0.5),
        detector=stage(gradient_norm=5.0),
        decoder=stage(gradient_norm=1.0),
    )
