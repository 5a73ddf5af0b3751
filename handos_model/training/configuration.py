"""The configuration of a training run, read from a YAML file."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import yaml

from handos_model.architecture.input_size import InputSize
from handos_model.datasets.joint_convention import JointConvention
from handos_model.training.views import ViewRange


@dataclass(frozen=True)
class StageConfiguration:
    """One stage: the detector, or the decoder on top of the frozen detector."""

    steps: int
    batch_size: int
    """Views of `image_size` or smaller ones per process and step; of larger ones as many as have as many pixels."""
    image_size: int
    """Side in pixels of the square views of the last steps. Hands fill views more than they fill whole images, so the
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
    view_sizes: tuple[tuple[int, int], ...] = ()
    """Widths and heights in pixels of the views of the other steps, each of which draws one: the model then works at
    all of them. Default: the square of `image_size`."""
    box_fraction: float = 0.0
    """Fraction of the images that come from `TrainingConfiguration.boxes`; the decoder learns from hands with
    joints."""
    own_fraction: float = 0.0
    """Fraction of the images that come from `TrainingConfiguration.own_images`."""
    minutes: float | None = None
    """The stage ends after this time, even before its last step; then the schedule follows the clock."""
    cooldown: float = 0.3
    """Fraction of the steps, at the end, over which the learning rate falls linearly to zero."""
    warmup_steps: int = 80
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    gentle: bool = False
    """For weights that have come to rest: batch statistics and depthwise kernels stay, and heads that only training
    has, which start from random weights or copies, have no losses: the gradients of such heads would disturb
    everything below them."""
    pretrained_rate: float = 1.0
    """Learning rate of pretrained weights, relative to `learning_rate`."""
    decoded_queries: int = 2
    """Decoder stage only: queries that are decoded per image and step. A hand has several, and each has to work."""
    log_steps: int = 20
    """The log and TensorBoard show losses averaged over this many steps."""
    sample_sheet_steps: int = 500
    """Samples and their predictions are drawn every this many steps."""

    def __post_init__(self) -> None:
        if self.photograph_fraction + self.box_fraction + self.own_fraction > 1:
            raise ValueError(
                f"photograph_fraction {self.photograph_fraction}, box_fraction {self.box_fraction} and own_fraction "
                f"{self.own_fraction} add up to more than 1: reduce one of them"
            )
        if len(self.view_sizes) > MAX_VIEW_SIZES:
            raise ValueError(f"{len(self.view_sizes)} view_sizes are too many: give at most {MAX_VIEW_SIZES}")

    def done(self, step: int, seconds: float) -> float:
        """Fraction of the stage that is done: of its steps, or of its time if that is more."""
        return max(step / self.steps, 0.0 if self.minutes is None else seconds / (60 * self.minutes))

    def view_size_at(self, done: float, rng: np.random.Generator) -> InputSize:
        """Draw the size of the views of a step."""
        if done < self.early_fraction or not self.view_sizes:
            side = self.early_image_size if done < self.early_fraction else self.image_size
            return InputSize(side, side)
        width, height = self.view_sizes[int(rng.integers(len(self.view_sizes)))]
        return InputSize(height, width)

    def all_view_sizes(self) -> tuple[InputSize, ...]:
        """Every size that `view_size_at` draws."""
        squares = (self.early_image_size,) if self.view_sizes else (self.early_image_size, self.image_size)
        return (
            *(InputSize(side, side) for side in squares),
            *(InputSize(height, width) for width, height in self.view_sizes),
        )

    def batch_size_of(self, size: InputSize) -> int:
        """Number of views of a size, for which there is memory and about the same time."""
        return max(1, min(self.batch_size, self.batch_size * self.image_size**2 // (size.height * size.width)))


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
    rendered_frames: int | None = None
    """How many of them to train on, the first ones: the others are left to measure. Default: all."""
    own_images: str | None = None
    """Folder of labelled images that `handos finetune` wrote, if any."""
    photographs: str | None = None
    """Folder of photographs with weak labels, if any: ``images/`` and ``labels.json``."""
    photograph_joints: JointConvention = "mesh"
    """Where these labels have their joints."""
    boxes: str | None = None
    """Folder of photographs with boxes of hands, if any; some hands may also have joints, and some may be missing."""
    datasets: tuple[DatasetConfiguration, ...] = ()
    """Published data sets. Those that leave visible hands unannotated are used for the decoder only: the detector would
    learn that these are no hands."""
    mano: str | None = None
    """A user's MANO_RIGHT.pkl: the model then predicts its mesh, which the data sets annotate."""
    detector: StageConfiguration | None = None
    """``None`` if the detector is not trained here."""
    backbone_weights: str = ""
    """File with the backbone's ImageNet weights, for a detector that is trained from scratch: see
    `EfficientNetLite.load_imagenet_weights`."""
    detector_weights: str = ""
    """The detector.pt of an earlier run, or a safetensors file, that the detector starts from; default: random weights
    behind the pretrained backbone. Without a section `detector` it stays as it is, and only the decoder is trained. A
    published detector is loaded from this folder or Hugging Face name; default: the preset's."""
    decoder_weights: str = ""
    """The decoder.pt of an earlier run, or a safetensors file, that the decoder starts from, on the detector and side
    network of this run. Default: random weights."""
    held_out_sources: tuple[str, ...] = ()
    """Sources of photographs, with joints or boxes, that are left out of training."""
    processes: int = 1
    """Processes that average their gradients: one per GPU, or one per CPU core."""
    loader_processes: int = 0
    """Processes that read all images into the device's memory before the first step, for GPUs that are faster than the
    CPU decodes images. 0: every step reads its own images."""
    cuda_graph: bool = False
    """Launch the kernels of a step as one CUDA graph: launched one by one, they would leave a large GPU idle."""
    bf16: bool = False
    """Run the backbone and the decoder's layers in bf16; heads and losses stay in single precision. Faster on GPUs and
    on CPUs with instructions for it, slower on others."""
    gradient_checkpointing: bool = False
    """Recompute the decoder's layers in the backward pass instead of keeping their activations."""
    checkpoint_minutes: float = 5.0


StageName = Literal["detector", "decoder"]

MAX_VIEW_SIZES: Final = 16
"""transformers keeps the anchors of 32 sizes in memory, which captured steps go on reading."""


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
        if isinstance(values[name], dict) and "view_sizes" in values[name]:
            values[name]["view_sizes"] = _read_sizes(values[name]["view_sizes"], f"{path}: {name}")
        values[name] = _build(sections[name], values[name] or {}, f"{path}: {name}")
    configuration: TrainingConfiguration = _build(TrainingConfiguration, values, str(path))
    return configuration


def _read_sizes(values: Any, where: str) -> tuple[tuple[int, int], ...]:
    try:
        return tuple((int(width), int(height)) for width, height in values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: view_sizes must be a list of [width, height], got {values}") from error


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(sorted(known))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).split('__init__() ')[-1]}") from error
