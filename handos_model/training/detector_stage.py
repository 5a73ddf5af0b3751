"""First stage: the detector, from random weights behind a pretrained backbone."""

from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from handos_model.architecture.boxes import to_corners
from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.handos import side_network_of
from handos_model.architecture.presets import DFinePreset, Preset, preset_named
from handos_model.io.frame import ImageArray
from handos_model.training.checkpoint import load_average
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_losses import DetectorSupervision
from handos_model.training.image_sources import AnnotatedImages
from handos_model.training.loop import Supervised, TrainingLoop
from handos_model.training.mixture import open_mixture
from handos_model.training.pictures import draw_boxes, pictures_of, sheet_of
from handos_model.training.sample import Batch


class SupervisedDetector(Supervised):
    """The detector, the side network and the heads that only training needs.

    The side network learns here for the sake of the detector's features; the second stage goes on from its weights.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        if not isinstance(preset.detector, DFinePreset):
            raise ValueError(f"the detector of preset {preset.name!r} is taken as published: train its decoder only")
        self.detector = DFineDetector(preset.detector)
        self.side_network = side_network_of(self.detector, preset)
        self.supervision = DetectorSupervision(preset)
        self.dense_supervision = DenseSupervision(preset.width)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses of the first stage."""
        found = self.detector(batch.network_input())
        memory = self.side_network(found.shallow_features, found.encoder_features)
        return self.supervision(found, batch) | self.dense_supervision(memory, batch)

    @torch.no_grad()
    def picture_of(self, batch: Batch) -> ImageArray:
        """Boxes that score more than one half."""
        pictures = pictures_of(batch)
        found = self.detector.eval()(batch.image[: len(pictures)].float())
        self.detector.train()
        size = batch.image.shape[-1]
        boxes = [size * to_corners(row[logits > 0]) for row, logits in zip(found.boxes, found.logits, strict=True)]
        return sheet_of(batch, [draw_boxes(picture, row) for picture, row in zip(pictures, boxes, strict=True)])


def train_detector(
    configuration: TrainingConfiguration,
    sources: list[tuple[AnnotatedImages, float]],
    vertices: int,
    checkpoint: Path,
    accelerator: Accelerator,
) -> None:
    """Train the detector, resuming from `checkpoint` where it exists."""
    torch.manual_seed(configuration.seed)
    stage, preset = configuration.detector, preset_named(configuration.preset)
    if stage is None:
        raise ValueError("the training configuration has no detector: train the stage `decoder` only, or add one")
    module = _begin(configuration, preset)
    module.detector.require_sizes(stage.early_image_size, stage.image_size)
    if configuration.bf16:
        module.detector.compute_in_bf16()
    seed, record_steps = configuration.seed, configuration.record_steps
    loop = TrainingLoop(module, stage, checkpoint, seed, accelerator, module.detector.backbone, record_steps)
    mixture = open_mixture(configuration, sources, stage.batch_size, vertices, accelerator.device)
    loop.run(mixture.draw, configuration.checkpoint_minutes)


def _begin(configuration: TrainingConfiguration, preset: Preset) -> SupervisedDetector:
    """Behind a pretrained backbone, or where an earlier run has ended."""
    if configuration.detector_weights:
        module = load_first_stage(preset, Path(configuration.detector_weights))
    else:
        module = SupervisedDetector(preset)
        module.detector.backbone.network.load_imagenet_weights(Path(configuration.backbone_weights))
    module.detector.backbone.network.freeze_fine_stages()
    return module


def load_first_stage(preset: Preset, checkpoint: Path) -> SupervisedDetector:
    """What the first stage has trained, averaged weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such checkpoint, or one of another preset.
    """
    module = SupervisedDetector(preset)
    whose = f"a detector of preset {preset.name!r}"
    load_average(module, checkpoint, whose, remedy="train the detector first (--stage detector)")
    return module
