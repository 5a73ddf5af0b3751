"""Labelled images as annotated folders: written once, in parts that an interrupted run keeps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tqdm import tqdm

from handos_model.datasets.annotated_folder import AnnotatedFolder, shard_path, write_shard
from handos_model.datasets.annotations import AnnotatedImage

_SHARD_IMAGES: Final = 50


@dataclass(frozen=True)
class SetCounts:
    """What an image set holds."""

    images: int
    labelled: int
    """Images that gave labels, if only that there is no hand."""
    hands: int
    with_joints: int

    def __str__(self) -> str:
        boxes = self.hands - self.with_joints
        unlabelled = self.images - self.labelled
        return (
            f"{self.labelled} images with {self.hands} hands, {self.with_joints} of them with joints and side"
            f"{f', {boxes} with a box only' if boxes else ''}"
            f"{f'; {unlabelled} more images left out, without a hand that is certain' if unlabelled else ''}"
        )


def write_image_set(
    names: Sequence[str], folder: Path, label: Callable[[str], AnnotatedImage | None], title: str
) -> SetCounts:
    """Label images and write those with a label to an annotated folder; parts that exist are kept.

    Parameters
    ----------
    names
        The images.
    folder
        The annotated folder.
    label
        Gives the labelled image, or ``None``.
    title
        Of the progress bar.
    """
    shards = [names[first : first + _SHARD_IMAGES] for first in range(0, len(names), _SHARD_IMAGES)]
    missing = [number for number in range(len(shards)) if not shard_path(folder, number).exists()]
    done = len(names) - sum(len(shards[number]) for number in missing)
    with tqdm(total=len(names), initial=done, desc=title, unit=" images", disable=None) as progress:
        for number in missing:
            labelled = []
            for name in shards[number]:
                labelled.append(label(name))
                progress.update()
            write_shard(folder, number, [image for image in labelled if image is not None])
    return _count(AnnotatedFolder(folder), len(names))


def _count(written: AnnotatedFolder, images: int) -> SetCounts:
    hands = [hand for image in written for hand in image.hands]
    return SetCounts(images, len(written), len(hands), sum(hand.has_joints for hand in hands))


def without_meshes(image: AnnotatedImage) -> AnnotatedImage:
    """The image without labels in metres: nothing is to be measured against the network's own guess."""
    return replace(image, hands=tuple(replace(hand, joints_3d=None, vertices=None) for hand in image.hands))
