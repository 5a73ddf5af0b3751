"""Folders of image sequences with the truth about every hand in every image.

Each sequence is a folder of its own: ``000000.jpg``, ``000001.jpg`` and so on, which `handos run` plays like any folder
of images, and ``truth.json``. The truth is written last: a folder with it is complete.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics

TRUTH_FILE: Final = "truth.json"


@dataclass(frozen=True)
class SequenceHand:
    """One hand in one image of a sequence, seen or hidden."""

    identity: int
    """The same for this hand in all images of the sequence, and for no other hand."""
    person: int
    """Whose hand it is: the hands of one person differ in handedness."""
    annotation: AnnotatedHand
    in_image: float
    """Fraction of the hand's area that lies inside the image, hidden or not."""
    visible: float
    """Fraction of the hand's area that the image shows: inside it, and hidden by nothing else."""


@dataclass(frozen=True)
class HandSequence:
    """An image sequence and its truth; images are read when they are asked for."""

    folder: Path
    scenario: str
    """What happens in it."""
    seed: int
    """It was rendered from."""
    frame_rate: float
    """Images per second."""
    size: tuple[int, int]
    """Width and height of the images in pixels."""
    camera: CameraIntrinsics
    frames: tuple[tuple[SequenceHand, ...], ...]
    """The hands of each image; a hand that is entirely outside the image is left out."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def stamps(self) -> list[float]:
        """Seconds of each image since the first."""
        return [number / self.frame_rate for number in range(len(self.frames))]

    def images(self) -> Iterator[ImageArray]:
        """The images in order, (H, W, 3) BGR."""
        return map(self.image, range(len(self.frames)))

    def image(self, number: int) -> ImageArray:
        """One of them."""
        return read_image(frame_path(self.folder, number))


def frame_path(folder: Path, number: int) -> Path:
    """File of image `number` of a sequence."""
    return folder / f"{number:06d}.jpg"


def write_truth(sequence: HandSequence) -> None:
    """Write the truth of a sequence, whose images are complete."""
    camera = sequence.camera
    entries = {
        "scenario": sequence.scenario,
        "seed": sequence.seed,
        "frame_rate": sequence.frame_rate,
        "size": list(sequence.size),
        "camera": {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy},
        "frames": [{"hands": [_entry(hand) for hand in hands]} for hands in sequence.frames],
    }
    with atomic_write(sequence.folder / TRUTH_FILE) as temporary:
        temporary.write_text(json.dumps(entries, allow_nan=False) + "\n", encoding="utf-8")


def read_sequences(folder: Path) -> list[HandSequence]:
    """All complete sequences in a folder, by name.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If the truth of one is damaged.
    """
    paths = sorted(folder.glob(f"*/{TRUTH_FILE}"))
    if not paths:
        raise FileNotFoundError(
            f"{folder} contains no sequences (NAME/{TRUTH_FILE}): render them with `handos synth --sequences 2 --out "
            f"{folder}`"
        )
    return [read_sequence(path.parent) for path in paths]


def read_sequence(folder: Path) -> HandSequence:
    """One sequence.

    Raises
    ------
    ValueError
        If its truth is damaged.
    """
    path = folder / TRUTH_FILE
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        width, height = entries["size"]
        return HandSequence(
            folder=folder,
            scenario=str(entries["scenario"]),
            seed=int(entries["seed"]),
            frame_rate=float(entries["frame_rate"]),
            size=(int(width), int(height)),
            camera=CameraIntrinsics(**entries["camera"]),
            frames=tuple(tuple(_hand(hand) for hand in frame["hands"]) for frame in entries["frames"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"truth {path} is damaged ({error!r}): move the folder elsewhere and render again; intact ones are kept"
        ) from error


def _entry(hand: SequenceHand) -> dict[str, Any]:
    annotation = hand.annotation
    if annotation.joints_3d is None or annotation.visibility is None:
        raise ValueError("the hands of a sequence need 3D joints and the visibility of each joint")
    return {
        "identity": hand.identity,
        "person": hand.person,
        "handedness": annotation.handedness,
        "in_image": round(hand.in_image, 4),
        "visible": round(hand.visible, 4),
        "box": _rounded(annotation.box, 2),
        "joints_2d": _rounded(annotation.joints_2d, 2),
        "joints_3d": _rounded(annotation.joints_3d, 5),
        "visibility": annotation.visibility.astype(int).tolist(),
    }


def _rounded(values: npt.NDArray[np.floating], digits: int) -> Sequence[Any]:
    rounded: list[Any] = np.round(values.astype(np.float64), digits).tolist()
    return rounded


def _hand(entry: dict[str, Any]) -> SequenceHand:
    annotation = AnnotatedHand(
        box=_array(entry["box"], (4,)),
        joints_2d=_array(entry["joints_2d"], (21, 2)),
        handedness="right" if entry["handedness"] == "right" else "left",
        visibility=_array(entry["visibility"], (21,)).astype(np.bool_),
        joints_3d=_array(entry["joints_3d"], (21, 3)),
    )
    return SequenceHand(
        int(entry["identity"]), int(entry["person"]), annotation, float(entry["in_image"]), float(entry["visible"])
    )


def _array(values: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    array = np.asarray(values, np.float32)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"expected {shape} finite numbers, found {array.shape}")
    return array
