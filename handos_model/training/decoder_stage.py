"""Second stage: side network and decoder, on top of the frozen detector."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from handos_model.architecture.box_ops import box_cxcywh_to_xyxy
from handos_model.architecture.contract import OUTPUT_NAMES, TRAINED_WEIGHTS_SUFFIX
from handos_model.architecture.decoder import HandDecoder
from handos_model.architecture.detector import Detector
from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.presets import GroundingDinoPreset, Preset, preset_named
from handos_model.architecture.trained_weights import read_trained_model, require_mesh
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import Batch
from handos_model.training.checkpoint import load_averaged_weights
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.decoder_losses import DecoderLosses
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_stage import load_supervised_detector
from handos_model.training.image_sources import AnnotatedImages, DeviceCachedImages
from handos_model.training.loop import SupervisedModule, TrainingLoop
from handos_model.training.matcher import match_predictions
from handos_model.training.mixture import open_mixture
from handos_model.training.sample_sheet import draw_joints, draw_sample_sheet, first_images


class SupervisedDecoder(SupervisedModule):
    """The whole model and the losses of side network and decoder; the detector is frozen.

    Parameters
    ----------
    preset, topology, detector
        As for `HandOS`.
    decoded_queries
        Number of queries that are decoded per image and step.
    gentle
        As in `StageConfiguration`.
    """

    def __init__(
        self,
        preset: Preset,
        topology: HandTopology,
        detector: Detector,
        decoded_queries: int,
        gentle: bool = False,
    ) -> None:
        super().__init__(gentle)
        self._decoded_queries = decoded_queries
        self.model = HandOS(preset, topology, detector)
        self.dense_supervision = DenseSupervision(preset.width, gentle)
        self.decoder_losses = DecoderLosses(topology, gentle)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of queries that SimOTA matches to a hand with joints; if they are too few, others have weight 0."""
        size = batch.longer_side
        output = self.model.detect(batch.network_input())
        corners = box_cxcywh_to_xyxy(output.boxes)
        matches = match_predictions(output.logits, corners, batch.boxes / size, batch.is_hand)
        with_joints = (matches >= 0) & batch.has_joints.gather(1, matches.clamp(min=0))
        indices, hand = sample_queries(matches.masked_fill(~with_joints, -1), self._decoded_queries)
        memory = self.model.encode_memory(output)
        decoded = self.model.decode(output, memory, indices)
        image_index = torch.arange(len(hand), device=hand.device)[:, None].expand_as(hand)
        hands = batch.select_hands(image_index.flatten(), hand.clamp(min=0).flatten())
        is_known = (hand >= 0) & batch.has_joints[image_index, hand.clamp(min=0)]
        losses = self.decoder_losses(decoded, hands, size, is_known.flatten())
        return losses | self.dense_supervision(memory, batch)

    @torch.no_grad()
    def draw_samples(self, batch: Batch) -> ImageArray:
        """Hands with a score above 0.5, predicted by the last layer, beside the annotations."""
        drawn = []
        for image in first_images(batch):
            output = self.model(torch.from_numpy(image[None]).to(batch.image.device))
            hands = dict(zip(OUTPUT_NAMES, output, strict=True))
            right = self.decoder_losses.relative_volume(hands["vertices"]) > 0
            shown = (hands["scores"] > 0.5).nonzero()[:, 0]
            drawn.append(draw_joints(image, hands["boxes"][shown], hands["joints_2d"][shown], right[shown]))
        return draw_sample_sheet(batch, drawn)


def sample_queries(matches: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Draw matched queries at random, and unmatched ones if there are too few.

    Parameters
    ----------
    matches
        (B, Q) index of a hand, -1 for background.
    count
        Number K to draw.

    Returns
    -------
    tuple[Tensor, Tensor]
        (B, K) indices of queries, and their entries of `matches`.
    """
    priority = torch.rand(matches.shape, device=matches.device) + (matches >= 0)
    indices = priority.topk(count, dim=-1).indices
    return indices, matches.gather(1, indices)


def train_decoder(
    configuration: TrainingConfiguration,
    sources: Sequence[tuple[AnnotatedImages | DeviceCachedImages, float]],
    topology: HandTopology,
    detector_checkpoint: Path,
    checkpoint: Path,
    accelerator: Accelerator,
) -> None:
    """Train the decoder, resuming from `checkpoint` if it exists; the detector's weights do not change."""
    torch.manual_seed(configuration.seed + 1)
    stage, preset = configuration.decoder, preset_named(configuration.preset)
    module = _build_module(configuration, preset, topology, detector_checkpoint)
    module.model.detector.require_sizes(*stage.all_view_sizes())
    if configuration.decoder_weights:
        load_decoder(module.model.decoder, preset, topology, Path(configuration.decoder_weights))
    module.model.decoder.checkpointing = configuration.gradient_checkpointing
    if configuration.bf16:
        module.model.compute_in_bf16()
    seed, cuda_graph = configuration.seed + 1, configuration.cuda_graph
    loop = TrainingLoop(module, stage, checkpoint, seed, accelerator, cuda_graph=cuda_graph)
    mixture = open_mixture(configuration, sources, topology.vertex_count, accelerator.device)
    loop.run(mixture.draw, configuration.checkpoint_minutes)


def _build_module(
    configuration: TrainingConfiguration, preset: Preset, topology: HandTopology, checkpoint: Path
) -> SupervisedDecoder:
    """Start from a published detector, or from what the first stage of this run or of an earlier one has trained."""
    stage = configuration.decoder
    if isinstance(preset.detector, GroundingDinoPreset):
        weights = configuration.detector_weights or preset.detector.weights
        detector = GroundingDinoDetector.pretrained(replace(preset.detector, weights=weights))
        return SupervisedDecoder(preset, topology, detector, stage.decoded_queries)
    if configuration.detector is None and configuration.detector_weights:
        checkpoint = Path(configuration.detector_weights)
    first_stage = load_supervised_detector(preset, checkpoint, stage.gentle)
    module = SupervisedDecoder(preset, topology, first_stage.detector, stage.decoded_queries, stage.gentle)
    module.model.side_network = first_stage.side_network
    module.dense_supervision = first_stage.dense_supervision
    return module


def load_decoder(decoder: HandDecoder, preset: Preset, topology: HandTopology, path: Path) -> None:
    """Load the decoder of a checkpoint of this stage, or of a safetensors file, whatever their detector is.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it has no such decoder, or one of another mesh.
    """
    is_safetensors = path.suffix == TRAINED_WEIGHTS_SUFFIX
    if is_safetensors:
        require_mesh(path, topology)
    expected = f"a decoder of preset {preset.name!r}"
    remedy = "name the decoder.pt that `handos train` wrote"
    load_averaged_weights(decoder, path, expected, remedy, prefix="decoder." if is_safetensors else "model.decoder.")


def load_model(preset: Preset, topology: HandTopology, checkpoint: Path) -> HandOS:
    """The whole model with the averaged weights of a checkpoint of this stage, or of a safetensors file.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not such a file, or one of another preset or mesh.
    """
    if checkpoint.suffix == TRAINED_WEIGHTS_SUFFIX:
        return read_trained_model(checkpoint, topology, preset.name)[0]
    model = build_model(preset, topology)
    expected = f"a decoder of preset {preset.name!r}"
    remedy = "name the decoder.pt that `handos train` wrote"
    load_averaged_weights(model, checkpoint, expected, remedy, prefix="model.")
    return model.eval()
