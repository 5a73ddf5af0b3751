"""What a training run is made of, read from a YAML file."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from handos_model.training.views import ViewRange


@dataclass(frozen=True)
class StageConfiguration:
    """One stage: the detector, or the decoder on top of the frozen detector."""

    steps: int
    batch_size: int
    """Images per process and step."""
    image_size: int
    """Side in pixels of the images of the last steps. Exported for a larger size the model sees more: hands fill these
    views, and whole pictures show them small (Touvron et al.: Fixing the train-test resolution discrepancy, NeurIPS
    2019)."""
    learning_rate: float
    gradient_norm: float
    """Gradients are scaled down to this norm."""
    photographs: float
    """Share of the images that are photographs, the others being rendered."""
    early_image_size: int
    """Side in pixels of the images of the first steps: smaller ones are seen sooner."""
    early_share: float = 0.5
    """Share of the steps with `early_image_size`."""
    cooldown: float = 0.3
    """Share of the steps, at the end, over which the learning rate falls linearly to zero."""
    warmup_steps: int = 80
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    pretrained_rate: float = 1.0
    """Learning rate of pretrained weights relative to that of the others."""
    decoded_queries: int = 2
    """Of the decoder's stage: queries that are decoded per image and step. A hand has several, and any must do."""
    log_steps: int = 20
    """Losses are averaged over so many steps for the log and TensorBoard."""
    picture_steps: int = 500
    """Samples and what is predicted for them are drawn every so many steps."""

    def image_size_at(self, step: int) -> int:
        """Side in pixels of the images of a step."""
        return self.early_image_size if step < self.early_share * self.steps else self.image_size


@dataclass(frozen=True)
class DataSetShare:
    """A published data set's part in the training images."""

    name: str
    """One of `data_sets.TRAINING_SETS`."""
    folder: str
    """As published: see docs/benchmarks.md."""
    weight: float
    """How often its images are drawn; 1 is as often as rendered images and photographs together."""


@dataclass(frozen=True)
class TrainingConfiguration:
    """A whole run: its stages and their data."""

    preset: str
    seed: int
    decoder: StageConfiguration
    views: ViewRange = field(default_factory=ViewRange)
    rendered: str | None = None
    """Folder written by the renderer; ``None`` where none is used."""
    photographs: str | None = None
    """Folder of photographs with weak labels; ``None`` where none is used."""
    data_sets: tuple[DataSetShare, ...] = ()
    """Published data sets. Those that leave visible hands unannotated are for the decoder only: to the detector they
    would say that these are none."""
    mano: str | None = None
    """A user's MANO_RIGHT.pkl: its mesh is then the model's, as the data sets annotate it."""
    detector: StageConfiguration | None = None
    """Absent where the preset's detector is taken as published."""
    backbone_weights: str = ""
    """File with pretrained weights of the backbone of a detector that is trained here: see
    `EfficientNetLite0.load_imagenet_weights`."""
    detector_weights: str = ""
    """Of a detector that is trained here: an earlier run's detector.pt to begin with; default: random weights behind
    the backbone's. Of a published one: name at Hugging Face, or folder; default: the preset's."""
    decoder_weights: str = ""
    """An earlier run's decoder.pt: the decoder begins with its weights, on the detector and the side network of this
    run. Default: random weights."""
    held_back_sources: tuple[str, ...] = ()
    """Sources of photographs that no training step sees."""
    processes: int = 1
    """Processes that average their gradients: one for each GPU, or of one thread each on CPUs."""
    loaders: int = 0
    """Processes that read all images into the device's memory before the first step, where a GPU would wait for cores
    that decode them. 0: every step reads its own."""
    record_steps: bool = False
    """Launch a step's kernels as one CUDA graph: a GPU would wait for the host that launches them one by one."""
    bf16: bool = False
    """Run the backbone and the decoder's layers in bf16; heads and losses stay in single precision."""
    gradient_checkpointing: bool = False
    """Compute the decoder's layers a second time on the way back instead of keeping what they computed."""
    checkpoint_minutes: float = 5.0


StageName = Literal["detector", "decoder"]


def read_configuration(path: Path) -> TrainingConfiguration:
    """Read a training configuration.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML, or a key is missing or unknown; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"training configuration {path} does not exist: see config/ for examples")
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML file: {error}") from error
    values["held_back_sources"] = tuple(values.get("held_back_sources", ()))
    values["data_sets"] = tuple(
        _build(DataSetShare, entry, f"{path}: data_sets") for entry in values.get("data_sets") or ()
    )
    kinds = {"views": ViewRange, "detector": StageConfiguration, "decoder": StageConfiguration}
    for name in kinds.keys() & values.keys():
        values[name] = _build(kinds[name], values[name] or {}, f"{path}: {name}")
    configuration: TrainingConfiguration = _build(TrainingConfiguration, values, str(path))
    return configuration


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).split('__init__() ')[-1]}") from error
