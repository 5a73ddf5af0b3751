"""The interface of a HandOS network file: input, outputs and metadata.

`handos export` writes it and the inference backends read it. This module does not import torch, so that running a
network does not need it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final, Literal

from handos_model.architecture.input_size import InputSizes
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT

INPUT_NAME: Final[str] = "image"
"""(1, H, W, 3) uint8 BGR."""

TRAINED_WEIGHTS_SUFFIX: Final[str] = ".safetensors"
"""Of files to train on, beside the ``.onnx`` files to run: see `trained_weights`."""

INT8_SUFFIX: Final[str] = ".int8.onnx"
"""Of files for CPUs, with convolutions in int8, beside the ``.onnx`` files that they were made of."""


def is_int8(path: Path) -> bool:
    """Whether a file is a network with convolutions in int8."""
    return path.name.endswith(INT8_SUFFIX)


def int8_beside(path: Path) -> Path:
    """The file with convolutions in int8 that belongs to a network file; the file itself if it is one."""
    return path if is_int8(path) else path.with_suffix(INT8_SUFFIX)


REEXPORT: Final[str] = "export it again with `handos export`, or leave the weights out to use the shipped ones"


class WeightsError(ValueError):
    """The weights cannot be used; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class NetworkOutput:
    """K hand slots, best score first; unused slots have a score near 0.

    K is fixed, or it is the number of hands with scores of at least `MIN_DECODED_SCORE`, but at least one and at most
    `NetworkProperties.max_hands`.

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

_NAME: Final = re.compile(r"[\w-]{1,64}")

HAND_COUNT_NAME: Final[str] = "hand_count"
"""Tensor (1,) in a network that decodes as many hands as it finds: their number. Runtimes that need static shapes
replace it by `MAX_HANDS_NAME`."""
MAX_HANDS_NAME: Final[str] = "max_hands"
"""Optional input (1,) int64 of such a network: the most hands."""
MIN_DECODED_SCORE: Final[float] = 0.1
"""Such a network decodes hands from this score on: well below that at which a tracker keeps a hand."""

GPU_SIDE: Final[int] = 640
"""Side in pixels of a square with as many pixels as the inputs on GPUs, by default: small hands need them."""
MAX_INPUT_SIDE: Final[int] = 4096
"""Side of the largest square that a network file may ask for, in pixels."""


def output_shapes(slots: int | None, vertices: int | None) -> dict[str, tuple[int | None, ...]]:
    """Shape of each output by its name, for numbers of hand slots and of mesh vertices; ``None``: any number."""
    shapes: dict[str, tuple[int | None, ...]] = {
        "scores": (),
        "boxes": (4,),
        "joints_2d": (JOINT_COUNT, 2),
        "joint_spread": (JOINT_COUNT,),
        "vertices": (vertices, 3),
        "joints_3d": (JOINT_COUNT, 3),
        "camera": (3,),
    }
    return {name: (slots, *shape) for name, shape in shapes.items()}


def require_output_shapes(declared: Mapping[str, Sequence[int | str | None]], vertices: int | None) -> None:
    """Raise if the outputs that a network file declares are not those of `NetworkOutput`.

    Parameters
    ----------
    declared
        Shapes by name; a dimension that is not a number is known only when the network runs.
    vertices
        Vertices of the network's mesh; ``None``: any number.

    Raises
    ------
    WeightsError
        If an output is missing or has another shape.
    """
    missing = ", ".join(sorted(set(OUTPUT_NAMES) - set(declared)))
    if missing:
        raise WeightsError(f"it lacks the outputs {missing}, so it is not a HandOS network: {REEXPORT}")
    slots = next((size for size in declared["scores"] if isinstance(size, int)), None)
    for name, shape in output_shapes(slots, vertices).items():
        if len(declared[name]) != len(shape) or any(map(_differ, declared[name], shape)):
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise WeightsError(
                f"its output {name} has the shape {list(declared[name])} instead of [{expected}]: {REEXPORT}"
            )


def _differ(declared: int | str | None, expected: int | None) -> bool:
    return isinstance(declared, int) and expected is not None and declared != expected


@dataclass(frozen=True)
class NetworkProperties:
    """Metadata of a network file."""

    preset: str
    topology_id: str
    """`HandTopology.id` of the mesh that the vertices belong to."""
    input_sizes: InputSizes
    score_threshold: float
    """Slots with a higher score count as hands, 0..1; chosen on validation data."""
    handedness_slope: float
    """`slope` of `hand.handedness.handedness_from_mesh`, positive."""
    trained_sides: tuple[int, int] | None = None
    """Smallest and largest side of a square with as many pixels as the images that the network was trained on;
    ``None``: only that of `input_sizes`."""
    max_hands: int | None = None
    """Of a network that decodes as many hands as it finds: the most. ``None``: it has a fixed number of slots."""

    def __post_init__(self) -> None:
        for name, value in (("preset", self.preset), ("topology", self.topology_id)):
            # They become parts of file names.
            if _NAME.fullmatch(value) is None:
                raise WeightsError(f"{name} must be a name of letters, digits, - and _, got {value[:100]!r}")
        if not 0 <= self.score_threshold <= 1:
            raise WeightsError(f"score_threshold must lie in 0..1, got {self.score_threshold}")
        if not (self.handedness_slope > 0 and math.isfinite(self.handedness_slope)):
            raise WeightsError(f"handedness_slope must be positive and finite, got {self.handedness_slope}")
        if self.input_sizes.side > MAX_INPUT_SIDE:
            raise WeightsError(f"image_size must be at most {MAX_INPUT_SIDE} pixels, got {self.input_sizes.side}")
        smallest, largest = self.trained_sides or (self.input_sizes.side,) * 2
        if not 1 <= smallest <= self.input_sizes.side <= largest <= MAX_INPUT_SIDE:
            raise WeightsError(
                f"image_size {self.input_sizes.side} must lie within trained_sizes, {smallest} to {largest}, which may "
                f"be at most {MAX_INPUT_SIDE}"
            )
        if self.max_hands is not None and self.max_hands < 1:
            raise WeightsError(f"max_hands must be at least 1, got {self.max_hands}")

    def at_resolution(self, side: int) -> "NetworkProperties":
        """The properties of the network with inputs of as many pixels as a square of `side` pixels.

        Raises
        ------
        WeightsError
            If the network was not trained for it.
        """
        sizes, allowed = self.input_sizes, self.trained_sides
        if side == sizes.side:
            return self
        if allowed is None or sizes.square_only:
            raise WeightsError(
                f"resolution {side} is not possible: these weights run at {sizes.side} pixels only. Leave resolution "
                "out, or use weights that were trained on several sizes"
            )
        if not allowed[0] <= side <= allowed[1] or side % sizes.multiple:
            raise WeightsError(
                f"resolution {side} is not possible: choose a multiple of {sizes.multiple} from {allowed[0]} to "
                f"{allowed[1]} pixels, which these weights were trained on"
            )
        return replace(self, input_sizes=InputSizes(side, sizes.multiple))

    def to_metadata(self) -> dict[str, str]:
        """Convert to entries of an ONNX file's metadata."""
        optional = {} if self.max_hands is None else {"handos.max_hands": str(self.max_hands)}
        if self.trained_sides is not None:
            optional["handos.trained_sizes"] = ",".join(map(str, self.trained_sides))
        return optional | {
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
            If an entry is missing, is not a number but should be, or lies outside its range.
        """
        try:
            return cls(
                preset=metadata["handos.preset"],
                topology_id=metadata["handos.topology"],
                input_sizes=InputSizes(int(metadata["handos.image_size"]), int(metadata["handos.image_multiple"])),
                score_threshold=float(metadata["handos.score_threshold"]),
                handedness_slope=float(metadata["handos.handedness_slope"]),
                trained_sides=_read_sides(metadata.get("handos.trained_sizes")),
                max_hands=int(metadata["handos.max_hands"]) if "handos.max_hands" in metadata else None,
            )
        except KeyError as error:
            raise WeightsError(f"the metadata has no {error}, so this is not a HandOS network: {REEXPORT}") from error
        except ValueError as error:
            raise WeightsError(f"the metadata is damaged ({error}): {REEXPORT}") from error


def _read_sides(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    smallest, largest = map(int, text.split(","))
    return smallest, largest


Resolution = int | Literal["recommended"] | None
"""Side in pixels of a square with as many pixels as the inputs; "recommended": that of the weights, so that results do
not depend on the machine; ``None``: that on CPUs, and on GPUs up to `GPU_SIDE`, if the weights were trained for it."""


@dataclass(frozen=True)
class RunChoices:
    """What a network is loaded for, where it leaves a choice."""

    resolution: Resolution = None
    max_hands: int | None = None
    """The most hands that are decoded; ``None``: as many as the network can."""

    def apply(self, properties: NetworkProperties) -> NetworkProperties:
        """The properties of a network that is run so.

        Raises
        ------
        WeightsError
            If the network does not run at the resolution.
        """
        if isinstance(self.resolution, int):
            properties = properties.at_resolution(self.resolution)
        if self.max_hands is not None and properties.max_hands is not None:
            properties = replace(properties, max_hands=min(self.max_hands, properties.max_hands))
        return properties

    def apply_on_gpu(self, properties: NetworkProperties) -> NetworkProperties:
        """As `apply`, with the default of GPUs."""
        sizes, trained = properties.input_sizes, properties.trained_sides
        if self.resolution is None and trained is not None and not sizes.square_only:
            side = min(GPU_SIDE, trained[1]) // sizes.multiple * sizes.multiple
            properties = properties.at_resolution(max(side, sizes.side))
        return self.apply(properties)
