"""Labels of a user's images: given ones, completed by what the network itself is certain of, or its own alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

import cv2
import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, hand_without_joints
from handos_model.datasets.coco_hands import HandLabel, ImageLabel, read_coco_hands
from handos_model.evaluation.matching import pairwise_iou
from handos_model.files.images import read_image
from handos_model.finetuning.agreement import agree
from handos_model.finetuning.looks import look_around, look_at
from handos_model.finetuning.own_images import find_images
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline

LARGEST_SIDE: Final = 640
"""Images are kept with at most as many pixels along their longer side: the network does not see more."""
_SAME_HAND_IOU: Final = 0.6
_SAME_JOINTS: Final = 0.08
"""Mean distance to the labelled joints, in sides of the box, up to which the network's mesh is that of the label."""
_FIELD_OF_VIEW: Final = 60.0
"""Assumed: the images of a folder do not say which camera took them."""


@dataclass(frozen=True)
class Labels:
    """Which images of a folder there are to use, and what is known about them."""

    names: tuple[str, ...]
    """Paths in the folder, in order."""
    given: Mapping[str, ImageLabel] | None
    """By name; ``None``: there are no labels, and the network has to find them itself."""


def find_labels(folder: Path, file: Path | None) -> Labels:
    """The images of a folder that have a label in a file, or without a file all of them.

    Raises
    ------
    FileNotFoundError
        If folder, file or a labelled image does not exist.
    ValueError
        If the file does not hold labels of hands.
    """
    names = find_images(folder)
    if file is None:
        return Labels(tuple(names), None)
    given = {label.name: label for label in read_coco_hands(file)}
    missing = sorted(set(given) - set(names))
    if missing:
        raise FileNotFoundError(
            f"{folder / missing[0]}, which {file} labels, does not exist ({len(missing)} of {len(given)} images do "
            f"not): {_right_name(missing[0], names)}"
        )
    if not any(label.hands for label in given.values()):
        raise ValueError(
            f"labels {file} hold no hand in any of their images: annotate hands in the categories hand, "
            "left_hand or right_hand, or leave --labels out"
        )
    return Labels(tuple(name for name in names if name in given), given)


def _right_name(missing: str, names: Sequence[str]) -> str:
    """What to do about a file_name that is not that of any of the images in the folder."""
    own = PureWindowsPath(missing).name  # splits at either slash
    alike = next((name for name in names if PurePosixPath(name).name == own), None)
    if alike is None:
        return f'the folder has "{names[0]}", for example: name the folder that file_name begins in with --images'
    slashes = ", with / instead of \\" if "\\" in missing else ""
    return (
        f'the file_name is "{missing}", the folder has "{alike}": write file_name as the path below --images{slashes}, '
        "or name the folder that it begins in with --images"
    )


@dataclass(frozen=True)
class Labeller:
    """Labels the images of a folder.

    The mesh of a labelled hand is the network's own, where its joints are those of the label: so training does not
    forget what 2D labels do not say.
    """

    folder: Path
    given: Mapping[str, ImageLabel] | None
    """Labels by the image's name; ``None``: there are none, and those that the network is certain of are taken."""
    pipeline: HandPipeline
    """The network to start from, with a score threshold of `LOWEST_SCORE`."""

    def label(self, name: str) -> AnnotatedImage | None:
        """The labelled image, not larger than `LARGEST_SIDE`; ``None`` if the network is certain of no hand in it."""
        image = read_image(self.folder / name)
        height, width = image.shape[:2]
        if self.given is None:
            agreed = agree(look_at(self.pipeline, image), width, height)
            if not agreed.hands:
                return None
            label = ImageLabel(name, width, height, agreed.hands, agreed.is_complete)
        else:
            label = self.complete(self.given[name], image)
        camera = CameraIntrinsics.from_field_of_view(width, height, _FIELD_OF_VIEW)
        seen = self.pipeline(image, camera) if any(hand.joints_2d is not None for hand in label.hands) else ()
        hands = tuple(_annotated_hand(hand, seen) for hand in label.hands)
        return shrink(AnnotatedImage(image, hands, camera, is_complete=label.is_complete))

    def complete(self, label: ImageLabel, image: ImageArray) -> ImageLabel:
        """The label with those joints and sides that it lacks and the network is certain of.

        Raises
        ------
        ValueError
            If the image is of another size than its label.
        """
        height, width = image.shape[:2]
        if (width, height) != (label.width, label.height):
            raise ValueError(
                f"image {self.folder / label.name} has {width} x {height} pixels, its label is for {label.width} x "
                f"{label.height}: give the images that were labelled"
            )
        return replace(label, hands=tuple(self._completed_hand(hand, image) for hand in label.hands))

    def _completed_hand(self, hand: HandLabel, image: ImageArray) -> HandLabel:
        if hand.joints_2d is not None and hand.handedness is not None:
            return hand
        height, width = image.shape[:2]
        return _completed_with(hand, agree(look_around(self.pipeline, image, hand.box), width, height).hands)


def _completed_with(hand: HandLabel, agreed: tuple[HandLabel, ...]) -> HandLabel:
    overlaps = pairwise_iou([hand.box], [other.box for other in agreed])[0]
    if not overlaps.size or overlaps.max() < _SAME_HAND_IOU:
        return hand
    other = agreed[int(overlaps.argmax())]
    if hand.joints_2d is not None:
        return replace(hand, handedness=hand.handedness or other.handedness)
    if other.joints_2d is None or hand.handedness not in (None, other.handedness):
        return hand
    return other


def _annotated_hand(label: HandLabel, seen: tuple[Hand, ...]) -> AnnotatedHand:
    if label.joints_2d is None or label.handedness is None:
        return hand_without_joints(label.box)
    hand = AnnotatedHand(label.box, label.joints_2d, label.handedness)
    side = float((label.box[2:] - label.box[:2]).max())
    for other in seen:
        distance = float(np.linalg.norm(other.joints_2d - label.joints_2d, axis=-1).mean())
        if distance <= _SAME_JOINTS * side and other.handedness == label.handedness:
            return replace(hand, joints_3d=other.joints_3d, vertices=other.vertices)
    return hand


def shrink(annotated: AnnotatedImage) -> AnnotatedImage:
    """Shrink an image with its labels to `LARGEST_SIDE`."""
    height, width = annotated.image.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return annotated
    size = max(1, round(width * scale)), max(1, round(height * scale))
    factors = np.array(size) / (width, height)
    image = np.asarray(cv2.resize(annotated.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    hands = tuple(
        replace(
            hand,
            box=((hand.box + 0.5) * np.tile(factors, 2) - 0.5).astype(np.float32),
            joints_2d=((hand.joints_2d + 0.5) * factors - 0.5).astype(np.float32),
        )
        for hand in annotated.hands
    )
    camera = CameraIntrinsics.from_field_of_view(*size, _FIELD_OF_VIEW)
    return replace(annotated, image=image, hands=hands, camera=camera)
