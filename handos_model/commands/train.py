"""`handos train`: train the detector and the decoder."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


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
    from handos_model.training.configuration import read_configuration
    from handos_model.training.run import train as train_stage

    configuration = read_configuration(config)
    if stage is Stages.DETECTOR or (stage is Stages.ALL and configuration.detector is not None):
        train_stage(configuration, "detector", state)
    if stage in (Stages.DECODER, Stages.ALL):
        train_stage(configuration, "decoder", state)
