"""Show rendered frames as a camera does that the shipped network has never seen, with COCO-style labels.

The example of docs/finetuning.md: a thermal camera in which warm things are dark, with little contrast and much noise.

    python scripts/as_another_camera.py data/rendered --count 400 --out data/thermal
"""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedHand
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray

RECORDINGS = 10
"""Subfolders, of which `handos finetune` holds back whole ones."""
SIDES = {"left": 1, "right": 2}


def main() -> None:
    """Write the images and labels.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, help="folder written by `handos synth`")
    parser.add_argument("--count", type=int, required=True, help="number of frames, from the first one on")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, frame in enumerate(AnnotatedFolder(arguments.frames)[: arguments.count]):
        name = f"recording_{number % RECORDINGS}/{number:04d}.png"
        write_image(arguments.out / name, as_thermal_camera(frame.image, rng))
        height, width = frame.image.shape[:2]
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        annotations += [
            {"id": len(annotations) + k, "image_id": number} | label(hand) for k, hand in enumerate(frame.hands)
        ]
    categories = [{"id": number, "name": f"{side}_hand"} for side, number in SIDES.items()]
    with atomic_write(arguments.out / "labels.json") as temporary:
        temporary.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def as_thermal_camera(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Dark where the image is red and bright, brighter in the middle, blurred and noisy."""
    height, width = image.shape[:2]
    colours = image.astype(np.float32) / 255
    warmth = 0.8 * colours[..., 2] + 0.2 * colours[..., 1]
    y, x = np.mgrid[:height, :width] / max(height, width)
    middle, radius = rng.uniform(0.35, 0.65, 2), rng.uniform(0.2, 0.3)
    falloff = 0.2 + 0.8 * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * radius**2))
    shown = cv2.GaussianBlur((0.03 + 0.8 * falloff * (1 - warmth) ** 1.5).astype(np.float32), (0, 0), 1.0)
    noisy = np.clip(255 * (shown + rng.normal(0, 0.045, shown.shape)), 0, 255).astype(np.uint8)
    return np.repeat(noisy[..., None], 3, axis=2)


def label(hand: AnnotatedHand) -> dict[str, Any]:
    """The annotation of one hand."""
    x0, y0, x1, y1 = hand.box.tolist()
    keypoints = [value for x, y in hand.joints_2d.tolist() for value in (round(x, 2), round(y, 2), 2)]
    return {"category_id": SIDES[hand.handedness], "bbox": [x0, y0, x1 - x0, y1 - y0], "keypoints": keypoints}


if __name__ == "__main__":
    main()
