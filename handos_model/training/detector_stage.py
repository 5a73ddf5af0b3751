"""First stage: the detector, from random weights behind a pretrained backbone."""

from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from handos_model.architecture.box_ops import box_cxcywh_to_xyxy
from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX
from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.handos import build_side_network
from handos_model.architecture.presets import DFinePreset, Preset, preset_named
from handos_model.geometry.arrays import ImageArray
from handos_model.training.batch import Batch
from handos_model.training.checkpoint import load_averaged_weights
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_losses import DetectorSupervision
from handos_model.training.image_sources import AnnotatedImages, DeviceCachedImages
from handos_model.training.loop import SupervisedModule, TrainingLoop
from handos_model.training.mixture import open_mixture
from handos_model.training.sample_sheet import draw_boxes, draw_sample_sheet, first_images


class SupervisedDetector(SupervisedModule):
    """The detector, the side network and the heads that exist in training only.

    The side network is trained here to shape the detector's features; the second stage starts from its weights.
    """

    def __init__(self, preset: Preset, gentle: bool = False) -> None:
        super().__init__(gentle)
        if not isinstance(preset.detector, DFinePreset):
            raise ValueError(
                f"preset {preset.name!r} uses a published detector: train the decoder only (--stage decoder)"
            )
        self.detector = DFineDetector(preset.detector)
        self.side_network = build_side_network(preset, self.detector)
        self.supervision = DetectorSupervision(preset, gentle)
        self.dense_supervision = DenseSupervision(preset.width, gentle)

    def freeze_pretrained(self) -> None:
        """Freeze the backbone's fine stages and, trained gently, its depthwise kernels."""
        network = self.detector.backbone.network
        network.freeze_fine_stages()
        if self._gentle:
            network.freeze_depthwise_kernels()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses of the first stage."""
        output = self.detector(batch.network_input())
        memory = self.side_network(output.shallow_features, output.encoder_features)
        return self.supervision(output, batch) | self.dense_supervision(memory, batch)

    @torch.no_grad()
    def draw_samples(self, batch: Batch) -> ImageArray:
        """Boxes with a score above 0.5 beside the annotations."""
        images = first_images(batch)
        output = self.detector.eval()(batch.image[: len(images)].float())
        self.train()
        corners = [
            batch.longer_side * box_cxcywh_to_xyxy(boxes[logits > 0])
            for boxes, logits in zip(output.boxes, output.logits, strict=True)
        ]
        return draw_sample_sheet(
            batch, [draw_boxes(image, boxes) for image, boxes in zip(images, corners, strict=True)]
        )


def train_detector(
    configuration: TrainingConfiguration,
    sources: Sequence[tuple[AnnotatedImages | DeviceCachedImages, float]],
    vertex_count: int,
    checkpoint: Path,
    accelerator: Accelerator,
) -> None:
    """Train the detector, resuming from `checkpoint` if it exists."""
    torch.manual_seed(configuration.seed)
    stage, preset = configuration.detector, preset_named(configuration.preset)
    if stage is None:
        raise ValueError(
            "the training configuration has no section detector: add it, or train the decoder only (--stage decoder)"
        )
    module = _build_module(configuration, preset, stage.gentle)
    module.detector.require_sizes(*stage.all_view_sizes())
    if configuration.bf16:
        module.detector.compute_in_bf16()
    seed, cuda_graph = configuration.seed, configuration.cuda_graph
    loop = TrainingLoop(module, stage, checkpoint, seed, accelerator, module.detector.backbone, cuda_graph)
    mixture = open_mixture(configuration, sources, vertex_count, accelerator.device)
    loop.run(mixture.draw, configuration.checkpoint_minutes)


def _build_module(configuration: TrainingConfiguration, preset: Preset, gentle: bool) -> SupervisedDetector:
    """Start from earlier weights, or from random weights behind a pretrained backbone."""
    if configuration.detector_weights:
        module = load_supervised_detector(preset, Path(configuration.detector_weights), gentle)
    else:
        module = SupervisedDetector(preset, gentle)
        module.detector.backbone.network.load_imagenet_weights(Path(configuration.backbone_weights))
    module.freeze_pretrained()
    return module


def load_supervised_detector(preset: Preset, checkpoint: Path, gentle: bool = False) -> SupervisedDetector:
    """The averaged weights of a checkpoint of this stage, or detector and side network of a safetensors file.

    A safetensors file has no heads for training; they start from random weights.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not such a file, or one of another preset.
    """
    module = SupervisedDetector(preset, gentle)
    expected, remedy = f"a detector of preset {preset.name!r}", "train the detector first (--stage detector)"
    if checkpoint.suffix == TRAINED_WEIGHTS_SUFFIX:
        load_averaged_weights(module.detector, checkpoint, expected, remedy, prefix="detector.")
        load_averaged_weights(module.side_network, checkpoint, expected, remedy, prefix="side_network.")
    else:
        load_averaged_weights(module, checkpoint, expected, remedy)
    return module
