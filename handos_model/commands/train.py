"""`handos train`: train the detector and the decoder."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handos_model.commands.interruption import interruptible

if TYPE_CHECKING:
    from handos_model.training.configuration import StageName, TrainingConfiguration


class Stages(str, Enum):
    """What `handos train` trains."""

    DETECTOR = "detector"
    DECODER = "decoder"
    ALL = "all"


def train(
    config: Annotated[Path, typer.Option(metavar="FILE.yaml", help="What to train, on which data, for how long.")],
    state: Annotated[
        Path, typer.Option(metavar="DIR", help="Checkpoints and logs; a run that was interrupted there is resumed.")
    ],
    stage: Annotated[Stages, typer.Option(help="The decoder needs a trained detector in DIR.")] = Stages.ALL,
) -> None:
    """Train the detector and, on top of it, the decoder."""
    with interruptible(lambda: _kept(state)):
        from handos_model.training.configuration import read_configuration
        from handos_model.training.run import require_data
        from handos_model.training.run import train as train_stage
        from handos_model.training.state_folder import claim_state

        configuration = read_configuration(config)
        stages = _chosen(stage, configuration)
        for each in stages:
            require_data(configuration, each)
        with claim_state(state):
            for each in stages:
                train_stage(configuration, each, state)


def _chosen(stage: Stages, configuration: "TrainingConfiguration") -> "list[StageName]":
    chosen: list[StageName] = []
    if stage is Stages.DETECTOR or (stage is Stages.ALL and configuration.detector is not None):
        chosen.append("detector")
    if stage in (Stages.DECODER, Stages.ALL):
        chosen.append("decoder")
    return chosen


def _kept(state: Path) -> str:
    from handos_model.training.state_folder import kept_training

    return kept_training(state) or f"there is no checkpoint in {state} yet"
