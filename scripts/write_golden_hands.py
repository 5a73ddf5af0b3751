"""Writes what the shipped network finds in frames of the demo clip: run it when the weights are replaced."""

import json
from pathlib import Path

from handos_model import HandPipeline
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.intrinsics import read_intrinsics
from handos_model.recordings.source import open_source

CLIP = Path("demo/clip.mp4")
GOLDEN = Path("test/inference/golden_hands.json")
FRAMES = (0, 45, 90, 135)


def main() -> None:
    """Run over the clip and write the hands of `FRAMES`."""
    pipeline, camera = HandPipeline.load(backend="onnxruntime"), read_intrinsics(CLIP.with_suffix(".camera.json"))
    golden = {}
    for frame in open_source(CLIP).frames:
        if frame.index in FRAMES:
            golden[frame.index] = [
                {
                    "handedness": hand.handedness,
                    "score": round(hand.score, 4),
                    "joints_2d": hand.joints_2d.round(2).tolist(),
                    "joints_3d": None if hand.joints_3d is None else hand.joints_3d.round(4).tolist(),
                }
                for hand in pipeline(frame.image, camera)
            ]
    with atomic_write(GOLDEN) as temporary:
        temporary.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
