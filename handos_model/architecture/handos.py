"""The whole model: image -> detector -> query filtering -> interactive decoder -> hands, in one pass."""

import torch
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side
from handos_model.architecture.box_ops import box_cxcywh_to_xyxy
from handos_model.architecture.decoder import DecoderOutput, HandDecoder
from handos_model.architecture.detector import Detector, DetectorOutput
from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import GroundingDinoPreset, Preset
from handos_model.architecture.query_filtering import filter_queries, gather_queries, join_queries
from handos_model.architecture.side_network import Memory, SideNetwork
from handos_model.hand.topology import HandTopology


class HandOS(nn.Module):
    """HandOS (Chen et al., CVPR 2025): a frozen detector, a side network and an interactive 2D-3D decoder.

    Parameters
    ----------
    preset
        Sizes.
    topology
        The mesh.
    detector
        Trained beforehand; frozen here and kept in evaluation mode.
    """

    def __init__(self, preset: Preset, topology: HandTopology, detector: Detector) -> None:
        super().__init__()
        self.slots = preset.hand_slots
        self.detector = detector
        self.detector.freeze()
        self.side_network = build_side_network(preset, detector)
        self.decoder = HandDecoder(preset, topology, detector.width, detector.levels + 1)

    def train(self, mode: bool = True) -> "HandOS":
        """Set the mode of everything but the frozen detector."""
        super().train(mode)
        self.detector.eval()
        return self

    def compute_in_bf16(self) -> None:
        """Run the frozen detector, the side network and the decoder's layers in bf16 from now on, for training."""
        self.detector.compute_in_bf16()
        self.decoder.bf16 = True

    def detect(self, image: Tensor) -> DetectorOutput:
        """(B, 3, H, W) BGR 0..255 -> features, queries, boxes and scores of the frozen detector."""
        with torch.no_grad():
            return self.detector(image)

    def encode_memory(self, detections: DetectorOutput) -> Memory:
        """The features that the decoder attends to."""
        with in_bf16(self.decoder.bf16, detections.boxes):
            return self.side_network(detections.shallow_features, detections.encoder_features)

    def decode(self, detections: DetectorOutput, memory: Memory, indices: Tensor) -> DecoderOutput:
        """Decode the detector queries at `indices` (B, K) -> predictions for H = B K hands."""
        instances = join_queries(
            gather_queries(detections.first_queries, indices), gather_queries(detections.last_queries, indices)
        )
        boxes = gather_queries(detections.boxes, indices)
        return self.decoder(instances.flatten(0, 1), boxes.flatten(0, 1), memory)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Predict the hands of one image.

        Parameters
        ----------
        image
            (1, H, W, 3) uint8 BGR; H = W unless the detector `takes_any_aspect`.

        Returns
        -------
        tuple[Tensor, ...]
            The fields of `contract.NetworkOutput`, in order.
        """
        # Cast first: TensorRT accepts a uint8 input only if it is cast immediately.
        pixels = image.to(self.decoder.part_embedding.dtype).permute(0, 3, 1, 2)
        size = longer_side(pixels)
        detections = self.detect(pixels)
        indices, scores = filter_queries(detections.boxes, detections.logits, self.slots)
        hand = self.decode(detections, self.encode_memory(detections), indices).hand_layers[-1]
        boxes = box_cxcywh_to_xyxy(gather_queries(detections.boxes, indices)[0])
        return (
            scores[0].float(),
            size * boxes.float(),
            size * hand.joints_2d.float(),
            size * hand.joint_spread.float(),
            hand.vertices.float(),
            hand.joints_3d.float(),
            size * hand.camera.float(),
        )


def build_model(preset: Preset, topology: HandTopology) -> HandOS:
    """The whole model with random weights, to load trained ones into."""
    return HandOS(preset, topology, build_detector(preset))


def build_side_network(preset: Preset, detector: Detector) -> SideNetwork:
    """The side network between a detector and the preset's decoder, with random weights."""
    return SideNetwork(detector.shallow_channels, detector.width, preset.width, detector.levels)


def build_detector(preset: Preset) -> Detector:
    """The preset's detector with random weights."""
    if isinstance(preset.detector, GroundingDinoPreset):
        return GroundingDinoDetector.untrained(preset.detector)
    return DFineDetector(preset.detector)
