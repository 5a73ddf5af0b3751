"""A depth camera corrects how far a hand is.

Run: python examples/depth.py IMAGE.png DEPTH.png    16 bits, millimetres, aligned with IMAGE: RealSense, Kinect, ...
     python examples/depth.py                        the demo clip; a wall at 0.6 m stands in for its depth image
"""

from pathlib import Path

import cv2
import numpy as np
import typer

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.commands.script import run_script
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.recordings.source import open_source


def main(image: str = typer.Argument("demo/clip.mp4"), depth: Path | None = typer.Argument(None)) -> None:  # noqa: B008
    """Print the distance of the hands of IMAGE without and with DEPTH."""
    frame = next(open_source(image).frames)
    height, width = frame.image.shape[:2]
    measured = np.full((height, width), 600)  # millimetres, 0: not measured
    if depth is not None:
        measured = cv2.imdecode(np.fromfile(depth, np.uint8), cv2.IMREAD_UNCHANGED)
    if measured is None or measured.shape != (height, width):
        raise ValueError(f"{depth} is no depth image of {width}x{height} pixels, the size of {image}")
    camera = CameraIntrinsics.from_field_of_view(width, height, 60)  # better: your camera's own
    pipeline = HandPipeline.load()
    hands = pipeline(frame.image, camera)
    if not hands:
        raise ValueError(f"{image} shows no hands")
    for before, after in zip(hands, align_to_depth(hands, measured / 1000, pipeline.topology, camera), strict=True):
        moved = after.metric.depth_residual
        how = "not measured" if moved is None else f"moved by {1000 * moved:+.0f} mm"
        print(f"{before.handedness} wrist {before.joints_3d[0, 2]:.3f} m -> {after.joints_3d[0, 2]:.3f} m ({how})")


if __name__ == "__main__":
    run_script(main)
