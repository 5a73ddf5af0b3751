"""Photographs of hands, annotated in one JSON file.

The file maps an image's path in the folder to ``{"size": [width, height], "source": ..., "hands": [...]}``, each hand
with ``joints_2d`` (21 pixels), ``handedness`` as the image shows it, and optionally ``joints_3d_m_hand_centred``
(metres) and ``reliable`` (whether labelling it a second time gave the same hand). Images marked ``unlabelled`` show
hands that are not annotated and are left out; ``source`` names the collection that an image comes from.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.joint_convention import JointConvention, require_convention, to_mesh_joints
from handos_model.files.images import read_image
from handos_model.hand.skeleton import JOINT_COUNT

Annotation = Mapping[str, Any]


class Photographs(Sequence[AnnotatedImage]):
    """The annotated images of a folder, read on access.

    Parameters
    ----------
    folder
        Contains the images.
    labels
        JSON file with the annotations.
    only
        Sources to include; all by default.
    without
        Sources to leave out, such as those held out for validation.
    reliable
        Include only images whose hands are all marked as reliable.
    convention
        Where the labels have their joints; the images have them as the mesh.

    Raises
    ------
    FileNotFoundError
        If `labels` does not exist.
    ValueError
        If it contains something else, no image is selected, or `convention` is unknown.
    """

    def __init__(
        self,
        folder: Path,
        labels: Path,
        *,
        only: Collection[str] = (),
        without: Collection[str] = (),
        reliable: bool = False,
        convention: JointConvention = "mesh",
    ) -> None:
        require_convention(convention)
        self._folder, self._labels_file, self._convention = folder, labels, convention
        self._options = {"only": only, "without": without, "reliable": reliable, "convention": convention}

        def is_selected(annotation: Annotation) -> bool:
            # Crops without hands are named after the collection that they were cut from.
            source = str(annotation.get("source", "")).removeprefix("crop:")
            is_included = (not only or source in only) and source not in without
            return is_included and (not reliable or all(hand["reliable"] for hand in annotation["hands"]))

        self._annotations = _read_annotations(labels, is_selected)
        self._names = list(self._annotations)
        if not self._names:
            raise ValueError(f"{labels} annotates no image of {', '.join(only) or 'any source'}: choose another source")

    def __reduce__(self) -> tuple[Callable[..., "Photographs"], tuple[Any, ...]]:
        """Pickle only the paths: reading the labels again is faster than sending them."""
        return _open_photographs, (self._folder, self._labels_file, self._options)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> AnnotatedImage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AnnotatedImage]: ...
    def __getitem__(self, index: int | slice) -> AnnotatedImage | Sequence[AnnotatedImage]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        path = self._folder / self._names[index]
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is listed in {self._labels_file.name} but does not exist: give the folder of the images"
            )
        image = read_image(path)
        annotation = self._annotations[self._names[index]]
        height, width = image.shape[:2]
        if [width, height] != annotation["size"]:
            raise ValueError(
                f"{path} has {width} x {height} pixels, its annotation is for {annotation['size']}: give the folder "
                "of the annotated images"
            )
        source = f"labels {self._labels_file}, {self._names[index]}"
        hands = tuple(_annotated_hand(hand, width, height, source, self._convention) for hand in annotation["hands"])
        return AnnotatedImage(image, hands)


def _open_photographs(folder: Path, labels: Path, options: Mapping[str, Any]) -> Photographs:
    return Photographs(folder, labels, **options)


def _read_annotations(labels: Path, is_selected: Callable[[Annotation], bool]) -> Mapping[str, Annotation]:
    if not labels.is_file():
        raise FileNotFoundError(f"labels {labels} do not exist: give the JSON file with the annotations")
    try:
        entries = json.loads(labels.read_text(encoding="utf-8")).items()
        return {
            name: annotation
            for name, annotation in sorted(entries)
            if "hands" in annotation and not annotation.get("unlabelled") and is_selected(annotation)
        }
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"labels {labels} are not annotations of images ({error}): give another file") from error


def _annotated_hand(
    hand: Annotation, width: int, height: int, source: str, convention: JointConvention
) -> AnnotatedHand:
    joints_2d = checked_array(hand["joints_2d"], (JOINT_COUNT, 2), f"{source}, joints_2d").astype(np.float32)
    joints_2d = to_mesh_joints(joints_2d, convention)
    name = "joints_3d_m_hand_centred"
    joints_3d = None if hand.get(name) is None else checked_array(hand[name], (JOINT_COUNT, 3), f"{source}, {name}")
    return AnnotatedHand(
        box=box_around_joints(joints_2d, width, height),
        joints_2d=joints_2d,
        handedness=hand["handedness"],
        joints_3d=None if joints_3d is None else to_mesh_joints(joints_3d.astype(np.float32), convention),
    )
