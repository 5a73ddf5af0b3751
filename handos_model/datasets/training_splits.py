"""The training splits of the published data sets, by the names that training configurations use."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.datasets.dataset import Dataset
from handos_model.datasets.dexycb import DexYcb
from handos_model.datasets.freihand import FreiHand
from handos_model.datasets.hint import Hint
from handos_model.datasets.ho3d import Ho3d

TRAINING_SPLITS: Final[Mapping[str, Callable[[Path], Dataset]]] = {
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


class TrainingSplit:
    """Random access to the images of a data set that have annotated hands.

    Hands with joints that are not annotated are left out, because the losses need all 21.
    Vertices of another topology than the model's are dropped; 3D joints are kept.
    """

    def __init__(self, dataset: Dataset, topology_id: str) -> None:
        self._dataset, self._topology_id = dataset, topology_id

    @property
    def annotates_every_hand(self) -> bool:
        """See `Dataset.annotates_every_hand`."""
        return self._dataset.annotates_every_hand

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> AnnotatedImage:
        """Read the image, or the next one that has an annotated hand: images without may still show hands."""
        for offset in range(len(self)):
            image = self._dataset[(index + offset) % len(self)]
            hands = [hand for hand in image.hands if hand.annotated_joints is None or hand.annotated_joints.all()]
            if hands:
                return replace(image, hands=tuple(self._with_model_mesh(hand) for hand in hands))
        raise ValueError(f"{self._dataset.title}: no image has an annotated hand with all its joints")

    def _with_model_mesh(self, hand: AnnotatedHand) -> AnnotatedHand:
        return hand if hand.topology_id == self._topology_id else replace(hand, vertices=None, topology_id=None)


def open_training_split(name: str, folder: Path, topology_id: str) -> TrainingSplit:
    """Open a data set by its name in `TRAINING_SPLITS`.

    Parameters
    ----------
    name, folder
        Name and folder of the data set.
    topology_id
        `HandTopology.id` of the model's mesh.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name not in TRAINING_SPLITS:
        raise ValueError(
            f"unknown data set {name!r} in the training configuration: choose one of {', '.join(TRAINING_SPLITS)}"
        )
    return TrainingSplit(TRAINING_SPLITS[name](folder), topology_id)
