"""Photographs whose hands have boxes; some also have joints, and some hands may be missing.

``labels.json`` of the folder is a list of ``{"image": ..., "source": ..., "width": ..., "height": ..., "boxes":
[[x0, y0, x1, y1], ...], "complete": true}``; the images are in ``images/``. ``boxes`` are pixels; an image without any
shows no hand. ``complete`` is false where further hands may be visible, such as those of a crowd. ``hands``, if there
is one, has an entry for each box: ``{"joints_2d": 21 pixels, "handedness": ...}`` or ``null``.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, hand_without_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.dataset import read_sized_image
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT

Label = Mapping[str, Any]


class BoxedPhotographs(Sequence[AnnotatedImage]):
    """The images of a folder, read on access; the handedness of hands without joints means nothing.

    Parameters
    ----------
    folder
        Contains ``images/`` and ``labels.json``.
    only
        Sources to include; all by default.
    without
        Sources to leave out, such as those held out for validation.

    Raises
    ------
    FileNotFoundError
        If there is no ``labels.json``.
    ValueError
        If it contains something else, or no image is selected.
    """

    def __init__(self, folder: Path, *, only: Collection[str] = (), without: Collection[str] = ()) -> None:
        self._folder = folder
        self._options = {"only": only, "without": without}
        labels = _read_labels(folder / "labels.json")
        self._labels = [
            label for label in labels if (not only or label["source"] in only) and label["source"] not in without
        ]
        if not self._labels:
            raise ValueError(f"{folder} has no image of {', '.join(only) or 'any source'}: choose another source")

    def __reduce__(self) -> tuple[Callable[..., "BoxedPhotographs"], tuple[Any, ...]]:
        """Pickle only the paths: reading the labels again is faster than sending them."""
        return _open, (self._folder, self._options)

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, index: int) -> AnnotatedImage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AnnotatedImage]: ...
    def __getitem__(self, index: int | slice) -> AnnotatedImage | Sequence[AnnotatedImage]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        label = self._labels[index]
        path = self._folder / "images" / label["image"]
        image = read_sized_image(path, (label["width"], label["height"]), "copy the whole folder again")
        return AnnotatedImage(image, label["hands"], is_complete=label["complete"])


def _open(folder: Path, options: Mapping[str, Any]) -> BoxedPhotographs:
    return BoxedPhotographs(folder, **options)


def _read_labels(path: Path) -> list[Label]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give a folder with images/ and labels.json")
    try:
        return [_checked_label(path, entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} does not hold boxes of hands ({error}): give another folder") from error


def _checked_label(path: Path, entry: Mapping[str, Any]) -> Label:
    name, width, height = str(entry["image"]), int(entry["width"]), int(entry["height"])
    if not isinstance(entry["complete"], bool):
        raise ValueError(f"complete of {name} is {entry['complete']!r} instead of true or false")
    limit = np.array([width, height, width, height], np.float32) - 1
    boxes = []
    for given in entry["boxes"]:
        box = np.clip(checked_array(given, (4,), f"{path}, a box of {name}").astype(np.float32), 0, limit)
        if not (box[:2] < box[2:]).all():
            raise ValueError(f"the box {given} of {name} has no area inside the image")
        boxes.append(box)
    known = entry.get("hands", [None] * len(boxes))
    if len(known) != len(boxes):
        raise ValueError(f"{name} has {len(boxes)} boxes, but {len(known)} hands: give one for each box, or null")
    hands = tuple(_hand(box, hand, f"{path}, a hand of {name}") for box, hand in zip(boxes, known, strict=True))
    return {
        "image": name, "source": str(entry.get("source", "")), "width": width, "height": height, "hands": hands,
        "complete": entry["complete"],
    }  # fmt: skip


def _hand(box: FloatArray, known: Mapping[str, Any] | None, what: str) -> AnnotatedHand:
    if known is None:
        return hand_without_joints(box)
    joints_2d = checked_array(known["joints_2d"], (JOINT_COUNT, 2), f"{what}, joints_2d").astype(np.float32)
    if known["handedness"] not in ("left", "right"):
        raise ValueError(f"{what}, handedness is {known['handedness']!r} instead of left or right")
    return AnnotatedHand(box, joints_2d, known["handedness"])
