"""Turns drawn videos into the animated images of the README.

handos run demo/clip.mp4 --camera demo/clip.camera.json --overlay --track --out out/clip
python scripts/animate_overlay.py out/clip/overlay/clip.mp4 docs/demo.webp

make teleop
python scripts/animate_overlay.py out/teleop/teleop.mp4 docs/teleop.webp --width 896
"""

from pathlib import Path
from typing import Annotated, Final

import cv2
import typer

from handos_model.files.atomic_write import atomic_write
from handos_model.recordings.source import open_source

STEP: Final = 2
"""Every second frame is kept."""
QUALITY: Final = 85


def animate(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video with the hands drawn over it.")],
    out: Annotated[Path, typer.Argument(metavar="FILE.webp", help="Animated image to write.")],
    width: Annotated[int, typer.Option(metavar="PIXELS", min=16, help="Of the animated image.")] = 640,
) -> None:
    """Write every second frame of VIDEO, scaled down, as an endless animation."""
    source = open_source(video)
    assert source.frame_rate is not None
    frames = [frame.image for frame in source.frames if frame.index % STEP == 0]
    height = round(width * frames[0].shape[0] / frames[0].shape[1])
    animation = cv2.Animation()
    animation.frames = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
    animation.durations = [round(1000 * STEP / source.frame_rate)] * len(frames)
    with atomic_write(out) as temporary:
        cv2.imwriteanimation(str(temporary), animation, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {len(frames)} frames")


if __name__ == "__main__":
    typer.run(animate)
