"""The interface of DETR-like detectors to the decoder."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from handos_model.architecture.input_size import InputSize


@dataclass(frozen=True)
class DetectorOutput:
    """Features, queries, boxes and scores; boxes are (cx, cy, w, h) as fractions of the input image's longer side.

    B images of H x W pixels, Q queries, D detector channels; F is the stride of the finest encoder map.
    """

    shallow_features: Tensor
    """(B, C, 2H/F, 2W/F) of the backbone; input of the side network."""
    encoder_features: tuple[Tensor, ...]
    """(B, D, H/F, W/F), each further map half as large: F_e of the paper."""
    first_queries: Tensor
    """(B, Q, D) after the first decoder layer: Q_0 of the paper."""
    last_queries: Tensor
    """(B, Q, D) after the last decoder layer."""
    boxes: Tensor
    """(B, Q, 4) of the last decoder layer."""
    logits: Tensor
    """(B, Q) "is a hand", before the sigmoid."""


class Detector(nn.Module, ABC):
    """Takes float images (B, 3, H, W), BGR 0..255; it normalises them itself, so that this is part of the graph."""

    shallow_channels: int
    """C."""
    width: int
    """D."""
    levels: int
    """Number of encoder maps."""
    input_multiple: int
    """H and W must be multiples of this."""
    takes_any_aspect: bool
    """Whether H and W may differ."""

    @abstractmethod
    def forward(self, image: Tensor) -> DetectorOutput:
        """Detect."""

    @abstractmethod
    def compute_in_bf16(self) -> None:
        """Run the parts that gain time and memory from it in bf16 from now on, for training."""

    def require_sizes(self, *sizes: InputSize) -> None:
        """Check that the detector takes images of these sizes.

        Raises
        ------
        ValueError
            If it does not.
        """
        for size in sizes:
            if size.height != size.width and not self.takes_any_aspect:
                raise ValueError(f"image size {size} does not fit this model, which takes squares only: choose one")
            for side in (size.width, size.height):
                if side % self.input_multiple:
                    raise ValueError(
                        f"image size {side} does not fit this model: choose a multiple of {self.input_multiple}"
                    )

    def freeze(self) -> None:
        """Freeze the weights and the statistics of batch normalisation."""
        self.requires_grad_(False)
        self.eval()
