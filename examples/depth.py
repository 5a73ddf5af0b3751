"""A depth camera corrects how far a hand is.

Run: python examples/depth.py IMAGE.png DEPTH.png    16 bits, millimetres, aligned with IMAGE: RealSense, Kinect, ...
     python examples/depth.py                        the demo clip; a wall at 0.6 m stands in for its depth image
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.recordings.source import open_source


def main(
    image: Annotated[str, typer.Argument()] = "demo/clip.mp4", depth: Annotated[Path | None, typer.Argument()] = None
) -> None:
    """Print the distance of the hands of IMAGE without and with DEPTH."""
    frame = next(open_source(image).frames)
    height, width = frame.image.shape[:2]
    metres = np.full((height, width), 0.6, np.float32)
    if depth is not None:
        metres = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000  # 0: not measured
    camera = CameraIntrinsics.from_field_of_view(width, height, 60)  # better: your camera's own
    pipeline = HandPipeline.load()
    hands = pipeline(frame.image, camera)
    for before, after in zip(hands, align_to_depth(hands, metres, pipeline.topology, camera), strict=True):
        moved = after.metric.depth_residual
        how = "not measured" if moved is None else f"moved by {1000 * moved:+.0f} mm"
        print(f"{before.handedness} wrist {before.joints_3d[0, 2]:.3f} m -> {after.joints_3d[0, 2]:.3f} m ({how})")


if __name__ == "__main__":
    typer.run(main)
