"""The training sets of the benchmarks as training images."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from handos_model.benchmarks.readers.dataset import Dataset
from handos_model.benchmarks.readers.dexycb import DexYcb
from handos_model.benchmarks.readers.freihand import FreiHand
from handos_model.benchmarks.readers.hint import Hint
from handos_model.benchmarks.readers.ho3d import Ho3d
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage

TRAINING_SETS: Final[Mapping[str, Callable[[Path], Dataset]]] = {
    "freihand": partial(FreiHand, split="training"),
    "ho3d": partial(Ho3d, split="train"),
    "dexycb_s0": partial(DexYcb, setup="s0", split="train"),
    "dexycb_s1": partial(DexYcb, setup="s1", split="train"),
    "dexycb_s2": partial(DexYcb, setup="s2", split="train"),
    "dexycb_s3": partial(DexYcb, setup="s3", split="train"),
    "hint_newdays": partial(Hint, part="newdays", split="TRAIN"),
    "hint_epick": partial(Hint, part="epick", split="TRAIN"),
    "hint_ego4d": partial(Hint, part="ego4d", split="TRAIN"),
}
"""By the names that training configurations use."""


class TrainingSet:
    """Random access to a data set's annotated images.

    Meshes of another topology than the model's are left out; the joints that come with them are kept.
    """

    def __init__(self, dataset: Dataset, topology_id: str) -> None:
        self._dataset, self._topology_id = dataset, topology_id

    @property
    def annotates_every_hand(self) -> bool:
        """As `Dataset.annotates_every_hand`."""
        return self._dataset.annotates_every_hand

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> AnnotatedImage:
        """The image, or the next one with an annotated hand: what is not annotated may show one all the same."""
        for offset in range(len(self)):
            image = self._dataset[(index + offset) % len(self)]
            if image.hands:
                return replace(image, hands=tuple(self._with_own_mesh(hand) for hand in image.hands))
        raise ValueError(f"{self._dataset.title}: no image has an annotated hand")

    def _with_own_mesh(self, hand: AnnotatedHand) -> AnnotatedHand:
        return hand if hand.topology_id == self._topology_id else replace(hand, vertices=None, topology_id=None)


def open_training_set(name: str, folder: Path, topology_id: str) -> TrainingSet:
    """Open a data set by its name in `TRAINING_SETS`.

    Parameters
    ----------
    name, folder
        Which data set, and where it lies.
    topology_id
        The model's.

    Raises
    ------
    ValueError
        If the name is not known.
    """
    if name not in TRAINING_SETS:
        raise ValueError(
            f"unknown data set {name!r} in the training configuration: known are {', '.join(TRAINING_SETS)}"
        )
    return TrainingSet(TRAINING_SETS[name](folder), topology_id)
