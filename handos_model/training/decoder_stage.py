"""Second stage: side network and decoder, on top of the frozen detector."""

from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from handos_model.architecture.boxes import to_corners
from handos_model.architecture.building import build_model
from handos_model.architecture.detector import Detector
from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.handos import OUTPUT_NAMES, HandOS
from handos_model.architecture.presets import GroundingDinoPreset, Preset, preset_named
from handos_model.hand.topology import HandTopology
from handos_model.io.frame import ImageArray
from handos_model.training.assignment import assign_predictions
from handos_model.training.checkpoint import load_average
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.decoder_losses import DecoderLosses
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_stage import load_first_stage
from handos_model.training.image_sources import AnnotatedImages
from handos_model.training.loop import Supervised, TrainingLoop
from handos_model.training.mixture import open_mixture
from handos_model.training.pictures import draw_joints, pictures_of, sheet_of
from handos_model.training.sample import Batch


class SupervisedDecoder(Supervised):
    """The whole model, of which only side network and decoder learn, and their losses.

    Parameters
    ----------
    preset, topology, detector
        As for `HandOS`.
    decoded_queries
        Assigned queries that are decoded per image and step.
    """

    def __init__(self, preset: Preset, topology: HandTopology, detector: Detector, decoded_queries: int) -> None:
        super().__init__()
        self._decoded_queries = decoded_queries
        self.model = HandOS(preset, topology, detector)
        self.dense_supervision = DenseSupervision(preset.width)
        self.decoder_losses = DecoderLosses(topology)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of the queries that SimOTA assigns to a hand; the others are decoded too and count nothing."""
        size = batch.image.shape[-1]
        found = self.model.detect(batch.network_input())
        assigned = assign_predictions(found.logits, to_corners(found.boxes), batch.boxes / size, batch.is_hand)
        indices, hand = choose_queries(assigned, self._decoded_queries)
        memory = self.model.remember(found)
        layers = self.model.decode(found, memory, indices)
        image_index = torch.arange(len(hand), device=hand.device)[:, None].expand_as(hand)
        hands = batch.of_assigned(image_index.flatten(), hand.clamp(min=0).flatten())
        losses = self.decoder_losses(layers, hands, size, (hand >= 0).flatten())
        return losses | self.dense_supervision(memory, batch)

    @torch.no_grad()
    def picture_of(self, batch: Batch) -> ImageArray:
        """Hands that score more than one half, as the last layer says."""
        pictures = []
        for picture in pictures_of(batch):
            image = torch.from_numpy(picture[None]).to(batch.image.device)
            answer = dict(zip(OUTPUT_NAMES, self.model(image), strict=True))
            right = self.decoder_losses.relative_volume(answer["vertices"]) > 0
            shown = (answer["scores"] > 0.5).nonzero()[:, 0]
            pictures.append(draw_joints(picture, answer["boxes"][shown], answer["joints_2d"][shown], right[shown]))
        return sheet_of(batch, pictures)


def choose_queries(assigned: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Draw queries that answer for a hand, at random; where there are too few, any others fill up.

    Parameters
    ----------
    assigned
        (B, Q) index of a hand, -1 for background.
    count
        Number K to draw.

    Returns
    -------
    tuple[Tensor, Tensor]
        (B, K) indices of queries, and the hands they answer for.
    """
    priority = torch.rand(assigned.shape, device=assigned.device) + (assigned >= 0)
    indices = priority.topk(count, dim=-1).indices
    return indices, assigned.gather(1, indices)


def train_decoder(
    configuration: TrainingConfiguration,
    sources: list[tuple[AnnotatedImages, float]],
    topology: HandTopology,
    detector_checkpoint: Path,
    checkpoint: Path,
    accelerator: Accelerator,
) -> None:
    """Train the decoder, resuming from `checkpoint` where it exists; the detector's weights do not change."""
    torch.manual_seed(configuration.seed + 1)
    stage, preset = configuration.decoder, preset_named(configuration.preset)
    module = _begin(configuration, preset, topology, detector_checkpoint)
    module.model.detector.require_sizes(stage.early_image_size, stage.image_size)
    if configuration.decoder_weights:
        earlier = load_model(preset, topology, Path(configuration.decoder_weights))
        module.model.decoder.load_state_dict(earlier.decoder.state_dict())
    module.model.decoder.checkpointing = configuration.gradient_checkpointing
    if configuration.bf16:
        module.model.compute_in_bf16()
    seed, record_steps = configuration.seed + 1, configuration.record_steps
    loop = TrainingLoop(module, stage, checkpoint, seed, accelerator, record_steps=record_steps)
    mixture = open_mixture(configuration, sources, stage.batch_size, topology.vertex_count, accelerator.device)
    loop.run(mixture.draw, configuration.checkpoint_minutes)


def _begin(
    configuration: TrainingConfiguration, preset: Preset, topology: HandTopology, checkpoint: Path
) -> SupervisedDecoder:
    """On a published detector, or on all that the first stage has trained."""
    stage = configuration.decoder
    if isinstance(preset.detector, GroundingDinoPreset):
        weights = configuration.detector_weights or preset.detector.weights
        detector = GroundingDinoDetector.pretrained(replace(preset.detector, weights=weights))
        return SupervisedDecoder(preset, topology, detector, stage.decoded_queries)
    first_stage = load_first_stage(preset, checkpoint)
    module = SupervisedDecoder(preset, topology, first_stage.detector, stage.decoded_queries)
    module.model.side_network = first_stage.side_network
    module.dense_supervision = first_stage.dense_supervision
    return module


def load_model(preset: Preset, topology: HandTopology, checkpoint: Path) -> HandOS:
    """The whole model with the averaged weights of a checkpoint of this stage.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such checkpoint, or one of another preset.
    """
    model = build_model(preset, topology)
    whose = f"a decoder of preset {preset.name!r}"
    load_average(model, checkpoint, whose, remedy="name the decoder.pt that `handos train` wrote", prefix="model.")
    return model.eval()
