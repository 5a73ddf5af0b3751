"""Labels of hands in a COCO-style JSON file: boxes, and for some hands 21 joints and the side.

``images`` have ``id``, ``file_name``, ``width`` and ``height``; ``annotations`` have ``image_id``, ``category_id``,
``bbox`` (x, y, width, height) and optionally ``keypoints``, 21 triples x, y, v in the order of `JOINT_NAMES`, of which
v = 0 says that the joint is not annotated. The side is in the category's name (left_hand), or is the annotation's
``handedness`` or that of its ``attributes``. ``iscrowd`` marks a region whose hands are not annotated one by one.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

import numpy as np

from handos_model.datasets.annotations import box_around_joints
from handos_model.datasets.coco_file import FORMAT, Entry, numbers, read_coco_file, required
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES

_FINGERS: Final = {"thumb": "thumb", "index": "index", "middle": "middle", "ring": "ring", "pinky": "pinky|little"}
_BOX: Final = "x, y, width and height in pixels"
_LARGEST_FRACTION: Final = 1.5
"""Normalised joints may lie somewhat outside the image; no hand is as small as that in pixels."""
_NEAR: Final = 0.5
"""Joints within this many of its sides around a box are near it."""


@dataclass(frozen=True)
class HandLabel:
    """What is known about one hand in an image."""

    box: FloatArray
    """(4,) x0, y0, x1, y1 in pixels."""
    joints_2d: FloatArray | None = None
    """(21, 2) pixels; ``None`` unless all of them are annotated."""
    handedness: Handedness | None = None


@dataclass(frozen=True)
class ImageLabel:
    """The hands of one image."""

    name: str
    """Path in the folder of images."""
    width: int
    height: int
    hands: tuple[HandLabel, ...]
    is_complete: bool = True
    """Whether every hand is labelled."""


def read_coco_hands(path: Path) -> tuple[ImageLabel, ...]:
    """Read the labels of all images of a file; an image without annotations shows no hand.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ValueError
        If it is something else, or an entry is invalid; the message names it.
    """
    file = read_coco_file(path)
    sides = _hand_categories(file.categories, path)
    of_image = defaultdict(list)
    for annotation in file.annotations:
        of_image[annotation["image_id"]].append(annotation)
    return tuple(_image_label(image, of_image[image["id"]], sides, path) for image in file.images)


def _hand_categories(categories: Sequence[Entry], path: Path) -> dict[Any, Handedness | None]:
    """The side of each category of hands by its id; other categories, such as persons, are left out."""
    names = {each["id"]: str(each.get("name", "")) for each in categories}
    hands = {number: name for number, name in names.items() if re.search("hand|left|right", name.lower())}
    if not hands and len(names) != 1:
        listed = ", ".join(map(repr, names.values())) or "none"
        raise ValueError(f"labels {path}: no category is a hand ({listed}): name one hand, left_hand or right_hand")
    for category in categories:
        if category["id"] in (hands or names):
            _require_joint_order([str(name) for name in category.get("keypoints", ())], path)
    return {number: _side_in(name) for number, name in (hands or names).items()}


def _require_joint_order(names: Sequence[str], path: Path) -> None:
    if not names:
        return
    if len(names) != JOINT_COUNT:
        raise ValueError(f"labels {path}: a hand has {len(names)} keypoints instead of {JOINT_COUNT}: {FORMAT}")
    for ours, theirs in zip(JOINT_NAMES, names, strict=True):
        for finger, pattern in _FINGERS.items():
            if re.search(pattern, theirs.lower()) and not ours.startswith(finger):
                raise ValueError(
                    f"labels {path}: keypoint {theirs!r} stands where {ours!r} is expected: order them wrist, thumb, "
                    "index, middle, ring, pinky, each finger from its root to its tip"
                )


def _side_in(name: str) -> Handedness | None:
    words = [side for side in ("left", "right") if side in name.lower()]
    return cast(Handedness, words[0]) if len(words) == 1 else None


def _image_label(
    image: Entry, annotations: Sequence[Entry], sides: Mapping[Any, Handedness | None], path: Path
) -> ImageLabel:
    name = image["file_name"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"labels {path}: image {image['id']} has no file_name: give its path below --images")
    name = PurePosixPath(name).as_posix()
    where = f"labels {path}, image {name}"
    width, height = (_size(image, side, where) for side in ("width", "height"))
    if min(width, height) < 1:
        raise ValueError(f"{where}: it has {width} x {height} pixels: give its real size")
    hands, is_complete = [], True
    for annotation in annotations:
        if annotation["category_id"] not in sides:
            continue
        if annotation.get("iscrowd"):
            is_complete = False
            continue
        hands.append(_hand_label(annotation, sides[annotation["category_id"]], width, height, where))
    return ImageLabel(name, width, height, tuple(hands), is_complete)


def _size(image: Entry, key: str, where: str) -> int:
    return int(numbers([required(image, key, where)], 1, f"{where}, {key}", "pixels")[0])


def _hand_label(annotation: Entry, side: Handedness | None, width: int, height: int, where: str) -> HandLabel:
    where = f"{where}, annotation {annotation.get('id')}"
    joints = _joints(annotation, width, height, where)
    side = _handedness(annotation, where) or side
    if joints is None:
        return HandLabel(_box(required(annotation, "bbox", where), width, height, where), None, side)
    if "bbox" in annotation:
        _require_near(joints, _box(annotation["bbox"], width, height, where), where)
    # By the same rule as everywhere: boxes that people draw are narrower or wider.
    box = box_around_joints(joints, width, height)
    if not (box[:2] < box[2:]).all():
        raise ValueError(f"{where}: the keypoints are outside the image of {width} x {height}: correct them")
    return HandLabel(box, joints, side)


def _box(values: Any, width: int, height: int, where: str) -> FloatArray:
    """(4,) x0, y0, x1, y1, cut at the image."""
    bbox = numbers(values, 4, f"{where}, bbox", _BOX)
    x, y, across, down = bbox
    if across > 0 and down > 0:
        _require_pixels(bbox, width, height, f"{where}: the bbox {bbox}")
    corners = np.array([x, y, x + across, y + down])
    box = np.clip(corners, 0, np.array([width - 1, height - 1] * 2)).astype(np.float32)
    if across <= 0 or down <= 0 or not (box[:2] < box[2:]).all():
        raise ValueError(f"{where}: the bbox {bbox} has no area in an image of {width} x {height}: give {_BOX}")
    return box


def _require_pixels(values: Sequence[float], width: int, height: int, what: str) -> None:
    if max(map(abs, values)) <= _LARGEST_FRACTION:
        raise ValueError(
            f"{what} lies within about 0 and 1, as fractions of the image do: multiply by width and height "
            f"({width} and {height}), so that it is in pixels"
        )


def _require_near(joints: FloatArray, box: FloatArray, where: str) -> None:
    margin = _NEAR * (box[2:] - box[:2])
    near = ((joints >= box[:2] - margin) & (joints <= box[2:] + margin)).all(axis=1)
    if near.sum() < JOINT_COUNT / 2:
        low, high = joints.min(axis=0), joints.max(axis=0)
        raise ValueError(
            f"{where}: the keypoints lie far from their own bbox: x {low[0]:g} to {high[0]:g} and y {low[1]:g} to "
            f"{high[1]:g}, the bbox {box[0]:g} to {box[2]:g} and {box[1]:g} to {box[3]:g}: give both in pixels of the "
            "whole image; multiply fractions by width and height"
        )


def _joints(annotation: Entry, width: int, height: int, where: str) -> FloatArray | None:
    """(21, 2) unless some are not annotated."""
    values = annotation.get("keypoints")
    if values in (None, []):
        return None
    triples = numbers(values, 3 * JOINT_COUNT, f"{where}, keypoints", f"{JOINT_COUNT} triples x, y, v")
    keypoints = np.array(triples).reshape(JOINT_COUNT, 3)
    if not (keypoints[:, 2] > 0).all():
        return None
    joints = keypoints[:, :2].astype(np.float32)
    if np.ptp(joints, axis=0).max() <= 0:
        raise ValueError(f"{where}: all keypoints are at {joints[0].tolist()}: correct them, or leave keypoints out")
    _require_pixels(joints.ravel().tolist(), width, height, f"{where}: each of the keypoints")
    return joints


def _handedness(annotation: Entry, where: str) -> Handedness | None:
    attributes = annotation.get("attributes")
    value = annotation.get("handedness", attributes.get("handedness") if isinstance(attributes, Mapping) else None)
    if value in (None, ""):
        return None
    if str(value).lower() not in ("left", "right"):
        raise ValueError(f"{where}: handedness is {value!r}: write left or right, or leave it out")
    return cast(Handedness, str(value).lower())
