"""What every engine is: a network that takes one letterboxed picture and answers with a fixed number of hand slots."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from handos_model.hand.hand import FloatArray
from handos_model.inference.input_size import InputSizes
from handos_model.io.frame import ImageArray

REMEDY = "export it anew with `handos export`, or name no weights to use those that are shipped"


class WeightsError(ValueError):
    """The weights cannot be used: what is wrong with them and what to do."""


class BackendError(OSError):
    """A backend cannot run the network on this machine: what it lacks or refuses, and what to do."""


@dataclass(frozen=True)
class EngineOutput:
    """The network's answer: K hand slots, best score first, unused ones with a score near 0.

    Pixels are those of the input. The ray-aligned frame is explained in `camera_geometry`.
    """

    scores: FloatArray
    """(K,) 0..1."""
    boxes: FloatArray
    """(K, 4) x0, y0, x1, y1, input pixels."""
    joints_2d: FloatArray
    """(K, 21, 2) input pixels."""
    joint_spread: FloatArray
    """(K, 21) scale b > 0, input pixels, of a Laplace distribution of the 2D joint, per axis."""
    vertices: FloatArray
    """(K, V, 3) metres relative to the root joint, ray-aligned frame."""
    joints_3d: FloatArray
    """(K, 21, 3) metres relative to the root joint, ray-aligned frame."""
    camera: FloatArray
    """(K, 3) the root's u, v in input pixels and the input pixels per metre at its depth."""


OUTPUT_NAMES: tuple[str, ...] = tuple(field.name for field in fields(EngineOutput))


@dataclass(frozen=True)
class NetworkProperties:
    """What a weights file says about itself."""

    preset: str
    topology_id: str
    """Which mesh its vertices belong to: `HandTopology.id`."""
    input_sizes: InputSizes
    score_threshold: float
    """Score from which on a slot counts as a hand, chosen on validation data."""
    handedness_slope: float
    """How fast the certainty about the side grows with the mesh's relative volume."""

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "NetworkProperties":
        """Read the `handos.*` entries of an ONNX file's metadata.

        Raises
        ------
        WeightsError
            If an entry is missing or no number where one is needed.
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
            raise WeightsError(f"its metadata lacks {error}, so it is no HandOS network: {REMEDY}") from error
        except ValueError as error:
            raise WeightsError(f"its metadata is damaged ({error}): {REMEDY}") from error


class Engine(Protocol):
    """A loaded network, ready to run on one device."""

    @property
    def properties(self) -> NetworkProperties:
        """What the network says about itself."""

    @property
    def description(self) -> str:
        """Backend and device in words, for logs and diagnostics."""

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, H, W, 3) BGR uint8, one of its `input_sizes`."""
