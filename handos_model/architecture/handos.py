"""The whole model: image -> detector -> query filtering -> interactive decoder -> hands, in one pass."""

import torch
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side
from handos_model.architecture.boxes import to_corners
from handos_model.architecture.decoder import HandDecoder, HandPrediction
from handos_model.architecture.detector import Detector, DetectorOutput
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import Preset
from handos_model.architecture.query_filtering import filter_queries, gather_queries, join_queries
from handos_model.architecture.side_network import Memory, SideNetwork
from handos_model.hand.topology import HandTopology

OUTPUT_NAMES = ("scores", "boxes", "joints_2d", "joint_spread", "vertices", "joints_3d", "camera")
"""What `HandOS.forward` returns, in order; the runtime reads them from the exported graph by these names."""


def side_network_of(detector: Detector, preset: Preset) -> SideNetwork:
    """A side network, not yet trained, between a detector and a preset's decoder."""
    return SideNetwork(detector.shallow_channels, detector.width, preset.width, detector.levels)


class HandOS(nn.Module):
    """HandOS (Chen et al., CVPR 2025): a frozen detector, a side network and an interactive 2D-3D decoder.

    Parameters
    ----------
    preset
        Sizes.
    topology
        The mesh.
    detector
        Trained before; it is frozen here and stays in evaluation mode.
    """

    def __init__(self, preset: Preset, topology: HandTopology, detector: Detector) -> None:
        super().__init__()
        self.slots = preset.hand_slots
        self.detector = detector
        self.detector.freeze()
        self.side_network = side_network_of(detector, preset)
        self.decoder = HandDecoder(preset, topology, detector.width, detector.levels + 1)

    def train(self, mode: bool = True) -> "HandOS":
        """Switch everything but the frozen detector."""
        super().train(mode)
        self.detector.eval()
        return self

    def compute_in_bf16(self) -> None:
        """From now on run the frozen detector, the side network and the decoder's layers in bf16, for training."""
        self.detector.compute_in_bf16()
        self.decoder.bf16 = True

    def detect(self, image: Tensor) -> DetectorOutput:
        """(B, 3, H, W) BGR 0..255 -> features, queries, boxes and scores of the frozen detector."""
        with torch.no_grad():
            return self.detector(image)

    def remember(self, found: DetectorOutput) -> Memory:
        """What the decoder reads of an image, instead of the image."""
        with in_bf16(self.decoder.bf16, found.boxes):
            return self.side_network(found.shallow_features, found.encoder_features)

    def decode(self, found: DetectorOutput, memory: Memory, indices: Tensor) -> list[HandPrediction]:
        """Decode the queries (B, K) chosen from a detection -> every layer's answer for H = B K hands."""
        instances = join_queries(
            gather_queries(found.first_queries, indices), gather_queries(found.last_queries, indices)
        )
        boxes = gather_queries(found.boxes, indices)
        return self.decoder(instances.flatten(0, 1), boxes.flatten(0, 1), memory)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the hands of one image.

        Parameters
        ----------
        image
            (1, H, W, 3) uint8 BGR, H = W unless the detector `takes_any_aspect`.

        Returns
        -------
        tuple[Tensor, ...]
            `OUTPUT_NAMES` for K hand slots, best first: scores (K,), boxes (K, 4) corners, joints_2d (K, 21, 2),
            joint_spread (K, 21) in input pixels; vertices (K, V, 3) and joints_3d (K, 21, 3) in metres from the root
            joint, ray-aligned frame; camera (K, 3) u, v and pixels per metre.
        """
        # Cast first: TensorRT knows uint8 only as an input that is cast at once.
        pixels = image.to(self.decoder.part_embedding.dtype).permute(0, 3, 1, 2)
        size = longer_side(pixels)
        found = self.detect(pixels)
        indices, scores = filter_queries(found.boxes, found.logits, self.slots)
        hand = self.decode(found, self.remember(found), indices)[-1]
        assert hand.vertices is not None
        assert hand.joints_3d is not None
        assert hand.camera is not None
        boxes = to_corners(gather_queries(found.boxes, indices)[0])
        return (
            scores[0].float(),
            size * boxes.float(),
            size * hand.joints_2d.float(),
            size * hand.joint_spread.float(),
            hand.vertices.float(),
            hand.joints_3d.float(),
            size * hand.camera.float(),
        )
