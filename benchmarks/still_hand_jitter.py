"""How much a hand that keeps still trembles, raw and smoothed, and how much later the smoothed one moves.

    scripts/with_ros.sh python benchmarks/still_hand_jitter.py VIDEO --out benchmarks/still_hand_jitter.json

Still seconds are found in the raw output itself: windows of a second in which the hand's middle, averaged over half a
second, moves by less than a twentieth of the hand's length. Jitter is the standard deviation of the joints within such
a window around a parabola in time, since no living hand rests like a table; the median over windows, joints and axes.
Delay is the shift in time that explains best how the smoothed joints differ from the raw ones over the whole video.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import typer
from tqdm import tqdm

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.hand.hand import Hand
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.io.source import open_source

Floats = npt.NDArray[np.float64]

STILL: Final = 0.05
"""Hand lengths that the hand's middle moves within a still second."""


@dataclass(frozen=True)
class Jitter:
    """Standard deviations over still seconds, and what they cost."""

    pixels: float
    millimetres: float
    delay_ms: float


def track(found: Sequence[Sequence[Hand]], stamps: Floats, settings: TrackingSettings) -> tuple[Floats, Floats]:
    """Joints (T, 21, 2) in pixels and (T, 21, 3) in metres of the hand that is seen most, NaN where it is not."""
    tracker = HandTracker()
    frames = [tracker.update(hands, stamp, settings) for hands, stamp in zip(found, stamps.tolist(), strict=True)]
    ids = [hand.id for hands in frames for hand in hands]
    most_seen = max(set(ids), key=ids.count)
    pixels, metres = np.full((len(frames), 21, 2), np.nan), np.full((len(frames), 21, 3), np.nan)
    for k, hands in enumerate(frames):
        for hand in hands:
            if hand.id == most_seen and hand.joints_3d is not None:
                pixels[k], metres[k] = hand.joints_2d, hand.joints_3d
    return pixels, metres


def still_windows(pixels: Floats, rate: float) -> list[slice]:
    """Windows of a second, without overlap, in which the hand keeps still."""
    second, half = round(rate), max(1, round(rate / 2))
    middle = pixels.mean(axis=1)
    calm = np.stack([np.convolve(middle[:, axis], np.full(half, 1 / half), "same") for axis in (0, 1)], axis=1)
    length = np.nanmedian(np.ptp(pixels, axis=1).max(axis=1))
    windows, start = [], half
    while start + second <= len(pixels) - half:
        window = slice(start, start + second)
        travelled = np.ptp(calm[window], axis=0).max()  # NaN where the hand is not seen: never still
        windows += [window] if travelled < STILL * length else []
        start += second if travelled < STILL * length else 1
    return windows


def jitter(points: Floats, windows: Sequence[slice]) -> float:
    """Median standard deviation within the windows, of what is left beside the slow movement of a living hand."""
    return float(
        np.median([_beside_parabola(points[window].reshape(window.stop - window.start, -1)) for window in windows])
    )


def delay(raw: Floats, smoothed: Floats, rate: float) -> float:
    """Milliseconds by which `smoothed` (T, ...) follows `raw`: what fits their difference best, given the speed."""
    velocity = np.gradient(raw, 1 / rate, axis=0)
    valid = np.isfinite(velocity) & np.isfinite(smoothed)
    behind, velocity = (raw - smoothed)[valid], velocity[valid]
    return float(1000 * (behind @ velocity) / (velocity @ velocity))


def _beside_parabola(series: Floats) -> Floats:
    """Standard deviation of each column of (T, N) around its best parabola."""
    times = np.linspace(-1, 1, len(series))
    fit = np.polynomial.polynomial.polyfit(times, series, 2)
    return np.asarray((series - np.polynomial.polynomial.polyval(times, fit).T).std(axis=0))


def main(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A hand that moves and rests.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the numbers go.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    field_of_view: Annotated[float, typer.Option(metavar="DEG", help="Assumed along the longer side.")] = 60.0,
) -> None:
    """Measure jitter and delay of the default smoothing on a video."""
    pipeline, source = HandPipeline.load(weights), open_source(video)
    rate = source.frame_rate or 30.0
    found = []
    for frame in tqdm(source.frames, desc=source.name, total=source.frame_count, unit=" frames", disable=None):
        height, width = frame.image.shape[:2]
        found.append(pipeline(frame.image, CameraIntrinsics.from_field_of_view(width, height, field_of_view)))
    stamps = np.arange(len(found)) / rate
    raw_pixels, raw_metres = track(found, stamps, TrackingSettings(smoothing=None))
    windows = still_windows(raw_pixels, rate)
    if not windows:
        raise typer.BadParameter(f"in {video} no hand keeps still for a second: film one that does")
    settings = {"raw": None, "smoothed": Smoothing()}
    report: dict[str, object] = {"video": video.name, "frames": len(found), "still_seconds": len(windows)}
    for name, smoothing in settings.items():
        pixels, metres = track(found, stamps, TrackingSettings(smoothing=smoothing))
        measured = Jitter(
            pixels=jitter(pixels, windows),
            millimetres=1000 * jitter(metres, windows),
            delay_ms=delay(raw_metres, metres, rate),
        )
        report[name] = asdict(measured)
        typer.echo(f"{name}: {measured}")
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)


if __name__ == "__main__":
    typer.run(main)
