"""Labels of hands in a COCO-style JSON file: boxes, and for some hands 21 joints and the side.

``images`` have ``id``, ``file_name``, ``width`` and ``height``; ``annotations`` have ``image_id``, ``category_id``,
``bbox`` (x, y, width, height) and optionally ``keypoints``, 21 triples x, y, v in the order of `JOINT_NAMES`, of which
v = 0 says that the joint is not annotated. The side is in the category's name (left_hand), or is the annotation's
``handedness`` or that of its ``attributes``. ``iscrowd`` marks a region whose hands are not annotated one by one.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

import numpy as np

from handos_model.datasets.annotations import box_around_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES

_FINGERS: Final = {"thumb": "thumb", "index": "index", "middle": "middle", "ring": "ring", "pinky": "pinky|little"}
_FORMAT: Final = "docs/finetuning.md describes the format"

Entry = Mapping[str, Any]


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
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is something else, or an entry is invalid; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"labels {path} do not exist: give a COCO-style JSON file, or leave --labels out")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images, annotations = list(content["images"]), list(content["annotations"])
        sides = _hand_categories(list(content["categories"]), path)
    except KeyError as error:
        raise ValueError(f"labels {path} have no {error}: {_FORMAT}") from error
    except (TypeError, AttributeError, RecursionError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"labels {path} are not a COCO-style JSON file ({error}): {_FORMAT}") from error
    of_image = defaultdict(list)
    for annotation in annotations:
        of_image[_required(annotation, "image_id", f"labels {path}, an annotation")].append(annotation)
    for key in ("id", "file_name"):
        _require_unique([_required(image, key, f"labels {path}, an image") for image in images], key, path)
    labels = tuple(_image_label(image, of_image, sides, path) for image in images)
    if of_image:
        raise ValueError(f"labels {path}: annotations name image_id {next(iter(of_image))!r}, which no image has")
    return labels


def _require_unique(values: Sequence[Any], key: str, path: Path) -> None:
    twice = next((value for value, count in Counter(map(str, values)).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"labels {path}: two images have the {key} {twice}: leave one of them out")


def _hand_categories(categories: Sequence[Entry], path: Path) -> dict[Any, Handedness | None]:
    """The side of each category of hands by its id; other categories, such as persons, are left out."""
    names = {_required(each, "id", f"labels {path}, a category"): str(each.get("name", "")) for each in categories}
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
        raise ValueError(f"labels {path}: a hand has {len(names)} keypoints instead of {JOINT_COUNT}: {_FORMAT}")
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
    image: Entry, of_image: dict[Any, list[Entry]], sides: Mapping[Any, Handedness | None], path: Path
) -> ImageLabel:
    """Build the label of an image, taking its annotations out of `of_image`."""
    name = PurePosixPath(str(_required(image, "file_name", f"labels {path}, an image"))).as_posix()
    where = f"labels {path}, image {name}"
    width, height = (int(_number(image, side, where)) for side in ("width", "height"))
    if min(width, height) < 1:
        raise ValueError(f"{where}: it has {width} x {height} pixels: give its real size")
    annotations = of_image.pop(_required(image, "id", where), [])
    hands, is_complete = [], True
    for annotation in annotations:
        if _required(annotation, "category_id", where) not in sides:
            continue
        if annotation.get("iscrowd"):
            is_complete = False
            continue
        hands.append(_hand_label(annotation, sides[annotation["category_id"]], width, height, where))
    return ImageLabel(name, width, height, tuple(hands), is_complete)


def _hand_label(annotation: Entry, side: Handedness | None, width: int, height: int, where: str) -> HandLabel:
    where = f"{where}, annotation {annotation.get('id')}"
    joints = _joints(annotation, where)
    side = _handedness(annotation, where) or side
    if joints is not None:
        # By the same rule as everywhere: boxes that people draw are narrower or wider.
        return HandLabel(box_around_joints(joints, width, height), joints, side)
    bbox = checked_array(_required(annotation, "bbox", where), (4,), f"{where}, bbox").tolist()
    x, y, across, down = bbox
    corners = np.array([x, y, x + across, y + down])
    box = np.clip(corners, 0, np.array([width - 1, height - 1] * 2)).astype(np.float32)
    if not (box[:2] < box[2:]).all():
        raise ValueError(f"{where}: the bbox {bbox} has no area in an image of {width} x {height}: correct it")
    return HandLabel(box, None, side)


def _joints(annotation: Entry, where: str) -> FloatArray | None:
    """(21, 2) unless some are not annotated."""
    values = annotation.get("keypoints")
    if not values:
        return None
    keypoints = checked_array(values, (3 * JOINT_COUNT,), f"{where}, keypoints").reshape(JOINT_COUNT, 3)
    if not (keypoints[:, 2] > 0).all():
        return None
    joints = keypoints[:, :2].astype(np.float32)
    if np.ptp(joints, axis=0).max() <= 0:
        raise ValueError(f"{where}: all keypoints are at {joints[0].tolist()}: correct them, or leave keypoints out")
    return joints


def _handedness(annotation: Entry, where: str) -> Handedness | None:
    attributes = annotation.get("attributes")
    value = annotation.get("handedness", attributes.get("handedness") if isinstance(attributes, Mapping) else None)
    if value in (None, ""):
        return None
    if str(value).lower() not in ("left", "right"):
        raise ValueError(f"{where}: handedness is {value!r}: write left or right, or leave it out")
    return cast(Handedness, str(value).lower())


def _required(entry: Entry, key: str, where: str) -> Any:
    if not isinstance(entry, Mapping) or key not in entry:
        raise ValueError(f"{where} has no {key}: {_FORMAT}")
    return entry[key]


def _number(entry: Entry, key: str, where: str) -> float:
    return float(checked_array(_required(entry, key, where), (), f"{where}, {key}"))
