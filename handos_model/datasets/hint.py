"""HInt (Pavlakos et al., CVPR 2024): everyday images, one annotated hand each, 2D joints and their occlusion.

``{TRAIN,VAL,TEST}_{newdays,epick,ego4d}_img/`` contain ``NAME.jpg`` and ``NAME.json``, a list of one dict: ``bbox``
[[x0, y0, x1, y1]], ``keypoints`` 21 x 2 in our order, ``occlusion`` 21 (1 = occluded) and ``existence`` 21: 0 marks a
joint that is not annotated and does not count. NAME ends with the side of the hand, ``_l`` or ``_r``. Images may show
other hands too. Ego4D's images are not published with the annotations.
"""

import json
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.dataset import read_sized_image, require
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT

HintPart = Literal["newdays", "epick", "ego4d"]
HintSplit = Literal["TRAIN", "VAL", "TEST"]

PART_TITLES: Final[dict[HintPart, str]] = {"newdays": "New Days", "epick": "VISOR", "ego4d": "Ego4D"}
_SIDES: Final[dict[str, Handedness]] = {"l": "left", "r": "right"}
_REMEDY: Final = (
    "give HInt_annotation_partial or HInt_annotation, with folders such as TEST_newdays_img; Ego4D's images have to be "
    "extracted from its videos. Both are explained at https://github.com/ddshan/hint"
)


class Hint:
    """One split of one part of HInt; a `Dataset`.

    Parameters
    ----------
    folder
        Contains folders such as ``TEST_newdays_img``.
    part
        "newdays", "epick" (VISOR) or "ego4d".
    split
        "TRAIN", "VAL" or "TEST".

    Raises
    ------
    FileNotFoundError
        If the folder, its annotations or an image is missing.
    """

    annotates_every_hand = False

    def __init__(self, folder: Path, part: HintPart, split: HintSplit) -> None:
        self.title = f"HInt {PART_TITLES[part]} {split.lower()}"
        self._folder, self._subfolder = folder, f"{split}_{part}_img"
        files = list(require(folder / self._subfolder, _REMEDY).iterdir())
        images = {path.stem for path in files if path.suffix == ".jpg"}
        self._names = sorted(path.stem for path in files if path.suffix == ".json")
        if not self._names:
            raise FileNotFoundError(f"{folder / self._subfolder} contains no annotations (*.json): {_REMEDY}")
        without_image = [name for name in self._names if name not in images]
        if without_image:
            missing = folder / self._subfolder / f"{without_image[0]}.jpg"
            raise FileNotFoundError(
                f"{missing} does not exist, nor do the images of {len(without_image) - 1} other annotations: {_REMEDY}"
            )

    def __len__(self) -> int:
        return len(self._names)

    def image_name(self, index: int) -> str:
        return f"{self._subfolder}/{self._names[index]}.jpg"

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        path = self._folder / self._subfolder / f"{self._names[index]}.json"
        try:
            (entry,) = json.loads(path.read_text(encoding="utf-8"))
            hand = _annotated_hand(entry, self._names[index])
        except KeyError as error:
            raise ValueError(f"{path} has no {error}, which HInt's annotations have: get it again") from error
        except (ValueError, TypeError, IndexError, RecursionError) as error:
            raise ValueError(f"{path} is damaged or not a HInt annotation ({error}): get it again") from error
        return () if hand is None else (hand,)

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        return AnnotatedImage(read_sized_image(self._folder / self.image_name(index), None, _REMEDY), self.hands(index))


def _annotated_hand(entry: dict[str, Any], name: str) -> AnnotatedHand | None:
    """The hand, or ``None`` if none of its joints is annotated."""
    side = name.rsplit("_", 1)[-1]
    if side not in _SIDES:
        raise ValueError(f"the name {name} does not end in _l or _r")
    exists, is_occluded = _read_flags(entry, "existence"), _read_flags(entry, "occlusion")
    if not exists.any():
        return None
    box = checked_array(entry["bbox"][0], (4,), "bbox")
    if (box[2:] <= box[:2]).any():
        raise ValueError(f"bbox: {box.tolist()} is empty")
    joints = np.zeros((JOINT_COUNT, 2))
    joints[exists] = checked_array(np.array(entry["keypoints"])[exists], (int(exists.sum()), 2), "keypoints")
    return AnnotatedHand(
        box=box.astype(np.float32),
        joints_2d=joints.astype(np.float32),
        handedness=_SIDES[side],
        annotated_joints=exists,
        visibility=~is_occluded,
    )


def _read_flags(entry: dict[str, Any], name: str) -> npt.NDArray[np.bool_]:
    values = checked_array(entry[name], (JOINT_COUNT,), name)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"{name}: expected 0 or 1 for each joint, got {values.tolist()}")
    return values == 1
