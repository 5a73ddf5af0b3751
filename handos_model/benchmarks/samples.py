"""A folder of pictures with a JSON file that says where their hands are.

The file maps a picture's path in the folder to ``{"size": [width, height], "hands": [...]}``, each hand with
``joints_2d`` (21 pixels), ``handedness`` as the picture shows it, and sometimes ``joints_3d_m_hand_centred`` (metres).
A picture marked ``unlabelled`` shows hands that are not annotated and is left out; ``source`` names its collection.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.io.source import read_image


@dataclass(frozen=True)
class Samples:
    """Annotated pictures of a folder."""

    folder: Path
    annotations: Mapping[str, Mapping[str, Any]]
    """By path relative to the folder."""

    def __len__(self) -> int:
        return len(self.annotations)

    def __iter__(self) -> Iterator[AnnotatedImage]:
        for name, annotation in self.annotations.items():
            image = read_image(self.folder / name)
            height, width = image.shape[:2]
            if [width, height] != annotation["size"]:
                raise ValueError(
                    f"{self.folder / name} has {width} x {height} pixels, its annotation is for {annotation['size']}: "
                    "give the folder with the pictures that were annotated"
                )
            hands = tuple(_annotated_hand(hand, width, height) for hand in annotation["hands"])
            yield AnnotatedImage(image, hands)


def read_samples(folder: Path, reference: Path, collections: Collection[str] = ()) -> Samples:
    """Read which pictures of a folder are annotated, and how.

    Parameters
    ----------
    folder
        Where the pictures are.
    reference
        JSON file with the annotations.
    collections
        Take only pictures of these collections; all by default.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it holds something else, or nothing of the collections.
    """
    if not reference.is_file():
        raise FileNotFoundError(f"reference {reference} does not exist: give the JSON file with the annotations")
    try:
        annotations = {
            name: annotation
            for name, annotation in json.loads(reference.read_text(encoding="utf-8")).items()
            if "hands" in annotation and not annotation.get("unlabelled") and _belongs(annotation, collections)
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"reference {reference} holds no annotations ({error}): give another file") from error
    if not annotations:
        raise ValueError(f"reference {reference} annotates no picture of {', '.join(collections) or 'any collection'}")
    return Samples(folder, annotations)


def _belongs(annotation: Mapping[str, Any], collections: Collection[str]) -> bool:
    # Crops without hands are named after the collection that they were cut from.
    return not collections or annotation.get("source", "").removeprefix("crop:") in collections


def _annotated_hand(hand: Mapping[str, Any], width: int, height: int) -> AnnotatedHand:
    joints_2d = np.asarray(hand["joints_2d"], np.float32)
    joints_3d = hand.get("joints_3d_m_hand_centred")
    return AnnotatedHand(
        box=box_around_joints(joints_2d, width, height),
        joints_2d=joints_2d,
        handedness=hand["handedness"],
        joints_3d=None if joints_3d is None else np.asarray(joints_3d, np.float32),
    )
