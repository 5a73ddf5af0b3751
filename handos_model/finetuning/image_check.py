"""Whether all images can be read, and have the size that their labels say: found out before anything is labelled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tqdm import tqdm

from handos_model.files.images import ImageFileError, read_image
from handos_model.finetuning.labelling import Labels

_MOST_NAMED: Final = 20


def check_images(folder: Path, labels: Labels) -> None:
    """Read every image once.

    Raises
    ------
    ImageFileError
        If images are damaged; the message names them together.
    ValueError
        If images have another size than their labels say.
    """
    damaged, resized = [], []
    for name in tqdm(labels.names, desc="check images", unit=" images", disable=None):
        try:
            height, width = read_image(folder / name).shape[:2]
        except (ImageFileError, OSError):
            damaged.append(name)
            continue
        label = None if labels.given is None else labels.given[name]
        if label is not None and (width, height) != (label.width, label.height):
            resized.append(f"{name} with {width} x {height} pixels, not {label.width} x {label.height}")
    if damaged:
        labelled = "" if labels.given is None else ", and take them out of the labels"
        raise ImageFileError(
            f"images of {folder} cannot be read: {_listed(damaged)}: they are damaged, too large or not images; "
            f"replace them, or move them out of this folder{labelled}"
        )
    if resized:
        raise ValueError(
            f"images of {folder} have another size than their labels say: {_listed(resized)}: give the images that "
            "were labelled"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
