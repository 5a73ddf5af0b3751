"""Real photographs with weak labels: boxes, 2D joints and sides that another hand detector has found.

The folder holds ``images/`` and ``labels.json``: ``{name: {"size", "source", "hands": [{"joints_2d", "handedness",
"reliable"}], "negative"?, "unlabelled"?}}``. Pictures in which a hand is visible but was not found, or was not found
again in the mirrored picture, are left out.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints


class RealPhotographs:
    """Random access to the usable photographs of a folder.

    Parameters
    ----------
    directory
        Folder with ``labels.json`` and ``images/``.
    held_back
        Sources kept for validation.
    validation
        Whether to read only the held-back sources, or only the others.

    Raises
    ------
    FileNotFoundError
        If ``labels.json`` is missing.
    """

    def __init__(self, directory: Path, held_back: frozenset[str], validation: bool) -> None:
        path = directory / "labels.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} not found: the folder of real photographs needs labels.json and images/")
        labels = json.loads(path.read_text())
        self._arguments = directory, held_back, validation
        self._directory = directory / "images"
        self._labels = {
            name: label
            for name, label in labels.items()
            if _is_usable(label) and (label["source"].removeprefix("crop:") in held_back) == validation
        }
        self._names = sorted(self._labels)

    def __reduce__(self) -> tuple[type["RealPhotographs"], tuple[Path, frozenset[str], bool]]:
        """Another process reads the labels itself: who sends them has to wait until it is ready to receive them."""
        return RealPhotographs, self._arguments

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> AnnotatedImage:
        name = self._names[index]
        image = cv2.imread(str(self._directory / name))
        if image is None:
            raise FileNotFoundError(f"{self._directory / name} is listed in labels.json but cannot be read")
        height, width = image.shape[:2]
        hands = []
        for hand in self._labels[name]["hands"]:
            joints = np.asarray(hand["joints_2d"], np.float32)
            hands.append(AnnotatedHand(box_around_joints(joints, width, height), joints, hand["handedness"]))
        return AnnotatedImage(np.asarray(image, np.uint8), tuple(hands))


def _is_usable(label: dict) -> bool:  # type: ignore[type-arg]
    return not label.get("unlabelled") and all(hand["reliable"] for hand in label["hands"])
