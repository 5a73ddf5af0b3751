"""Add joints to photographs with boxes, where the network is certain of them: see docs/training.md.

    python scripts/label_joints.py BOXES --out DIR

Each box is enlarged to fill the network's input, from three distances and mirrored. Joints and side are written where
these looks agree. The labels describe the same images: `images/` is copied.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.datasets.coco_hands import HandLabel, ImageLabel
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.finetuning.comparison import BACKEND
from handos_model.finetuning.labelling import Labeller
from handos_model.finetuning.looks import LOWEST_SCORE
from handos_model.inference.pipeline import HandPipeline


def main() -> None:
    """Write the labels and say how many hands have joints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boxes", type=Path, help="folder with images/ and labels.json")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, with images/ and labels.json, too")
    parser.add_argument("--weights", type=Path, help="the network, by default the shipped one")
    arguments = parser.parse_args()
    BoxedPhotographs(arguments.boxes)  # refuses what the folder should not hold
    if arguments.out.resolve() == arguments.boxes.resolve():
        parser.error(f"--out {arguments.out} is the folder of the boxes: name another one")
    shutil.copytree(arguments.boxes / "images", arguments.out / "images", dirs_exist_ok=True)
    pipeline = HandPipeline.load(arguments.weights, BACKEND, score_threshold=LOWEST_SCORE)
    labeller = Labeller(arguments.boxes / "images", None, pipeline)
    entries = json.loads((arguments.boxes / "labels.json").read_text(encoding="utf-8"))
    labelled = [entry | {"hands": hands_of(entry, labeller)} for entry in tqdm(entries, unit=" images", disable=None)]
    with atomic_write(arguments.out / "labels.json") as temporary:
        temporary.write_text(json.dumps(labelled))
    hands = [hand for entry in labelled for hand in entry["hands"]]
    print(f"{len(hands)} hands, {sum(hand is not None for hand in hands)} with joints: {arguments.out}")


def hands_of(entry: dict[str, Any], labeller: Labeller) -> list[dict[str, Any] | None]:
    """What is known about each box of an image; joints that are there already stay."""
    known = entry.get("hands", [None] * len(entry["boxes"]))
    hands = tuple(label_of(box, hand) for box, hand in zip(entry["boxes"], known, strict=True))
    label = ImageLabel(entry["image"], entry["width"], entry["height"], hands, entry["complete"])
    completed = labeller.complete(label, read_image(labeller.folder / entry["image"]))
    return [
        None
        if hand.joints_2d is None
        else {"joints_2d": hand.joints_2d.round(1).tolist(), "handedness": hand.handedness}
        for hand in completed.hands
    ]


def label_of(box: list[float], known: dict[str, Any] | None) -> HandLabel:
    """A box, and what else is known about it."""
    array = np.array(box, np.float32)
    if known is None:
        return HandLabel(array)
    return HandLabel(array, np.array(known["joints_2d"], np.float32), known["handedness"])


if __name__ == "__main__":
    main()
