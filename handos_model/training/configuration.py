"""The configuration of a training run, read from a YAML file."""

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
    """Side in pixels of the views of the last steps. Hands fill views more than they fill whole images, so the
    model is best exported for a larger size (Touvron et al.: Fixing the train-test resolution discrepancy, NeurIPS
    2019)."""
    learning_rate: float
    gradient_norm: float
    """Gradients are clipped to this norm."""
    photograph_fraction: float
    """Fraction of the images that are photographs; the others are rendered."""
    early_image_size: int
    """Side in pixels of the views of the first steps: smaller views take less time."""
    early_fraction: float = 0.5
    """Fraction of the steps with `early_image_size`."""
    cooldown: float = 0.3
    """Fraction of the steps, at the end, over which the learning rate falls linearly to zero."""
    warmup_steps: int = 80
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    pretrained_rate: float = 1.0
    """Learning rate of pretrained weights, relative to `learning_rate`."""
    decoded_queries: int = 2
    """Decoder stage only: queries that are decoded per image and step. A hand has several, and each has to work."""
    log_steps: int = 20
    """The log and TensorBoard show losses averaged over this many steps."""
    sample_sheet_steps: int = 500
    """Samples and their predictions are drawn every this many steps."""

    def image_size_at(self, step: int) -> int:
        """Side in pixels of the views of a step."""
        return self.early_image_size if step < self.early_fraction * self.steps else self.image_size


@dataclass(frozen=True)
class DatasetConfiguration:
    """A published data set and its weight among the training images."""

    name: str
    """A key of `TRAINING_SPLITS` in `handos_model.datasets.training_splits`."""
    folder: str
    """The data set as published: see docs/evaluation.md."""
    weight: float
    """How often its images are drawn; with 1, as often as rendered images and photographs together."""


@dataclass(frozen=True)
class TrainingConfiguration:
    """A whole run: its stages and their data."""

    preset: str
    seed: int
    decoder: StageConfiguration
    views: ViewRange = field(default_factory=ViewRange)
    rendered: str | None = None
    """Folder written by `handos synth`, if any."""
    photographs: str | None = None
    """Folder of photographs with weak labels, if any: ``images/`` and ``labels.json``."""
    datasets: tuple[DatasetConfiguration, ...] = ()
    """Published data sets. Those that leave visible hands unannotated are used for the decoder only: the detector would
    learn that these are no hands."""
    mano: str | None = None
    """A user's MANO_RIGHT.pkl: the model then predicts its mesh, which the data sets annotate."""
    detector: StageConfiguration | None = None
    """``None`` if the detector is not trained here."""
    backbone_weights: str = ""
    """File with the backbone's ImageNet weights, for a detector that is trained from scratch: see
    `EfficientNetLite0.load_imagenet_weights`."""
    detector_weights: str = ""
    """The detector.pt of an earlier run, or a safetensors file, that the detector starts from; default: random weights
    behind the pretrained backbone. Without a section `detector` it stays as it is, and only the decoder is trained. A
    published detector is loaded from this folder or Hugging Face name; default: the preset's."""
    decoder_weights: str = ""
    """The decoder.pt of an earlier run, or a safetensors file, that the decoder starts from, on the detector and side
    network of this run. Default: random weights."""
    held_out_sources: tuple[str, ...] = ()
    """Sources of photographs that are left out of training."""
    processes: int = 1
    """Processes that average their gradients: one per GPU, or one per CPU core."""
    loader_processes: int = 0
    """Processes that read all images into the device's memory before the first step, for GPUs that are faster than the
    CPU decodes images. 0: every step reads its own images."""
    cuda_graph: bool = False
    """Launch the kernels of a step as one CUDA graph: launched one by one, they would leave a large GPU idle."""
    bf16: bool = False
    """Run the backbone and the decoder's layers in bf16; heads and losses stay in single precision."""
    gradient_checkpointing: bool = False
    """Recompute the decoder's layers in the backward pass instead of keeping their activations."""
    checkpoint_minutes: float = 5.0


StageName = Literal["detector", "decoder"]


def read_configuration(path: Path) -> TrainingConfiguration:
    """Read a training configuration.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not a YAML mapping, or a key is missing or unknown; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"training configuration {path} does not exist: see config/ for examples")
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a YAML file: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is not a training configuration: see config/ for examples")
    values["held_out_sources"] = tuple(values.get("held_out_sources", ()))
    values["datasets"] = tuple(
        _build(DatasetConfiguration, entry, f"{path}: datasets") for entry in values.get("datasets") or ()
    )
    sections = {"views": ViewRange, "detector": StageConfiguration, "decoder": StageConfiguration}
    for name in sections.keys() & values.keys():
        values[name] = _build(sections[name], values[name] or {}, f"{path}: {name}")
    configuration: TrainingConfiguration = _build(TrainingConfiguration, values, str(path))
    return configuration


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).split('__init__() ')[-1]}") from error
