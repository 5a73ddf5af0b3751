"""First stage: the detector, from random weights behind a pretrained backbone."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.handos import side_network_of
from handos_model.architecture.presets import PRESETS, Preset
from handos_model.training.checkpoint import load_checkpoint
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_losses import DetectorSupervision
from handos_model.training.loop import TrainingLoop
from handos_model.training.mixture import AnnotatedImages, draw_batch
from handos_model.training.sample import Batch


class SupervisedDetector(nn.Module):
    """The detector, the side network and the heads that only training needs.

    The side network learns here for the sake of the detector's features; the second stage goes on from its weights.
    """

    def __init__(self, preset: Preset, image_size: int) -> None:
        super().__init__()
        self.detector = DFineDetector(preset.detector, image_size)
        self.side_network = side_network_of(self.detector, preset)
        self.supervision = DetectorSupervision(preset)
        self.dense_supervision = DenseSupervision(preset.width)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All losses of the first stage."""
        found = self.detector(batch.image.contiguous(memory_format=torch.channels_last))
        memory = self.side_network(found.shallow_features, found.encoder_features)
        return self.supervision(found, batch) | self.dense_supervision(memory[0], batch)  # type: ignore[no-any-return]


def train_detector(
    configuration: TrainingConfiguration,
    sources: list[tuple[AnnotatedImages, float]],
    vertices: int,
    checkpoint: Path,
) -> None:
    """Train the detector, resuming from `checkpoint` where it exists."""
    torch.manual_seed(configuration.seed)
    stage, preset = configuration.detector, PRESETS[configuration.preset]
    module = SupervisedDetector(preset, stage.image_size)
    backbone = module.detector.backbone
    backbone.network.load_imagenet_weights(Path(configuration.backbone_weights))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loop = TrainingLoop(module.train(), stage, checkpoint, configuration.seed, pretrained=backbone)
    draw = partial(draw_batch, sources, stage.batch_size, vertices, configuration.views)
    loop.run(draw, module.losses, configuration.checkpoint_minutes)


def load_first_stage(preset: Preset, checkpoint: Path, image_size: int) -> SupervisedDetector:
    """What the first stage has trained, averaged weights, for images of `image_size` pixels."""
    if not checkpoint.is_file():
        raise FileNotFoundError(f"{checkpoint} not found: train the detector first (--stage detector)")
    module = SupervisedDetector(preset, image_size)
    # The anchors' grid belongs to the image size; everything else is independent of it.
    state = load_checkpoint(checkpoint)["average"]
    module.load_state_dict(state)
    return module
