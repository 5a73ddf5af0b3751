"""The interface of a HandOS network file: input, outputs and metadata.

`handos export` writes it and the inference backends read it. This module does not import torch, so that running a
network does not need it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from handos_model.architecture.input_size import InputSizes
from handos_model.geometry.arrays import FloatArray

INPUT_NAME: Final[str] = "image"
"""(1, H, W, 3) uint8 BGR."""

TRAINED_WEIGHTS_SUFFIX: Final[str] = ".safetensors"
"""Of files to train on, beside the ``.onnx`` files to run: see `trained_weights`."""

REEXPORT: Final[str] = "export it again with `handos export`, or leave the weights out to use the shipped ones"


class WeightsError(ValueError):
    """The weights cannot be used; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class NetworkOutput:
    """K hand slots, best score first; unused slots have a score near 0.

    Pixels are those of the network's input. `geometry.projection` defines the ray-aligned frame.
    """

    scores: FloatArray
    """(K,) 0..1."""
    boxes: FloatArray
    """(K, 4) x0, y0, x1, y1, input pixels."""
    joints_2d: FloatArray
    """(K, 21, 2) input pixels."""
    joint_spread: FloatArray
    """(K, 21) input pixels, scale b > 0 of the Laplace distribution of a 2D joint, per axis."""
    vertices: FloatArray
    """(K, V, 3) metres relative to the root joint, ray-aligned frame."""
    joints_3d: FloatArray
    """(K, 21, 3) metres relative to the root joint, ray-aligned frame."""
    camera: FloatArray
    """(K, 3) u, v of the root joint in input pixels, and input pixels per metre at its depth."""


OUTPUT_NAMES: Final[tuple[str, ...]] = tuple(field.name for field in fields(NetworkOutput))


@dataclass(frozen=True)
class NetworkProperties:
    """Metadata of a network file."""

    preset: str
    topology_id: str
    """`HandTopology.id` of the mesh that the vertices belong to."""
    input_sizes: InputSizes
    score_threshold: float
    """Slots with a higher score count as hands; chosen on validation data."""
    handedness_slope: float
    """`slope` of `hand.handedness.handedness_from_mesh`."""

    def to_metadata(self) -> dict[str, str]:
        """Convert to entries of an ONNX file's metadata."""
        return {
            "handos.preset": self.preset,
            "handos.topology": self.topology_id,
            "handos.image_size": str(self.input_sizes.side),
            "handos.image_multiple": str(self.input_sizes.multiple),
            "handos.score_threshold": str(self.score_threshold),
            "handos.handedness_slope": str(self.handedness_slope),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "NetworkProperties":
        """Inverse of `to_metadata`.

        Raises
        ------
        WeightsError
            If an entry is missing, or is not a number but should be.
        """
        try:
            return cls(
                preset=metadata["handos.preset"],
                topology_id=metadata["handos.topology"],
                input_sizes=InputSizes(int(metadata["handos.image_size"]), int(metadata["handos.image_multiple"])),
                score_threshold=float(metadata["handos.score_threshold"]),
                handedness_slope=float(metadata["handos.handedness_slope"]),
            )
        except KeyError as error:
            raise WeightsError(f"the metadata has no {error}, so this is not a HandOS network: {REEXPORT}") from error
        except ValueError as error:
            raise WeightsError(f"the metadata is damaged ({error}): {REEXPORT}") from error
