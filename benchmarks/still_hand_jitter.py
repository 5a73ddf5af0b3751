"""Jitter of a still hand with and without smoothing, and the delay of smoothing.

    scripts/with_ros.sh python benchmarks/still_hand_jitter.py VIDEO --out benchmarks/still_hand_jitter.json

Still seconds are detected in the raw output: windows of a second in which the hand's centre, averaged over half a
second, moves by less than a twentieth of the hand's length. Jitter is the standard deviation of the joints within such
a window around a parabola in time, because no real hand is perfectly still: the median over windows, joints and axes.
Delay is the shift in time that best explains the difference between smoothed and raw joints over the whole video.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from tqdm import tqdm

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.source import open_source

STILL: Final = 0.05
"""Maximum movement of the hand's centre in a still second, in hand lengths."""


@dataclass(frozen=True)
class Jitter:
    """Standard deviations in still seconds, and the delay of smoothing."""

    pixels: float
    millimetres: float
    delay_ms: float


def track(
    detections: Sequence[Sequence[Hand]], stamps: Float64Array, settings: TrackingSettings
) -> tuple[Float64Array, Float64Array]:
    """Joints (T, 21, 2) in pixels and (T, 21, 3) in metres of the most frequent hand, NaN where it is missing."""
    tracker = HandTracker()
    frames = [tracker.update(hands, stamp, settings) for hands, stamp in zip(detections, stamps.tolist(), strict=True)]
    ids = [hand.id for hands in frames for hand in hands]
    most_frequent = max(set(ids), key=ids.count)
    pixels, metres = np.full((len(frames), 21, 2), np.nan), np.full((len(frames), 21, 3), np.nan)
    for k, hands in enumerate(frames):
        for hand in hands:
            if hand.id == most_frequent and hand.joints_3d is not None:
                pixels[k], metres[k] = hand.joints_2d, hand.joints_3d
    return pixels, metres


def still_windows(pixels: Float64Array, rate: float) -> list[slice]:
    """Windows of a second, without overlap, in which the hand is still."""
    second, half = round(rate), max(1, round(rate / 2))
    centre = pixels.mean(axis=1)
    averaged = np.stack([np.convolve(centre[:, axis], np.full(half, 1 / half), "same") for axis in (0, 1)], axis=1)
    length = np.nanmedian(np.ptp(pixels, axis=1).max(axis=1))
    windows, start = [], half
    while start + second <= len(pixels) - half:
        window = slice(start, start + second)
        movement = np.ptp(averaged[window], axis=0).max()  # NaN where the hand is missing: not still
        is_still = movement < STILL * length
        if is_still:
            windows.append(window)
        start += second if is_still else 1
    return windows


def jitter(points: Float64Array, windows: Sequence[slice]) -> float:
    """Median standard deviation within the windows, without the slow movement of a real hand."""
    return float(np.median([_deviation(points[window].reshape(window.stop - window.start, -1)) for window in windows]))


def delay(raw: Float64Array, smoothed: Float64Array, rate: float) -> float:
    """Milliseconds by which `smoothed` (T, ...) lags `raw`: the least-squares fit of their difference to velocity."""
    velocity = np.gradient(raw, 1 / rate, axis=0)
    valid = np.isfinite(velocity) & np.isfinite(smoothed)
    difference, velocity = (raw - smoothed)[valid], velocity[valid]
    return float(1000 * (difference @ velocity) / (velocity @ velocity))


def _deviation(series: Float64Array) -> Float64Array:
    """Standard deviation of each column of (T, N) around its best-fitting parabola."""
    times = np.linspace(-1, 1, len(series))
    fit = np.polynomial.polynomial.polyfit(times, series, 2)
    return np.asarray((series - np.polynomial.polynomial.polyval(times, fit).T).std(axis=0))


def main(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A hand that moves and rests.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    field_of_view: Annotated[float, typer.Option(metavar="DEG", help="Assumed along the longer side.")] = 60.0,
) -> None:
    """Measure jitter and delay of the default smoothing on a video."""
    pipeline, source = HandPipeline.load(weights), open_source(video)
    rate = source.frame_rate or 30.0
    detections = []
    for frame in tqdm(source.frames, desc=source.name, total=source.frame_count, unit=" frames", disable=None):
        height, width = frame.image.shape[:2]
        detections.append(pipeline(frame.image, CameraIntrinsics.from_field_of_view(width, height, field_of_view)))
    stamps = np.arange(len(detections)) / rate
    raw_pixels, raw_metres = track(detections, stamps, TrackingSettings(smoothing=None))
    windows = still_windows(raw_pixels, rate)
    if not windows:
        raise typer.BadParameter(f"no hand of {video} is still for a second: record one that is")
    settings = {"raw": None, "smoothed": Smoothing()}
    report: dict[str, object] = {"video": video.name, "frames": len(detections), "still_seconds": len(windows)}
    for name, smoothing in settings.items():
        pixels, metres = track(detections, stamps, TrackingSettings(smoothing=smoothing))
        measured = Jitter(
            pixels=jitter(pixels, windows),
            millimetres=1000 * jitter(metres, windows),
            delay_ms=delay(raw_metres, metres, rate),
        )
        report[name] = asdict(measured)
        typer.echo(f"{name}: {measured}")
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
